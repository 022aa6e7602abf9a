"""What a job's trials say, in words and numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.parameters import Choice, Float, Int, Parameter
from kerasearch.service.jobs import Job
from kerasearch.service.trials import Trial, TrialState

IMPORTANCES = "importances.json"
"""Among a job's artifacts: parameter to importance, the largest first, by the mirror's Optuna."""

FEW = 10
"""Complete trials; of fewer, an importance says more of chance than of the parameter."""

GAP = 0.05
"""Between train and validation, in a metric that lies in [0, 1]: above it, the model overfits."""

WORSE = 1.5
"""Validation loss over train loss: the same where the metric has no such scale."""

LEARNED = 0.1
"""Of the rows that the largest class alone gets wrong: who gets fewer right hardly learned."""

FALLING = 0.02
"""Of the train loss in a last tenth of the epochs: it still falls by that share."""

EDGE = 0.05
"""Of a parameter's range: a best value within it of a bound says that the range is too narrow."""


Verdict = Literal["hardly learned", "high variance", "still learning", "no sign of overfitting"]


class Diagnosis(BaseModel):
    """Bias and variance of the best trial.

    Attributes:
        verdict: What a person would do something about first.
        metric: That is compared.
        train: Of the best epoch.
        validation: Of the best epoch.
        in_words: One or two sentences, with advice.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    metric: str
    train: float
    validation: float
    in_words: str


class Analysis(BaseModel):
    """What a job's trials say.

    Attributes:
        importances: Parameter to the share of the objective's variance that it explains, by fANOVA
            (Optuna), the largest first; empty until enough trials are complete.
        diagnosis: None before a trial is complete.
        warnings: Sentences that a person should read before believing the result.
    """

    model_config = ConfigDict(frozen=True)

    importances: dict[str, float]
    diagnosis: Diagnosis | None
    warnings: list[str]


def analyse(
    job: Job, best: Trial | None, importances: Mapping[str, float], chance: float | None = None
) -> Analysis:
    """The analysis of a job.

    Args:
        job: As it is now.
        best: Its best trial, with its curves; None before there is one.
        importances: As the mirror has computed them last; empty: not yet.
        chance: Accuracy of always saying the largest class; None where there are no classes.
    """
    return Analysis(
        importances=dict(importances),
        diagnosis=None if best is None else diagnose(best, chance),
        warnings=[*_warnings(job), *(_of_best(job, best) if best else ())],
    )


def diagnose(trial: Trial, chance: float | None = None) -> Diagnosis | None:
    """Bias and variance by the best epoch; None where nothing can be compared."""
    for metric in ("accuracy", "loss"):
        train, validation = trial.metrics.get(metric), trial.metrics.get(f"val_{metric}")
        if train is not None and validation is not None:
            break
    else:
        return None
    overfits = (
        train - validation > GAP if metric == "accuracy" else validation > WORSE * max(train, 1e-12)
    )
    seen = f"{metric} is {train:.4g} on train and {validation:.4g} on validation"
    verdict: Verdict
    if metric == "accuracy" and chance is not None and train - chance < LEARNED * (1 - chance):
        verdict = "hardly learned"
        seen += f", and the largest class alone would give {chance:.4g}"
        advice = "try a higher learning rate, more epochs, a larger model or other features"
    elif overfits:
        verdict = "high variance"
        advice = "more rows, dropout, weight decay or a smaller model may close the gap"
    elif _still_falls(trial.curves.get("loss", [])):
        verdict = "still learning"
        advice = "its train loss still fell at the end: more epochs or a higher learning rate"
    else:
        verdict = "no sign of overfitting"
        advice = "if that is too little, try a larger model or other features"
    return Diagnosis(
        verdict=verdict,
        metric=metric,
        train=train,
        validation=validation,
        in_words=f"{verdict.capitalize()}: {seen}; {advice}.",
    )


def _still_falls(losses: Sequence[float | None]) -> bool:
    known = [loss for loss in losses if loss is not None]
    tail = max(2, len(known) // 10)
    if len(known) < 2 * tail:
        return False
    before, after = known[-tail], known[-1]
    return before - after > FALLING * abs(before)


def _warnings(job: Job) -> Iterator[str]:
    ended = sum(count for state, count in job.trials.items() if state.ended)
    complete = job.trials.get(TrialState.COMPLETE, 0)
    infeasible = job.trials.get(TrialState.INFEASIBLE, 0)
    if complete < FEW:
        by_chance = " and the best may be best by chance" if job.best or job.pareto else ""
        yield (
            f"only {complete} trials are complete: of fewer than {FEW}, importances say little"
            f"{by_chance}"
        )
    if infeasible > ended / 4:
        yield (
            f"{infeasible} of {ended} trials couldn't be trained: their reasons are in the "
            "trials; narrow the space"
        )
    if job.test_read_at is not None:
        yield (
            "the sealed test part has been read: what is chosen after that, by what it said, has "
            "no honest number any more"
        )


def _of_best(job: Job, best: Trial) -> Iterator[str]:
    yield from best.warnings
    epochs = best.curves.get("loss", [])
    if best.best_epoch is not None and best.best_epoch == len(epochs) == job.request.budget.epochs:
        yield f"the best trial was best in the last of its {len(epochs)} epochs: allow more"
    space = SearchSpace.parse(job.request.space)
    for name, value in best.params.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from _at_an_end(name, value, space.parameters[name])


def _at_an_end(name: str, value: float, parameter: Parameter) -> Iterator[str]:
    """Where a value lies at the end of what the space allows."""
    match parameter:
        case Choice(values=values):
            numbers = [v for v in values if isinstance(v, int | float)]
            if len(numbers) == len(values) > 2 and value in (min(numbers), max(numbers)):
                yield f"the best {name} is {value}, the end of its choices: offer more beyond it"
        case Float(low=low, high=high, log=log) | Int(low=low, high=high, log=log) if low < high:
            if not log:
                share = (value - low) / (high - low)
            else:  # rounding may have led to 0
                share = math.log(value / low) / math.log(high / low) if value > 0 else 0.0
            if not EDGE <= share <= 1 - EDGE:
                end = low if share < EDGE else high
                yield f"the best {name} is {value:.4g}, at its bound {end:.4g}: widen the range"
