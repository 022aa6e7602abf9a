"""A trial that was interrupted, by a rung or by the end of its process, comes to the same."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import pytest
from sqlalchemy import update

from kerasearch.models.training import TrainedModel
from kerasearch.service import worker
from kerasearch.service.files import listing
from kerasearch.service.reports import Reports
from kerasearch.service.settings import Settings
from kerasearch.service.store import leases, rungs, trial_views, trials
from kerasearch.service.store.leases import Lease
from kerasearch.service.store.tables import rungs as rungs_table
from kerasearch.service.testing import QUICK, accept, new_database
from kerasearch.service.trials import Trial, TrialState

PARAMS = {**QUICK, "dropout": 0.3, "learning_rate": 0.003}
SEED = 11


class Killed(BaseException):
    """Nothing that this process does comes after it."""


class Service:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.database = new_database(folder)
        self._numbers = itertools.count()

    def accept(self, pruner: str = "none", **budget: object) -> str:
        options = {"eta": 2, "min_epochs": 2} if pruner == "asha" else {}
        return accept(
            self.database,
            search={"pruner": pruner, "pruner_options": options},
            budget={"trials": 9, "epochs": 8, **budget},
            training={"early_stopping": None},
        )

    def begin(self, job_id: str, number: int = 0) -> Lease:
        with self.database.write() as tx:
            row_id = trials.add_trial(tx, job_id, number, PARAMS, SEED)
        return self.place(row_id)

    def place(self, row_id: int) -> Lease:
        with self.database.write() as tx:
            lease = leases.place(tx, row_id)
        assert lease is not None
        return lease

    def run(self, lease: Lease) -> Trial:
        worker.run_lease(self.database, self.settings, lease)
        return self.trial(lease)

    def trial(self, lease: Lease) -> Trial:
        with self.database.read() as tx:
            return trial_views.read_trial_row(tx, lease.trial_id)

    def promote(self, lease: Lease) -> Lease:
        with self.database.write() as tx:
            rungs.queue_again(tx, lease.trial_id)
        return self.place(lease.trial_id)

    def weights(self, job_id: str, trial: Trial) -> list[np.ndarray]:
        folder = self.settings.attempt_dir(job_id, trial.number, len(trial.attempts))
        weights: list[np.ndarray] = keras.models.load_model(folder / "model.keras").get_weights()
        return weights

    def checkpoints(self, job_id: str) -> list[str]:
        return listing(self.settings.checkpoints_dir(job_id))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trial, list[np.ndarray]]]:
    """The trial without interruption, and its best epoch's weights."""
    service = Service(tmp_path_factory.mktemp("whole"))
    job_id = service.accept()
    trial = service.run(service.begin(job_id))
    yield trial, service.weights(job_id, trial)
    service.database.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.database.close()


def _assert_same(service: Service, job_id: str, trial: Trial, whole: tuple[Trial, list]) -> None:
    other, weights = whole
    assert (trial.state, trial.reason) == (TrialState.COMPLETE, None)
    assert (trial.best_epoch, len(trial.values)) == (other.best_epoch, len(other.values))
    assert trial.value == pytest.approx(other.value, abs=1e-6)
    for name, curve in other.curves.items():
        assert trial.curves[name] == pytest.approx(curve, abs=1e-6)
    for mine, theirs in zip(service.weights(job_id, trial), weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_trial_goes_on_from_rung_to_rung_and_trains_no_epoch_twice(
    service: Service, whole: tuple[Trial, list[np.ndarray]]
) -> None:
    job_id = service.accept("asha")
    lease = service.begin(job_id)
    first = service.run(lease)
    assert (first.state, first.reason) == (
        TrialState.PRUNED,
        "asha: not among the best 1 in 2 at epoch 2",
    )
    assert first.value == max(value or 0 for value in first.values)
    assert (len(first.values), first.best_epoch is not None) == (2, True)
    folder = service.settings.attempt_dir(job_id, 0, 1)
    assert {"confusion_matrix.json", "model_summary.txt"} < set(listing(folder))
    assert len(service.checkpoints(job_id)) == 1

    second = service.run(service.promote(lease))
    assert (second.state, len(second.values)) == (TrialState.PRUNED, 4)
    last = service.run(service.promote(lease))
    _assert_same(service, job_id, last, whole)
    assert [attempt.outcome for attempt in last.attempts] == ["pruned", "pruned", "complete"]
    assert service.checkpoints(job_id) == []
    assert (last.path, last.path_reason) == ("compiled epochs", "kept from another trial")


def test_a_pruned_trial_whose_checkpoint_is_gone_is_trained_anew(
    service: Service, whole: tuple[Trial, list[np.ndarray]]
) -> None:
    job_id = service.accept("asha")
    lease = service.begin(job_id)
    service.run(lease)
    for name in service.checkpoints(job_id):
        (service.settings.checkpoints_dir(job_id) / name).unlink()
    with service.database.write() as tx:
        tx.execute(update(rungs_table).values(promoted=True))
        rungs.arrive(tx, rungs.Rung(job_id, 0, 4), lease.trial_id, cost=-0.5, eta=1)
    _assert_same(service, job_id, service.run(service.promote(lease)), whole)


@pytest.mark.parametrize(("checkpoint_s", "begins_at"), [(0.0, 6), (3600.0, 1)])
def test_a_trial_whose_process_is_killed_goes_on_after_its_last_checkpoint_or_runs_again(
    service: Service,
    whole: tuple[Trial, list[np.ndarray]],
    monkeypatch: pytest.MonkeyPatch,
    checkpoint_s: float,
    begins_at: int,
) -> None:
    service.settings = service.settings.model_copy(update={"checkpoint_s": checkpoint_s})
    job_id = service.accept()
    trained, trial = _killed_once(service, service.begin(job_id), monkeypatch, in_epoch=6)
    assert trained == [*range(1, 7), *range(begins_at, 9)]
    _assert_same(service, job_id, trial, whole)
    assert [attempt.outcome for attempt in trial.attempts] == ["lost", "complete"]
    assert service.checkpoints(job_id) == []


def _killed_once(
    service: Service, lease: Lease, monkeypatch: pytest.MonkeyPatch, in_epoch: int
) -> tuple[list[int], Trial]:
    """The epochs that both attempts trained, and the trial in the end."""
    trained: list[int] = []
    add = Reports.add

    def die_once(reports: Reports, epoch: int, metrics: Mapping[str, float]) -> bool:
        trained.append(epoch)
        if len(trained) == in_epoch:
            raise Killed
        return add(reports, epoch, metrics)

    monkeypatch.setattr(Reports, "add", die_once)
    with pytest.raises(Killed):
        service.run(lease)
    with service.database.write() as tx:
        leases.lose(tx, lease, "its process was killed by signal 9")
    return trained, service.run(service.place(lease.trial_id))


@pytest.fixture(scope="module")
def of_several(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Trial, list[np.ndarray]]]:
    """A trial of three trainings without interruption, and its best epoch's weights."""
    service = Service(tmp_path_factory.mktemp("several"))
    job_id = service.accept(repeats=3)
    trial = service.run(service.begin(job_id))
    yield trial, service.weights(job_id, trial)
    service.database.close()


