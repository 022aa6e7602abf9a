"""Running trials are ended as Optuna's own pruners would end them."""

from collections.abc import Sequence
from random import Random

import optuna
import pytest

from kerasearch.service.sampling.pruners import PRUNERS, PickedPruner
from kerasearch.service.sampling.pruning import MAKE, Pruning
from kerasearch.service.store.curves import EpochValue

OPTIONS: dict[str, dict[str, object]] = {
    "threshold": {"lower": 0.3},
    "patient": {"patience": 2, "pruner": "none"},
}


def _picked(name: str, **options: object) -> PickedPruner:
    checked = PRUNERS[name].model_validate({**OPTIONS.get(name, {}), **options})
    return PickedPruner(name=name, options=checked.model_dump())


def _pruning(name: str, *, maximize: bool = True, trainings: int = 1, **more: object) -> Pruning:
    return Pruning(_picked(name, **more), maximize=maximize, trainings=trainings)


def _curve(values: Sequence[float], training: int = 0, after: int = 0) -> list[EpochValue]:
    return [EpochValue(training, after + n, value) for n, value in enumerate(values, start=1)]


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("name", sorted(set(MAKE) - {"wilcoxon"}))
def test_the_verdict_at_every_epoch_is_that_of_optuna(name: str, maximize: bool) -> None:
    rng = Random(name)
    direction = "maximize" if maximize else "minimize"
    own = _pruning(name, maximize=maximize)
    theirs = optuna.create_study(direction=direction, pruner=own._pruner)
    pruned = 0
    for number in range(30):
        curve = [rng.random() for _ in range(8)]
        trial = theirs.ask()
        ended = False
        for value in _curve(curve):
            trial.report(value.value, value.epoch)
            ended = trial.should_prune()
            assert (own.verdict(number, [value]) is not None) == ended
            if ended:
                break
        pruned += ended
        best = max(curve) if maximize else min(curve)
        theirs.tell(
            trial, None if ended else best, state=optuna.trial.TrialState.PRUNED if ended else None
        )
        if not ended:
            own.add_complete(_curve(curve))
    assert 0 < pruned < 30


def test_a_verdict_names_the_pruner_the_epoch_and_the_value() -> None:
    pruning = _pruning("threshold")
    assert pruning.verdict("a", _curve([0.5, 0.4])) is None
    verdict = pruning.verdict("a", _curve([0.25], after=2))
    assert verdict == "threshold: its objective was 0.25 at epoch 3"


def test_what_was_seen_is_not_looked_at_again() -> None:
    pruning = _pruning("threshold")
    pruning.verdict("a", _curve([0.5, 0.4]))
    pruning.verdict("b", _curve([0.5]))
    assert (pruning.last_epoch("a"), pruning.last_epoch("b")) == (2, 1)
    pruning.keep_only(["b"])
    assert (pruning.last_epoch("a"), pruning.last_epoch("b")) == (0, 1)


def _folds(values: Sequence[float]) -> list[EpochValue]:
    """Trainings of three epochs, the second of which is the best."""
    return [
        epoch
        for training, value in enumerate(values)
        for epoch in _curve([value - 0.2, value, value - 0.1], training, 3 * training)
    ]


def test_wilcoxon_compares_trainings_that_have_ended_with_the_best_trial_s() -> None:
    pruning = _pruning("wilcoxon", trainings=6)
    best = [0.9, 0.8, 0.95, 0.85, 0.9, 0.9]
    pruning.add_complete(_folds([0.5] * 6))
    pruning.add_complete(_folds(best))
    poor = _folds([value - 0.1 - n / 100 for n, value in enumerate(best)])
    told = [pruning.verdict("a", [value]) for value in poor]
    ended = [index for index, verdict in enumerate(told) if verdict is not None]
    assert ended[0] == 3 * 4, "with the first epoch after the fourth training"
    assert told[12] == "wilcoxon: its objective was 0.72 at training 4"
    good = _folds([value + n / 100 for n, value in enumerate(best)])
    assert pruning.verdict("b", good) is None


def test_the_trial_that_wilcoxon_compares_with_has_the_best_mean() -> None:
    pruning = _pruning("wilcoxon", trainings=6)
    pruning.add_complete(_folds([0.9, 0.8, 0.95, 0.85, 0.9, 0.5]))
    pruning.add_complete(_folds([0.6] * 6))
    told = [pruning.verdict("a", [value]) for value in _folds([0.8, 0.69, 0.83, 0.72, 0.8])]
    assert told[11:13] == [None, "wilcoxon: its objective was 0.72 at training 4"]


def test_of_several_trainings_other_pruners_compare_the_mean_so_far() -> None:
    pruning = _pruning("median", trainings=3, n_startup_trials=1)
    pruning.add_complete(_folds([0.6, 0.8, 0.7]))
    assert pruning.verdict("a", _folds([0.9, 0.55])) is None
    assert pruning.verdict("b", _folds([0.5, 0.9])) is not None
    assert pruning.verdict("c", _folds([0.65, 0.7, 0.1])) == (
        "median: its objective was 0.675 at training 2"
    )
