"""Trials of one architecture are told from others before any model is built."""

import pytest

from kerasearch.service.executors.affinity import architecture_of
from kerasearch.service.jobs import JobRequest
from kerasearch.service.trials import Params

REQUEST = JobRequest.model_validate({"model": "mlp", "data": {"dataset": "digits"}})
PARAMS: Params = {"units_1": 16, "dropout": 0.2, "learning_rate": 0.01, "batch_size": 32}


@pytest.mark.parametrize(
    "other",
    [{"dropout": 0.4}, {"learning_rate": 1.0}, {"batch_size": 64}, {"clipnorm": None}],
)
def test_numbers_that_a_compiled_epoch_takes_make_no_other_architecture(other: Params) -> None:
    assert architecture_of(REQUEST, {**PARAMS, **other}) == architecture_of(REQUEST, PARAMS)


@pytest.mark.parametrize(
    "other", [{"units_1": 32}, {"dropout": 0.0}, {"clipnorm": 1.0}, {"activation": "tanh"}]
)
def test_what_shapes_the_model_does(other: Params) -> None:
    assert architecture_of(REQUEST, {**PARAMS, **other}) != architecture_of(REQUEST, PARAMS)


def test_so_do_other_data() -> None:
    elsewhere = JobRequest.model_validate({"model": "mlp", "data": {"dataset": "breast-cancer"}})
    assert architecture_of(elsewhere, PARAMS) != architecture_of(REQUEST, PARAMS)
