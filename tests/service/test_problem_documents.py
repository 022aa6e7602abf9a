import httpx
import pytest

JSON = {"Content-Type": "application/json"}
PROBLEM = "application/problem+json"


def post(http: httpx.Client, body: str | bytes) -> httpx.Response:
    refused = http.post("/v1/jobs", content=body, headers=JSON)
    assert refused.headers["content-type"] == PROBLEM
    assert refused.json()["status"] == refused.status_code
    return refused


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"model":', "character 9"),
        ("model: mlp", "character 0"),
        ("[" * 50_000, "nested too deep"),
        ('{"model": ' + "9" * 5_000 + "}", "too many digits"),
        ('{"model": "é"}'.encode("latin-1"), "no UTF-8"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_the_reason(
    http: httpx.Client, body: str | bytes, reason: str
) -> None:
    refused = post(http, body)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("the body can't be read as JSON: ")
    assert reason in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body must be given"),
        ("[]", "the body must be a mapping of names to values, not a list"),
        ("null", "the body must be a mapping of names to values, not null"),
        ("3", "the body must be a mapping of names to values, not 3"),
    ],
)
def test_a_body_that_is_no_mapping_is_refused_as_a_whole(
    http: httpx.Client, body: str, detail: str
) -> None:
    refused = post(http, body)
    assert refused.status_code == 422
    assert refused.json()["detail"] == detail
    assert refused.json()["errors"] == [{"pointer": "", "detail": detail}]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_json_must_be_said_to_be_json(http: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    refused = http.post("/v1/jobs", content='{"model": "mlp"}', headers=headers)
    assert refused.status_code == 415
    assert refused.headers["content-type"] == PROBLEM
    assert "Content-Type: application/json" in refused.json()["detail"]


def test_every_mistake_is_told_at_once(http: httpx.Client) -> None:
    refused = post(http, '{"model": 3, "data": {"dataset": "digits", "scale": "min-max"}}').json()
    assert [error["pointer"] for error in refused["errors"]] == ["/model", "/data/scale"]
    assert refused["title"] == "Unprocessable Entity"
    assert refused["detail"].startswith("2 things are wrong with the input: /model: must be a text")


def test_of_very_many_mistakes_fifty_are_told(http: httpx.Client) -> None:
    fields = ", ".join(f'"unknown_{i}": 1' for i in range(20_000))
    refused = post(http, "{" + fields + "}")
    assert len(refused.json()["errors"]) == 50
    assert len(refused.content) < 50_000


def test_half_a_surrogate_pair_is_refused_like_any_other_nonsense(http: httpx.Client) -> None:
    space = '{"\\ud800": "\\udfff", "units_1": "\\ud800"}'
    refused = post(http, '{"model": "mlp", "data": {"dataset": "digits"}, "space": ' + space + "}")
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "/space/?",
        "/space/units_1",
    }


def test_pointers_of_a_query_are_the_names_in_it(http: httpx.Client) -> None:
    refused = http.get("/v1/jobs", params={"limit": "many", "state": "runing"}).json()
    assert refused["errors"] == [
        {
            "pointer": "/state",
            "detail": "no state 'runing'; did you mean 'running'? known: cancelled, completed, "
            "failed, paused, queued, running, stopping",
        },
        {"pointer": "/limit", "detail": "must be a whole number, not 'many'"},
    ]
