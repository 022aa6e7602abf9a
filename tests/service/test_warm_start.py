"""A search takes over what means the same to it, and says why it left the rest."""

from typing import Any

from kerasearch.service.jobs import JobRequest
from kerasearch.service.trials import Params
from kerasearch.service.warm_start import EarlierJob, EarlierTrial, learn_from

SPACE = {"units": {"type": "int", "low": 1, "high": 9}, "cell": "lstm"}


def _request(**parts: Any) -> JobRequest:
    document = {"model": "mlp", "data": {"dataset": "digits"}, "space": SPACE, **parts}
    return JobRequest.model_validate(document)


def _job(*trials: tuple[Params, tuple[float, ...] | None], **parts: Any) -> EarlierJob:
    return EarlierJob(_request(**parts), "digits", [*trials])


def _units(units: int, value: float | None = 0.5) -> tuple[Params, tuple[float, ...] | None]:
    return {"units": units, "cell": "lstm"}, None if value is None else (value,)


def test_trials_that_mean_the_same_are_taken() -> None:
    taken, report = learn_from([_job(_units(3, 0.7)), _job(_units(4))], _request(), "digits")
    assert taken == [
        EarlierTrial({"units": 3, "cell": "lstm"}, (0.7,)),
        EarlierTrial({"units": 4, "cell": "lstm"}, (0.5,)),
    ]
    assert (report.taken, report.left) == (2, {})


def test_other_trials_are_left_and_counted_by_reason() -> None:
    job = _job(_units(3), _units(3, 0.9), _units(4, None), _units(10), ({"units": 3}, (0.1,)))
    taken, report = learn_from([job], _request(), "digits")
    assert [trial.values for trial in taken] == [(0.5,)]
    assert report.left == {
        "of the same params as another": 1,
        "without a value": 1,
        "of params outside this space": 2,
    }


def test_values_of_another_meaning_are_left() -> None:
    jobs = [
        _job(_units(1), model="mlp", objective={"metric": "val_loss"}),
        _job(_units(2), _units(3), data={"dataset": "digits", "split": {"seed": 1}}),
        EarlierJob(_request(), "another", [_units(4)]),
        EarlierJob(_request().model_copy(update={"model": "cnn"}), "digits", [_units(5)]),
    ]
    taken, report = learn_from(jobs, _request(), "digits")
    assert taken == []
    assert report.left == {
        "judged by another objective": 1,
        "on other data, or another split or scaling of it": 3,
        "of the model family cnn": 1,
    }


def test_a_dataset_is_the_same_by_whatever_name_it_was_asked_for() -> None:
    job = _job(_units(3))
    data = job.request.data.model_copy(update={"dataset": "its id"})
    again = EarlierJob(job.request.model_copy(update={"data": data}), "digits", job.trials)
    assert len(learn_from([again], _request(), "digits")[0]) == 1
