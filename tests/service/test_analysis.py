"""What is said of a job follows from its trials."""

import pytest

from kerasearch.service.analysis import Diagnosis, analyse, diagnose
from kerasearch.service.jobs import Job, JobRequest, JobState, Progress
from kerasearch.service.trials import BestTrial, Trial, TrialState

SPACE = {
    "units": {"type": "choice", "values": [8, 16, 32]},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "activation": {"type": "choice", "values": ["relu", "tanh", "elu"]},
}
MIDDLE = {"units": 16, "learning_rate": 3e-3, "activation": "relu"}


def make_trial(number: int = 0, **parts: object) -> Trial:
    base = {"number": number, "state": "complete", "params": MIDDLE, "seed": 1, "value": 0.9}
    return Trial.model_validate({**base, **parts})


def make_job(best: Trial | None, **parts: object) -> Job:
    request = {"model": "mlp", "data": {"dataset": "digits"}, "space": SPACE}
    top = best and BestTrial(
        number=best.number,
        params=best.params,
        value=0.9,
        metrics=best.metrics,
        best_epoch=best.best_epoch or 1,
        run_id=None,
        model_sha256="0",
    )
    return Job.model_validate(
        {
            "id": "j",
            "name": "j",
            "state": JobState.COMPLETED,
            "request": JobRequest.model_validate(request),
            "dataset_id": "d",
            "trials": {},
            "sampler": {"name": "tpe", "why": "the job says so"},
            "best": top,
            "progress": Progress(done=1, total=1, elapsed_s=1, eta_s=None),
            "created_at": "2026-01-01T00:00:00Z",
            **parts,
        }
    )


def warnings_of(best: Trial, **parts: object) -> str:
    job = make_job(best, trials={TrialState.COMPLETE: 12}, **parts)
    return "\n".join(analyse(job, best, {}).warnings)


def diagnosis(losses: tuple[float, ...] = (), **metrics: float) -> Diagnosis:
    found = diagnose(make_trial(metrics=metrics, curves={"loss": list(losses)}))
    assert found is not None
    return found


def test_a_gap_between_train_and_validation_is_variance() -> None:
    assert diagnosis(accuracy=0.99, val_accuracy=0.90).verdict == "high variance"
    assert diagnosis(loss=0.1, val_loss=0.5).verdict == "high variance"
    assert diagnosis(accuracy=0.92, val_accuracy=0.90).verdict == "no sign of overfitting"
    assert (
        "0.99 on train and 0.9 on validation" in diagnosis(accuracy=0.99, val_accuracy=0.9).in_words
    )


def test_a_train_accuracy_near_that_of_the_largest_class_is_said() -> None:
    trial = make_trial(metrics={"accuracy": 0.53, "val_accuracy": 0.52})
    found = diagnose(trial, chance=0.5)
    assert found is not None
    assert found.verdict == "hardly learned"
    assert "the largest class alone would give 0.5;" in found.in_words
    learned = diagnose(trial, chance=0.1)
    assert learned is not None
    assert learned.verdict == "no sign of overfitting"


def test_nothing_is_said_of_a_best_that_isnt_there() -> None:
    (warning,) = analyse(make_job(None), None, {}).warnings
    assert warning == "only 0 trials are complete: of fewer than 10, importances say little"


def test_a_loss_that_still_falls_is_said() -> None:
    falling = tuple(1 - 0.05 * epoch for epoch in range(10))
    assert diagnosis(falling, accuracy=0.8, val_accuracy=0.8).verdict == "still learning"
    level = (*falling, *[0.55] * 10)
    assert diagnosis(level, accuracy=0.8, val_accuracy=0.8).verdict == "no sign of overfitting"


def test_nothing_is_diagnosed_of_metrics_that_say_nothing() -> None:
    assert diagnose(make_trial(metrics={})) is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"units": 32}, "the best units is 32, the end of its choices"),
        ({"learning_rate": 0.09}, "the best learning_rate is 0.09, at its bound 0.1"),
        ({"learning_rate": 1.1e-4}, "at its bound 0.0001"),
    ],
)
def test_a_best_value_at_the_end_of_its_range_is_warned_of(
    params: dict[str, object], said: str
) -> None:
    assert said in warnings_of(make_trial(params={**MIDDLE, **params}))


def test_a_best_value_that_was_rounded_to_0_lies_at_the_low_end() -> None:
    space = {"weight_decay": "{{qloguniform(-9, -2, 0.01)}}"}
    request = JobRequest.model_validate(
        {"model": "mlp", "data": {"dataset": "digits"}, "space": space}
    )
    said = warnings_of(make_trial(params={"weight_decay": 0.0}), request=request)
    assert "the best weight_decay is 0, at its bound 0.0001234" in said


def test_nothing_is_warned_of_where_nothing_is_odd() -> None:
    assert warnings_of(make_trial(best_epoch=3, curves={"loss": [1.0] * 9})) == ""


def test_a_best_epoch_that_was_the_last_one_is_warned_of() -> None:
    assert "best in the last of its 50 epochs" in warnings_of(
        make_trial(best_epoch=50, curves={"loss": [1.0] * 50})
    )


def test_what_the_best_trial_warns_of_is_warned_of() -> None:
    assert warnings_of(make_trial(warnings=["vanishing gradients"])) == "vanishing gradients"


def test_a_test_part_that_was_read_is_warned_of() -> None:
    said = warnings_of(make_trial(), test_read_at="2026-01-02T00:00:00Z")
    assert "the sealed test part has been read" in said


def test_few_trials_and_many_that_could_not_be_trained_are_warned_of() -> None:
    best = make_trial()
    counts = {TrialState.COMPLETE: 1, TrialState.INFEASIBLE: 2, TrialState.QUEUED: 9}
    warnings = analyse(make_job(best, trials=counts), best, {}).warnings
    assert warnings[0].startswith("only 1 trials are complete")
    assert warnings[1].startswith("2 of 3 trials couldn't be trained")
