import httpx
import pytest


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip", "[::1"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(http: httpx.Client, host: str) -> None:
    refused = http.get("/v1/jobs", headers={"Host": host})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert "localhost" in refused.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:8000"])
def test_every_name_of_this_machine_is_known(http: httpx.Client, host: str) -> None:
    assert http.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "null", "http://[", "127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/mlflow/ajax-api/2.0/mlflow/runs/create"])
def test_a_page_of_another_site_can_post_nothing(
    http: httpx.Client, origin: str, path: str
) -> None:
    document = {"model": "mlp", "data": {"dataset": "digits"}}
    refused = http.post(path, json=document, headers={"Origin": origin})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert http.get("/v1/jobs").json()["items"] == []


def test_a_page_of_this_service_can_use_it(http: httpx.Client) -> None:
    own = str(http.base_url).rstrip("/")
    assert http.get("/v1/jobs", headers={"Origin": own}).status_code == 200
