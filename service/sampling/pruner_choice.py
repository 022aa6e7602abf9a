"""Which pruner fits which job, and which one `auto` stands for."""

from collections.abc import Iterator

from pydantic import ValidationError

from kerasearch.models.measuring import COSTS
from kerasearch.searchspaces.problems import Problem, unknown
from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.pruners import PRUNERS, Asha, PickedPruner
from kerasearch.service.validation_problems import problems_of

AUTO_TRIALS = 16
AUTO_EPOCHS = 10
AUTO_TRAININGS = 5
"""Wilcoxon's test needs four of them to be sure, and is to save one at least."""

FIRST_RUNG = 3
"""What leads before has begun fast, and may have learned all it will (docs/findings.md)."""


def pruner_of(request: JobRequest) -> PickedPruner:
    """What prunes a job as understood, and why: fixed, since rungs must stay where they are."""
    name, why = request.search.pruner, "it was asked for"
    if name == "auto":
        name, why = _auto(request)
    options = PRUNERS[name].model_validate(request.search.pruner_options)
    rungs = _rungs(request, options) if isinstance(options, Asha) else []
    return PickedPruner(name=name, why=why, options=options.model_dump(), rungs=tuple(rungs))


def pruner_problems(request: JobRequest) -> Iterator[Problem]:
    """What is wrong with a choice of pruner; pointers start at the request's `search`."""
    name, given = request.search.pruner, request.search.pruner_options
    if name not in PRUNERS:
        yield Problem("/pruner", unknown("pruner", name, PRUNERS))
        return
    if name in ("auto", "none"):
        if given:
            detail = f"{name} has none: name the pruner that they are for"
            yield Problem("/pruner_options", detail)
        return
    try:
        options = PRUNERS[name].model_validate(given)
    except ValidationError as error:
        for problem in problems_of(error.errors(), PRUNERS[name]):
            yield problem.under("/pruner_options")
        return
    if not _is_seen_each_epoch(request):
        detail = f"{name} compares trials by one metric of their epochs: say none"
        yield Problem("/pruner", detail)
        return
    if name == "wilcoxon" and request.trainings == 1:
        detail = "wilcoxon compares folds or repeats: say data.split.folds or budget.repeats"
        yield Problem("/pruner", detail)
    if isinstance(options, Asha):
        if request.trainings > 1:
            detail = f"{name} is for one training a trial: of {request.trainings} take wilcoxon"
            yield Problem("/pruner", detail)
        if not _rungs(request, options):
            detail = (
                f"{name} needs a rung: a budget of eta ({options.eta}) trials and epochs, and "
                "min_epochs times eta within the epochs"
            )
            yield Problem("/pruner", detail)


def _auto(request: JobRequest) -> tuple[str, str]:
    trials, epochs, trainings = request.budget.trials, request.budget.epochs, request.trainings
    if not _is_seen_each_epoch(request):
        return "none", "pruners compare trials by one metric of their epochs"
    if trials < AUTO_TRIALS:
        return "none", f"{trials} trials are fewer than the {AUTO_TRIALS} from which pruning pays"
    if trainings >= AUTO_TRAININGS:
        return "wilcoxon", f"of a trial's {trainings} trainings the first may tell enough"
    if trainings > 1:
        return "none", f"{trainings} trainings are too few to compare a trial with the best"
    if epochs < AUTO_EPOCHS:
        return "none", f"{epochs} epochs are fewer than the {AUTO_EPOCHS} from which pruning pays"
    return "asha", f"of {trials} trials most show long before epoch {epochs} that they lose"


def _is_seen_each_epoch(request: JobRequest) -> bool:
    return len(request.objectives) == 1 and request.objectives[0].metric not in COSTS


def _rungs(request: JobRequest, options: Asha) -> list[int]:
    """Epochs, the last of them `eta` times short of the last epoch."""
    epochs, eta = request.budget.epochs, options.eta
    if options.min_epochs is None:
        count = 0
        while eta ** (count + 1) <= min(request.budget.trials, epochs):
            count += 1
        every = [round(epochs / eta ** (count - index)) for index in range(count)]
        return [rung for rung in every if rung >= FIRST_RUNG] or every[-1:]
    rungs, rung = [], options.min_epochs
    while rung * eta <= epochs:
        rungs.append(rung)
        rung *= eta
    return rungs
