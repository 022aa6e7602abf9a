import pytest

from kerasearch.searchspaces import SPACES, InvalidInput, default_space, space_for
from kerasearch.searchspaces.domains import COUNT, RATE, Domain, domain_of
from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal


@pytest.mark.parametrize("family", SPACES)
def test_what_a_family_tries_is_in_its_domain(family):
    for name, parameter in default_space(family).parameters.items():
        domain = domain_of(name)
        assert domain is None or domain.admits(parameter), f"{name}: {parameter}"


def test_a_name_with_a_number_is_read_as_the_name():
    assert domain_of("units_3") is domain_of("units") is COUNT
    assert domain_of("dense_units") is COUNT
    assert domain_of("activation") is None


@pytest.mark.parametrize(
    "parameter",
    [
        Choice(values=(0.2, 1.0)),
        Choice(values=(-0.1,)),
        Choice(values=(None,)),
        Float(low=0, high=1),
        Float(low=-0.1, high=0.5),
        Normal(mean=-5, std=0.1, log=True),
    ],
)
def test_a_rate_stays_in_its_bounds_at_both_ends(parameter):
    assert not RATE.admits(parameter)


def test_a_domain_admits_its_ends_and_says_them():
    assert RATE.admits(Float(low=0, high=0.99))
    assert Domain(or_zero=True, most=1).admits(Float(low=0, high=1))
    assert not COUNT.admits(Int(low=0, high=5))
    assert COUNT.admits(Float(low=10, high=100, round_to=10))
    assert str(RATE) == "a number at least 0 and below 1"
    assert str(COUNT) == "a whole number at least 1"


@pytest.mark.parametrize(
    ("family", "raw", "words"),
    [
        ("mlp", {"dropout": 1.5}, "dropout must be a number at least 0 and below 1"),
        ("mlp", {"units_1": -3}, "units_1 must be a whole number at least 1"),
        ("mlp", {"activation": "reluu"}, "no activation 'reluu'; did you mean 'relu'?"),
        ("cnn", {"pooling": "mean"}, "no pooling 'mean'"),
        ("som", {"sigma": 0.0}, "sigma must be a number above 0"),
    ],
)
def test_what_every_trial_would_fail_at_is_refused_at_its_place(family, raw, words):
    with pytest.raises(InvalidInput) as caught:
        space_for(family, raw)
    (problem,) = caught.value.problems
    assert problem.pointer == f"/{next(iter(raw))}"
    assert problem.detail.startswith(words)
