"""What Optuna draws and what a person reads are one value, seen from two sides."""

import math

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler

from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal, Parameter
from kerasearch.service.sampling.distributions import latent_of, to_display, to_optuna, value_of

PARAMETERS = {
    "choice": Choice(values=(None, True, 1, "1", 0.5)),
    "one value": Choice(values=("adam",)),
    "int": Int(low=-3, high=12, step=5),
    "log int": Int(low=1, high=64, log=True),
    "float": Float(low=-1.0, high=2.0),
    "log float": Float(low=1e-6, high=0.1, log=True),
    "grid": Float(low=0.1, high=0.7, step=0.1),
    "rounded": Float(low=10.0, high=100.0, round_to=8.0),
    "log rounded": Float(low=1.0, high=100.0, log=True, round_to=8.0),
    "normal": Normal(mean=5.0, std=2.0),
    "log normal": Normal(mean=0.0, std=1.0, log=True),
    "rounded normal": Normal(mean=0.0, std=3.0, step=2.0),
    "rounded log normal": Normal(mean=1.0, std=1.0, log=True, step=1.0),
}

every_parameter = pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS.keys())


def _drawn(distribution: BaseDistribution, count: int) -> list[float]:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    return [study.ask({"x": distribution}).params["x"] for _ in range(count)]


@every_parameter
def test_every_latent_value_gives_a_value_of_the_space(parameter: Parameter) -> None:
    for latent in _drawn(to_optuna(parameter), 50):
        value = value_of(parameter, latent)
        allowed = parameter.allow(value)
        assert (type(value), value) == (type(allowed), allowed)


@every_parameter
def test_a_value_comes_back_from_its_latent_one(parameter: Parameter) -> None:
    for drawn in _drawn(to_optuna(parameter), 50):
        value = value_of(parameter, drawn)
        again = value_of(parameter, latent_of(parameter, value))
        assert type(again) is type(value)
        assert again == (pytest.approx(value) if isinstance(value, float) else value)


@every_parameter
def test_a_display_distribution_holds_the_values_themselves(parameter: Parameter) -> None:
    values = [value_of(parameter, latent) for latent in _drawn(to_optuna(parameter), 20)]
    distribution = to_display(parameter, values)
    for value in values:
        optuna.trial.create_trial(value=0, params={"x": value}, distributions={"x": distribution})


def test_true_one_and_the_text_one_are_three_choices() -> None:
    parameter = Choice(values=(1, True, "1"))
    assert [latent_of(parameter, value) for value in (1, True, "1")] == [0, 1, 2]


def test_steps_of_a_tenth_are_tenths() -> None:
    grid = Float(low=0.1, high=0.7, step=0.1)
    assert [value_of(grid, index) for index in range(7)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_a_rounded_value_below_low_has_a_latent_one_inside() -> None:
    rounded = Float(low=10.0, high=100.0, round_to=8.0)
    assert value_of(rounded, 10.0) == 8.0
    assert latent_of(rounded, 8.0) == 10.0


def test_a_normal_is_drawn_by_its_quantile() -> None:
    normal = Normal(mean=5.0, std=2.0)
    assert value_of(normal, 0.5) == 5.0
    assert value_of(normal, 0.8413447460685429) == pytest.approx(7.0)


def test_a_value_far_out_in_a_normals_end_has_the_nearest_latent_one() -> None:
    normal = Normal(mean=0.0, std=1.0)
    assert value_of(normal, latent_of(normal, 50.0)) == pytest.approx(7.94, abs=0.01)
    log_normal = Normal(mean=0.0, std=1.0, log=True, step=1.0)
    assert value_of(log_normal, latent_of(log_normal, 0.0)) == 0.0
    assert math.isfinite(latent_of(log_normal, 1e300))
