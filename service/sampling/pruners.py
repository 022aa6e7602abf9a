"""The pruners: what a person may set of each, and what prunes a job.

Imports no library: requests are checked by the API, and rungs are reached in trial processes.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1, le=100_000, strict=True)]
Steps = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class NoOptions(BaseModel):
    """Of a pruner that has nothing to set.

    A step is an epoch; of trials that train several times, folds or repeats, it is a training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Median(NoOptions):
    """As of `optuna.pruners.MedianPruner`: worse than the median of the complete trials.

    Attributes:
        n_startup_trials: Complete trials before any is pruned.
        n_warmup_steps: Of each trial, that nothing is pruned in.
        interval_steps: From one look to the next.
        n_min_trials: That have reached the step.
    """

    n_startup_trials: Steps = 5
    n_warmup_steps: Steps = 0
    interval_steps: Count = 1
    n_min_trials: Count = 1


class Percentile(Median):
    """As of `optuna.pruners.PercentilePruner`: not among the best `percentile` percent."""

    percentile: Annotated[float, Field(ge=0, le=100, strict=True)] = 25.0


class Patient(NoOptions):
    """As of `optuna.pruners.PatientPruner`.

    Attributes:
        patience: Steps without improvement by more than `min_delta` that are waited for.
        pruner: Then this one decides, as it does by default; `none` prunes then.
    """

    patience: Steps = 10
    min_delta: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.0
    pruner: Literal["none", "median"] = "median"


class Threshold(NoOptions):
    """As of `optuna.pruners.ThresholdPruner`: below `lower` or above `upper`."""

    lower: Number | None = None
    upper: Number | None = None
    n_warmup_steps: Steps = 0
    interval_steps: Count = 1

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError("give lower, upper or both: threshold prunes what is beyond them")
        return self


class Wilcoxon(NoOptions):
    """As of `optuna.pruners.WilcoxonPruner`, training by training against the best trial."""

    p_threshold: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.1
    n_startup_steps: Steps = 2


class Asha(NoOptions):
    """Asynchronous successive halving (Li et al. 2020, algorithm 2).

    Attributes:
        eta: At each rung the best of so many go on.
        min_epochs: The first rung; each further one is `eta` times as far. None sets rungs back
            from the last epoch, as many as the trials of the budget can fill, those before the
            third epoch left out unless it is the only one.
    """

    eta: Annotated[int, Field(ge=2, le=100, strict=True)] = 3
    min_epochs: Count | None = None


class Hyperband(Asha):
    """Hyperband (Li et al. 2018): the same with fewer rungs, and with none, for some trials."""


PRUNERS: dict[str, type[NoOptions]] = {
    "auto": NoOptions,
    "none": NoOptions,
    "median": Median,
    "percentile": Percentile,
    "asha": Asha,
    "hyperband": Hyperband,
    "wilcoxon": Wilcoxon,
    "patient": Patient,
    "threshold": Threshold,
}


class PickedPruner(BaseModel):
    """What prunes a job, fixed when it is accepted.

    Attributes:
        options: All of them, defaults filled in.
        rungs: Epochs at which asha and hyperband decide.
    """

    model_config = ConfigDict(frozen=True)

    name: str = "none"
    why: str = "it was asked for"
    options: dict[str, object] = {}
    rungs: tuple[int, ...] = ()

    @property
    def compares_running(self) -> bool:
        """Whether the scheduler decides, trial by trial; at rungs their processes do."""
        return self.name != "none" and not self.rungs

    @property
    def eta(self) -> int:
        return Asha.model_validate(self.options).eta

    def bracket(self, number: int) -> int:
        """Rungs that this trial doesn't stop at: it competes with those that skip as many."""
        if self.name != "hyperband":
            return 0
        # Hyperband's numbers of trials (its algorithm 1, line 3), mixed evenly.
        most = len(self.rungs)
        shares = [
            math.ceil((most + 1) / (most - skipped + 1) * self.eta ** (most - skipped))
            for skipped in range(most + 1)
        ]
        given = [0] * (most + 1)
        bracket = 0
        for turn in range(1, number % sum(shares) + 2):
            bracket = max(
                range(most + 1),
                key=lambda skipped: shares[skipped] * turn - given[skipped] * sum(shares),
            )
            given[bracket] += 1
        return bracket