@pytest.mark.parametrize("killed_after", [3, 8, 9, 13, 16, 21])
def test_a_trial_of_several_trainings_goes_on_in_the_one_that_was_interrupted(
    service: Service,
    of_several: tuple[Trial, list[np.ndarray]],
    monkeypatch: pytest.MonkeyPatch,
    killed_after: int,
) -> None:
    """After epochs of any of the three, of 8 epochs each, the last ones too."""
    service.settings = service.settings.model_copy(update={"checkpoint_s": 0.0})
    job_id = service.accept(repeats=3)
    monkeypatch.setattr(TrainedModel, "told", {"path_reason": "as the first attempt told"})
    trained, trial = _killed_once(
        service, service.begin(job_id), monkeypatch, in_epoch=killed_after + 1
    )
    assert len(trained) == 24 + 1, "only the epoch in which it was killed is trained twice"
    whole, _ = of_several
    assert [training.value for training in trial.trainings] == pytest.approx(
        [training.value for training in whole.trainings]
    )
    assert trial.std_error == pytest.approx(whole.std_error)
    best = int(np.argmax([training.value for training in whole.trainings]))
    is_made_again = best < killed_after // 8
    assert (trial.path_reason == "as the first attempt told") is is_made_again
    _assert_same(service, job_id, trial, of_several)
    assert service.checkpoints(job_id) == []


def test_the_time_limit_of_a_trial_counts_what_it_took_until_it_was_pruned(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = service.accept("asha", trial_time_s=3600)
    lease = service.begin(job_id)
    service.run(lease)
    again = service.promote(lease)
    with service.database.write() as tx:
        tx.exec_driver_sql("UPDATE attempts SET started_at = started_at - 3600 WHERE number = 1")
        spent = "json_set(checkpoint, '$.spent_s', 3600.0)"
        tx.exec_driver_sql(f"UPDATE trials SET checkpoint = {spent}")
    trial = service.run(again)
    assert (trial.state, len(trial.values)) == (TrialState.COMPLETE, 3)
    assert trial.reason == "its time limit of 3600 s ended it"
    assert trial.duration_s is not None
    assert trial.duration_s > 3600


def test_a_verdict_ends_the_training_and_the_best_epoch_counts(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = service.accept("median")
    lease = service.begin(job_id)
    add = Reports.add

    def judge(reports: Reports, epoch: int, metrics: Mapping[str, float]) -> bool:
        if epoch == 3:
            with service.database.write() as tx:
                leases.prune(tx, lease, "median: its objective was too low")
        return add(reports, epoch, metrics)

    monkeypatch.setattr("kerasearch.service.reports.REPORT_INTERVAL_S", 0.0)
    monkeypatch.setattr("kerasearch.service.reports.LONG_EPOCH_S", 0.0)
    monkeypatch.setattr(Reports, "add", judge)
    trial = service.run(lease)
    assert (trial.state, trial.reason) == (TrialState.PRUNED, "median: its objective was too low")
    assert len(trial.values) == 3
    assert trial.value == max(value or 0 for value in trial.values)
    assert trial.model_sha256 is not None, "no trial is complete: it may be the best"
    assert service.checkpoints(job_id) == []
