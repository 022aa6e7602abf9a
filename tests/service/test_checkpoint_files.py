"""A checkpoint is loaded as it was written, or not at all."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kerasearch.models.checkpoints import Checkpoint
from kerasearch.service.checkpoint_files import Checkpoints, TrialCheckpoint
from kerasearch.service.checkpoint_names import remove_checkpoints
from kerasearch.service.errors import LeaseLost
from kerasearch.service.files import sha256_of
from kerasearch.service.settings import Settings
from kerasearch.service.store import leases, trial_views
from kerasearch.service.store.database import Transaction
from kerasearch.service.store.leases import Lease, StoredCheckpoint
from kerasearch.service.testing import QUICK, accept, new_database, place
from kerasearch.service.trials import Training


class Trials:
    """A trial, whose attempts come and go."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.database = new_database(folder)
        self.job_id = accept(self.database)
        self.lease = place(self.database, self.job_id, QUICK)

    def checkpoints(self) -> Checkpoints:
        with self.database.write() as tx:
            assignment = leases.begin(tx, self.lease, 1, "cpu")
        return Checkpoints(self.database, self.settings, self.lease, assignment)

    def lose(self) -> Lease:
        with self.database.write() as tx:
            leases.put_back(tx, self.lease, "stopped")
            again = leases.place(tx, self.lease.trial_id)
        assert again is not None
        self.lease = again
        return again

    @property
    def files(self) -> list[Path]:
        return sorted(self.settings.checkpoints_dir(self.job_id).glob("*"))


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trials]:
    trial = Trials(tmp_path)
    yield trial
    trial.database.close()


def _nothing(_: Transaction) -> None:
    """There are no reports to be written with it."""


def _after(epochs: int) -> TrialCheckpoint:
    curves = {"loss": [1 / epoch for epoch in range(1, epochs + 1)]}
    return TrialCheckpoint(Checkpoint(curves, 1, [np.ones(3, np.float32)], [np.full(2, epochs)]))


def test_the_next_attempt_loads_the_last_checkpoint_and_no_other_file_is_left(
    trial: Trials,
) -> None:
    checkpoints = trial.checkpoints()
    assert checkpoints.load() == TrialCheckpoint()
    checkpoints.save(_after(2), _nothing)
    checkpoints.save(_after(5), _nothing)
    assert len(trial.files) == 1
    trial.lose()
    later = trial.checkpoints()
    loaded = later.load()
    written = _after(5).current
    assert loaded.current is not None
    assert written is not None
    assert (loaded.epoch, loaded.current.curves, loaded.done) == (5, written.curves, ())
    later.save(_after(6), _nothing)
    assert len(trial.files) == 1
    later.remove()
    assert trial.files == []


def test_the_trainings_before_the_one_that_was_interrupted_come_back(trial: Trials) -> None:
    done = tuple(
        Training(fold=fold, seed=3, value=0.5, best_epoch=1, epochs=4, metrics={"val_loss": 0.1})
        for fold in (0, 1)
    )
    current = _after(2).current
    best, told = _after(4).current, {"path": "model.fit", "warnings": ["vanishing gradients"]}
    trial.checkpoints().save(TrialCheckpoint(current, 1.5, done, best, told), _nothing)
    trial.lose()
    loaded = trial.checkpoints().load()
    assert (loaded.done, loaded.epoch, loaded.seconds, loaded.told) == (done, 10, 1.5, told)
    assert loaded.current is not None
    assert loaded.best is not None
    assert (loaded.current.epoch, loaded.best.epoch) == (2, 4)
    trial.checkpoints().save(TrialCheckpoint(done=done, best=best), _nothing)
    loaded = trial.checkpoints().load()
    assert (loaded.current, loaded.epoch) == (None, 8)


def test_what_attempts_took_until_their_checkpoints_adds_up(
    trial: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    passing = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr("kerasearch.service.checkpoint_files.time", passing)
    spent = []
    for seconds in (5, 2):
        checkpoints = trial.checkpoints()
        clock.now += seconds
        checkpoints.save(_after(seconds), _nothing)
        clock.now += 50  # that nothing goes on from
        trial.lose()
        with trial.database.write() as tx:
            spent.append(leases.begin(tx, trial.lease, 1, "cpu").spent_s)
    assert spent == [5, 7]


@pytest.mark.parametrize("how", ["altered", "gone", "of another", "of an older version"])
def test_a_file_that_is_not_what_was_written_is_not_loaded_and_the_trial_begins_anew(
    trial: Trials, how: str
) -> None:
    with trial.database.write() as tx:
        for epoch in (1, 2, 3):
            leases.report(tx, trial.lease, {epoch: {"val_accuracy": 0.5}})
    trial.checkpoints().save(_after(3), _nothing)
    (file,) = trial.files
    if how == "gone":
        file.unlink()
    elif how == "of an older version":
        with np.load(file) as written:
            arrays = dict(written)
        del arrays["current vanished"]
        np.savez(file, **arrays)
        stored = StoredCheckpoint(trial.lease.attempt, 3, sha256_of(file))
        with trial.database.write() as tx:
            leases.note_checkpoint(tx, trial.lease, stored)
    else:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + b"!" if how == "altered" else content + content)
    trial.lose()
    with trial.database.read() as tx:
        assert len(trial_views.read_trial_row(tx, trial.lease.trial_id).values) == 3
    assert trial.checkpoints().load() == TrialCheckpoint()
    with trial.database.read() as tx:
        assert trial_views.read_trial_row(tx, trial.lease.trial_id).values == []
    assert trial.checkpoints().load() == TrialCheckpoint()


def test_a_full_disk_leaves_the_checkpoint_before(
    trial: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = trial.checkpoints()
    checkpoints.save(_after(2), _nothing)
    before = trial.files

    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasearch.service.checkpoint_files.write_checkpoints", fill)
    checkpoints.save(_after(3), _nothing)
    assert trial.files == before
    trial.lose()
    loaded = trial.checkpoints().load()
    assert loaded.epoch == 2


def test_an_attempt_that_lost_its_trial_leaves_no_file_and_harms_none(trial: Trials) -> None:
    late = trial.checkpoints()
    late.save(_after(2), _nothing)
    trial.lose()
    trial.checkpoints().save(_after(4), _nothing)
    before = trial.files
    with pytest.raises(LeaseLost):
        late.save(_after(4), _nothing)
    assert trial.files == before
    trial.lose()
    loaded = trial.checkpoints().load()
    assert loaded.epoch == 4


def test_a_checkpoint_is_due_after_some_time_of_training(trial: Trials) -> None:
    assert not trial.checkpoints().is_due
    trial.settings = trial.settings.model_copy(update={"checkpoint_s": 0.0})
    assert trial.checkpoints().is_due


def test_the_files_of_trials_that_ended_are_removed_and_those_of_others_stay(
    trial: Trials,
) -> None:
    trial.checkpoints().save(_after(2), _nothing)
    other = place(trial.database, trial.job_id, QUICK, 1)
    (kept,) = trial.files
    trial.lease = other
    trial.checkpoints().save(_after(2), _nothing)
    remove_checkpoints(trial.settings, trial.job_id, [other.trial_id])
    assert trial.files == [kept]
