"""What has to hold of a data folder whoever was killed when; and mending it where it doesn't.

Nothing that could be of worth is deleted: a file that nobody knows is put aside in `set-aside`.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kerasearch.service.errors import Unavailable
from kerasearch.service.files import sha256_of
from kerasearch.service.settings import Settings
from kerasearch.service.store import datasets, invariants, kept, mirrored
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.invariants import Breach
from kerasearch.service.store.retrainings import model_name

SET_ASIDE = "set-aside"

LEFT_OVER = re.compile(r"\.(\d+\.|upload-).+")
"""Names of files that are being written; in a folder that nobody serves, of ones that were."""


@dataclass(frozen=True)
class Invariant:
    """What has to hold, in words, and a look at where it doesn't."""

    holds: str
    breaches: Callable[[Settings, Transaction], Iterator[Breach]]


@dataclass(frozen=True)
class Examined:
    """How an invariant stands.

    Attributes:
        open: Breaches that are there still.
        mended: Breaches that were there.
    """

    invariant: str
    holds: str
    open: list[Breach]
    mended: list[Breach]


def examine(
    settings: Settings, database: Database, *, mend: bool, served: bool = False
) -> Iterator[Examined]:
    """Look at every invariant, in the order in which mending one may help the next.

    Args:
        settings: Of the service that has used the data folder.
        database: Its, of this version.
        mend: Whether to mend what can be; then nobody may serve.
        served: Whether a service uses it now, so that files are being written.

    Raises:
        Unavailable: The database can't be used.
    """
    for name, invariant in INVARIANTS.items():
        if served and invariant.breaches is _left_overs:
            continue
        with database.read() as tx:
            breaches = list(invariant.breaches(settings, tx))
        mended = []
        for breach in breaches if mend else ():
            if breach.mend is not None:
                with database.write() as tx:
                    breach.mend(tx)
                mended.append(breach)
        left = [breach for breach in breaches if breach not in mended]
        yield Examined(name, invariant.holds, left, mended)


def _trials(_settings: Settings, tx: Transaction) -> Iterator[Breach]:
    yield from invariants.trials_are_in_one_state(tx)


def _attempts(_settings: Settings, tx: Transaction) -> Iterator[Breach]:
    yield from invariants.attempts_agree_with_their_trials(tx)


def _jobs(_settings: Settings, tx: Transaction) -> Iterator[Breach]:
    yield from invariants.jobs_agree_with_their_trials(tx)


def _models(settings: Settings, tx: Transaction) -> Iterator[Breach]:
    """Every model is the file that its training wrote, in one of the trial's attempts."""
    for model in kept.kept_models(tx):
        paths = [
            settings.attempt_dir(model.job_id, model.number, attempt) / "model.keras"
            for attempt in range(model.attempt, 0, -1)
        ]
        if model.retraining_id is not None:
            folder = settings.retraining_dir(model.job_id, model.retraining_id)
            paths = [folder / model_name(model.number)]
        damages = [_damage(path, model.sha256) for path in paths]
        if None not in damages:
            path = next((path for path in paths if path.is_file()), paths[0])
            found = str(damages[paths.index(path)])
            mend = _forget_model(settings, path, model.trial_id, f"its model {found}")
            yield Breach(str(path), found, "its trial says so and keeps its value", mend)


def _artifacts(settings: Settings, tx: Transaction) -> Iterator[Breach]:
    """What a retraining left besides models is what it wrote."""
    for left in kept.kept_artifacts(tx):
        folder = settings.retraining_dir(left.job_id, left.retraining_id)
        for name, sha256 in left.digests.items():
            if (found := _damage(folder / name, sha256)) is not None:
                yield Breach(str(folder / name), found, "retrain anew, or restore it from a backup")


def _datasets(settings: Settings, tx: Transaction) -> Iterator[Breach]:
    for dataset in datasets.list_datasets(tx):
        path = settings.datasets_dir / dataset.id / dataset.filename
        if (found := _damage(path, dataset.id)) is not None:
            remedy = "restore it from a backup; jobs on it fail"
            yield Breach(f"dataset {dataset.name}: {path}", found, remedy)


def _left_overs(settings: Settings, _tx: Transaction) -> Iterator[Breach]:
    """No file is half written."""
    roots = (settings.data_dir / "jobs", settings.datasets_dir)
    inside = (path for root in roots for path in root.rglob(".*"))
    for path in sorted((*settings.data_dir.glob(".*"), *inside)):
        if LEFT_OVER.fullmatch(path.name):
            yield Breach(str(path), "was never finished", "it is deleted", _deletion(path))


def _orphans(settings: Settings, tx: Transaction) -> Iterator[Breach]:
    """Every folder of a job or a dataset has its row."""
    known = {
        settings.data_dir / "jobs": kept.jobs_with_files(tx),
        settings.datasets_dir: {dataset.id for dataset in datasets.list_datasets(tx)},
    }
    for root, names in known.items():
        for path in sorted(root.glob("[!.]*")):
            if path.name not in names:
                aside = settings.data_dir / SET_ASIDE / root.name / path.name
                remedy = f"it is put aside in {aside.parent}"
                yield Breach(str(path), "belongs to nothing", remedy, _move(path, aside))


def _mirror(settings: Settings, tx: Transaction) -> Iterator[Breach]:
    """MLflow shows all that ended, or is about to."""
    path = settings.data_dir / "mlflow" / "mlflow.db"
    runs: set[str] = set()
    of_retrainings: set[str] = set()
    if path.is_file():
        with closing(sqlite3.connect(path)) as mlflow:
            try:
                runs = {run for (run,) in mlflow.execute("SELECT run_uuid FROM runs")}
                tagged = "SELECT value FROM tags WHERE key = 'kerasearch.retraining'"
                of_retrainings = {value for (value,) in mlflow.execute(tagged)}
            except sqlite3.OperationalError as error:
                raise Unavailable(f"{path} can't be read: {error}") from error
    yield from mirrored.what_ended_is_mirrored(tx, runs, of_retrainings)


INVARIANTS = {
    "trials": Invariant("each is in one state, and leased while it runs", _trials),
    "attempts": Invariant("they agree with their trials", _attempts),
    "jobs": Invariant("they agree with their trials", _jobs),
    "models": Invariant("every one is there, as it was written", _models),
    "artifacts": Invariant("every one is there, as it was written", _artifacts),
    "datasets": Invariant("every one is there, as it was uploaded", _datasets),
    "left over": Invariant("no file is half written", _left_overs),
    "orphans": Invariant("every folder belongs to a job or a dataset", _orphans),
    "mirror": Invariant("MLflow shows all that ended, or is about to", _mirror),
}


def _damage(path: Path, sha256: str) -> str | None:
    """What is wrong with the file; None where it is as it was written."""
    if not path.is_file():
        return "is missing"
    return None if sha256_of(path) == sha256 else "isn't what was written"


def _forget_model(
    settings: Settings, path: Path, trial_id: int, reason: str
) -> Callable[[Transaction], None]:
    def mend(tx: Transaction) -> None:
        if path.is_file():
            aside = settings.data_dir / SET_ASIDE / path.relative_to(settings.data_dir)
            _move(path, aside)(tx)
        kept.forget_model(tx, trial_id, reason)

    return mend


def _deletion(path: Path) -> Callable[[Transaction], None]:
    def mend(_tx: Transaction) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # its folder may have gone before it

    return mend


def _move(path: Path, to: Path) -> Callable[[Transaction], None]:
    def mend(_tx: Transaction) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)

    return mend
