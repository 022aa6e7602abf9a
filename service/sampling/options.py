"""What each sampler lets a person set: `search.options`, by engine and sampler.

Named as in the library that has them, and with its defaults where nothing else is said. Imports no
library: requests are checked by the API.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Flag = Annotated[bool, Field(strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Positive = Annotated[float, Field(gt=0, le=1e6, strict=True)]
Count = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Population = Annotated[int, Field(ge=2, le=10_000, strict=True)]


class NoOptions(BaseModel):
    """Of a sampler that has nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OptunaTPE(NoOptions):
    """Attributes as of `optuna.samplers.TPESampler`, but for the default of `group`.

    Attributes:
        n_startup_trials: Drawn at random before the first that is modelled.
        n_ei_candidates: Drawn from the good ones' density, of which the best is proposed.
        multivariate: Model parameters jointly; None as `group` says, which needs it.
        group: Model each branch of a conditional space by itself. None does where the space has
            conditions and one objective.
        constant_liar: Take running trials for bad ones, so that no two alike run at once.
    """

    n_startup_trials: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 10
    n_ei_candidates: Count = 24
    multivariate: Flag | None = None
    group: Flag | None = None
    constant_liar: Flag = True


class CmaEs(NoOptions):
    """Attributes as of `cmaes.CMA`.

    Attributes:
        popsize: Trials a generation; null for 4 + 3 ln(parameters).
        sigma0: First step, as a share of each parameter's range.
        lr_adapt: Adapt the learning rate, for noisy and multimodal objectives.
    """

    popsize: Annotated[int, Field(ge=4, le=10_000, strict=True)] | None = None
    sigma0: Annotated[float, Field(gt=0, le=1, strict=True)] = 1 / 6
    lr_adapt: Flag = False


class Qmc(NoOptions):
    """Attributes as of `optuna.samplers.QMCSampler`, but scrambled by default.

    Attributes:
        qmc_type: The sequence.
        scramble: By the job's seed; else every job has the same points.
    """

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: Flag = True


class NsgaII(NoOptions):
    """Attributes as of `optuna.samplers.NSGAIISampler`.

    Attributes:
        population_size: Trials a generation; the first is drawn at random.
        mutation_prob: Of each parameter; None for one parameter of a trial on average.
        crossover_prob: That a trial has two parents.
        swapping_prob: That a parameter comes from the second of them.
    """

    population_size: Population = 50
    mutation_prob: Share | None = None
    crossover_prob: Share = 0.9
    swapping_prob: Share = 0.5


class Gp(NoOptions):
    """Attributes as of `optuna.samplers.GPSampler`.

    Attributes:
        n_startup_trials: Drawn at random before the first that is modelled.
        deterministic_objective: Whether the same params always give the same value.
    """

    n_startup_trials: Count = 10
    deterministic_objective: Flag = False


class HyperoptTPE(NoOptions):
    """Attributes as of `hyperopt.tpe.suggest`.

    Attributes:
        n_startup_jobs: Drawn at random before the first that is modelled.
        n_EI_candidates: Drawn from the good ones' density, of which the best is proposed.
        gamma: The good ones of n trials are `gamma * sqrt(n)`, at most 25.
        prior_weight: Of the parameter's own distribution, against one trial's weight of 1.
    """

    n_startup_jobs: Count = 20
    n_EI_candidates: Count = 24  # noqa: N815 - Hyperopt's name
    gamma: Positive = 0.25
    prior_weight: Positive = 1.0


class Anneal(NoOptions):
    """Attributes as of `hyperopt.anneal.AnnealingAlgo`.

    Attributes:
        avg_best_idx: Mean rank of the trial around which the next is drawn.
        shrink_coef: How fast the range around it shrinks as trials come.
    """

    avg_best_idx: Annotated[float, Field(ge=1, le=1e6, strict=True)] = 2.0
    shrink_coef: Annotated[float, Field(ge=0, le=1e6, strict=True)] = 0.1


SamplerOptions = NoOptions

OPTIONS: dict[str, dict[str, type[SamplerOptions]]] = {
    "optuna": {
        "auto": NoOptions,
        "tpe": OptunaTPE,
        "random": NoOptions,
        "cmaes": CmaEs,
        "qmc": Qmc,
        "grid": NoOptions,
        "brute_force": NoOptions,
        "nsgaii": NsgaII,
        "gp": Gp,
    },
    "hyperopt": {
        "auto": NoOptions,
        "tpe": HyperoptTPE,
        "random": NoOptions,
        "anneal": Anneal,
        "atpe": NoOptions,
    },
}
"""The samplers of each engine, the default first."""
