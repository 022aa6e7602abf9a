import json
from pathlib import Path

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kerasearch.models import FAMILIES
from kerasearch.models.tasks import TASKS
from kerasearch.searchspaces import SearchSpace, default_space, space_for
from kerasearch.searchspaces.schema import space_schema


def test_every_family_is_listed_with_what_it_does_unasked(http: httpx.Client) -> None:
    listed = http.get("/v1/models").json()
    assert listed["next"] is None
    assert [model["name"] for model in listed["items"]] == list(FAMILIES)
    for model in listed["items"]:
        assert http.get(f"/v1/models/{model['name']}").json() == model
        assert model["task"] == model["tasks"][0]
        assert set(model["tasks"]) <= set(TASKS)
        assert SearchSpace.parse(model["space"]) == default_space(model["name"])
        assert model["training"]["batch_size"] == 32
        assert model["training"]["early_stopping"]["monitor"] == "val_loss"
        assert "entry" not in model


def test_an_unknown_family_is_told_the_nearest_one(http: httpx.Client) -> None:
    missing = http.get("/v1/models/recurent")
    assert missing.status_code == 404
    assert "did you mean 'recurrent'?" in missing.json()["detail"]


def test_a_space_is_tried_without_a_job(http: httpx.Client) -> None:
    space = {
        "cell": "lstm",
        "units": "{{choice([10, 20])}}",
        "layers": {"type": "int", "low": 1, "high": 2},
        "units_2": {"type": "choice", "values": [8, 16, 32], "when": {"layers": [2]}},
    }
    tried = http.post("/v1/spaces", json=space).json()
    assert tried["size"] == 2 * (1 + 3)
    assert len(tried["samples"]) == 10
    for params in tried["samples"]:
        assert SearchSpace.parse(tried["space"]).check(params) == params
    assert http.post("/v1/spaces", json=tried["space"]).json() == tried
    assert http.get("/v1/jobs").json()["items"] == []


def test_a_space_is_tried_over_a_models_default(http: httpx.Client) -> None:
    tried = http.post("/v1/spaces", params={"model": "mlp"}, json={"layers": 1}).json()
    assert tried["space"] == space_for("mlp", {"layers": 1}).canonical()
    missing = http.post("/v1/spaces", params={"model": "mpl"}, json={}).json()
    assert missing["errors"][0]["pointer"] == "/model"


def test_a_space_of_a_real_number_has_no_size(http: httpx.Client) -> None:
    assert http.post("/v1/spaces", json={"rate": "{{uniform(0, 1)}}"}).json()["size"] is None


def test_an_infinite_space_has_discrete_branches(http: httpx.Client) -> None:
    space = {"rate": "{{uniform(0, 1)}}", "units": "{{choice([10, 20, 30])}}"}
    tried = http.post("/v1/spaces", json=space).json()
    assert (tried["size"], tried["branches"]) == (None, 3)


WRONG = Path(__file__).parents[2] / "searchspaces" / "wrong_spaces.json"


def test_what_is_no_space_is_refused_by_its_place(http: httpx.Client) -> None:
    for wrong in json.loads(WRONG.read_text()):
        refused = http.post("/v1/spaces", json=wrong["space"])
        assert refused.status_code == 422, wrong
        (error,) = refused.json()["errors"]
        assert error["pointer"] == wrong["pointer"]
        assert wrong["says"] in error["detail"]


def test_editors_are_given_a_schema_of_spaces(http: httpx.Client) -> None:
    schema = http.get("/v1/spaces/schema").json()
    assert schema == space_schema()
    Draft202012Validator(schema).validate(http.get("/v1/models/mlp").json()["space"])


numbers = st.integers() | st.floats() | st.booleans()
parameter = st.fixed_dictionaries(
    {"type": st.sampled_from(["choice", "float", "int", "normal", "x"])},
    optional={
        **dict.fromkeys(("low", "high", "step", "mean", "std", "round_to", "log"), numbers),
        "values": st.lists(numbers | st.text(max_size=3) | st.none(), max_size=3),
        "when": st.dictionaries(st.sampled_from("abc"), st.lists(numbers, max_size=2), max_size=2),
    },
)
hyperas = st.builds(
    "{{{{{}({})}}}}".format,
    st.sampled_from(["choice", "uniform", "quniform", "loguniform", "lognormal", "randint", "x"]),
    st.lists(numbers, max_size=3).map(lambda values: str(values)[1:-1]),
)
spaces = st.dictionaries(st.sampled_from("abc"), parameter | hyperas | numbers, max_size=3)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(space=spaces)
def test_any_space_is_tried_or_refused(http: httpx.Client, space: dict[str, object]) -> None:
    body = json.dumps(space).encode()
    answer = http.post("/v1/spaces", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code == 200:
        assert SearchSpace.parse(answer.json()["space"])
    else:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
