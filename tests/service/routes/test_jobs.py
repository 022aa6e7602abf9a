import json
from collections.abc import Callable

import httpx
import httpx_sse
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasearch.service.jobs import JobRequest, JobState
from kerasearch.service.routes.context import Context
from kerasearch.service.store import jobs as store
from kerasearch.service.store import leases, trials
from kerasearch.service.store.database import Database
from kerasearch.service.trials import TrialState

PostJob = Callable[..., str]
RunTrial = Callable[..., bytes]

JOB = {"model": "mlp", "data": {"dataset": "digits"}}

PARTS = ["dataset", "trials", "layers", "dropout", "units_1", "type", "values", "low", "high"]
PARTS += ["when", "log", "step"]

EXAMPLE = {
    "name": "epidemic-lstm",
    "model": "recurrent",
    "data": {
        "dataset": "epidemic-curves",
        "target": "label",
        "split": {"validation": 0.2, "test": 0.2, "stratify": True, "seed": 0, "folds": None},
        "scale": "minmax",
    },
    "space": {
        "cell": "lstm",
        "units": "{{choice([10, 20, 50, 100])}}",
        "second_layer": {"type": "choice", "values": ["one", "two"]},
        "dense_units": {
            "type": "choice",
            "values": [10, 20, 30, 100],
            "when": {"second_layer": ["two"]},
        },
        "learning_rate": {"type": "float", "low": 1.0e-6, "high": 0.1, "log": True},
        "batch_size": {"type": "choice", "values": [64, 128]},
    },
    "objective": {"metric": "val_accuracy", "direction": "maximize"},
    "search": {"engine": "hyperopt", "sampler": "tpe", "pruner": "none", "seed": 7},
    "budget": {"trials": 50, "epochs": 100, "time_s": 3600, "target": 0.99},
    "training": {"early_stopping": {"monitor": "val_loss", "patience": 20}},
    "resources": {"parallel": 2, "gpus": 0},
}
"""The interface's own example, word for word."""


def end(database: Database, job_id: str, state: JobState = JobState.COMPLETED) -> None:
    with database.write() as tx:
        store.start_job(tx, job_id)
        store.end_job(tx, job_id, state, "its budget is used up")


def events(
    http: httpx.Client, job_id: str, last: str | None = None
) -> list[httpx_sse.ServerSentEvent]:
    headers = {} if last is None else {"Last-Event-ID": last}
    path = f"/v1/jobs/{job_id}/events"
    with httpx_sse.connect_sse(http, "GET", path, headers=headers) as source:
        return list(source.iter_sse())


# Submitting


def test_the_documented_example_is_accepted_and_kept(http: httpx.Client) -> None:
    answer = http.post("/v1/jobs", json=EXAMPLE)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert http.get(answer.headers["location"]).json() == job
    assert job["name"] == "epidemic-lstm"
    assert job["state"] == "queued"
    assert job["best"] is None
    assert job["progress"] == {"done": 0, "total": 50, "elapsed_s": 0.0, "eta_s": None}
    for part in ("data", "objective", "search", "budget", "resources"):
        assert EXAMPLE[part].items() <= job["request"][part].items()  # type: ignore[attr-defined]


def test_the_space_is_answered_as_it_was_understood(http: httpx.Client) -> None:
    space = http.post("/v1/jobs", json=EXAMPLE).json()["request"]["space"]
    assert space["cell"] == {"type": "choice", "values": ["lstm"]}
    assert space["units"] == {"type": "choice", "values": [10, 20, 50, 100]}
    assert space["dense_units"]["when"] == {"second_layer": ["two"]}
    assert "layers" in space  # of the family's default


def test_a_job_needs_a_model_and_a_dataset_and_no_more(http: httpx.Client) -> None:
    request = http.post("/v1/jobs", json=JOB).json()["request"]
    assert request["budget"]["trials"] == 20
    assert request["data"]["split"] == {
        "validation": 0.2,
        "test": 0.2,
        "stratify": True,
        "seed": 0,
        "folds": None,
    }
    assert request["training"]["early_stopping"]["patience"] == 10


def test_the_same_key_and_body_are_the_same_job(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (http.post("/v1/jobs", json=EXAMPLE, headers=headers) for _ in range(2))
    assert again.status_code == 202
    assert again.headers["location"] == first.headers["location"]
    assert len(http.get("/v1/jobs").json()["items"]) == 1


def test_the_same_key_and_another_body_are_refused(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    http.post("/v1/jobs", json=JOB, headers=headers)
    refused = http.post("/v1/jobs", json={**JOB, "name": "other"}, headers=headers)
    assert refused.status_code == 409
    assert "send a new key with a new body" in refused.json()["detail"]
    assert len(http.get("/v1/jobs").json()["items"]) == 1


def test_without_a_key_each_post_is_a_job(post_job: PostJob) -> None:
    assert post_job() != post_job()


def test_a_key_of_no_or_very_many_characters_is_refused(http: httpx.Client) -> None:
    for key in ("", "x" * 201):
        refused = http.post("/v1/jobs", json=JOB, headers={"Idempotency-Key": key})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/idempotency-key"


@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ({"model": "mpl"}, "/model"),
        ({"data": {"dataset": "digit"}}, "/data/dataset"),
        ({"space": {"unitz": 3}}, "/space/unitz"),
        ({"space": {"dropout": {"type": "float", "low": 0, "high": True}}}, "/space/dropout/high"),
        ({"space": {"dropout": "{{__import__('os')}}"}}, "/space/dropout"),
        ({"space": {"layers": 10**400}}, "/space/layers"),
        ({"search": {"sampler": "grid"}}, "/search/sampler"),
        ({"objective": {"metric": "accuracy"}}, "/objective/metric"),
        ({"data": {"dataset": "digits", "split": {"validation": 0.6, "test": 0.6}}}, "/data/split"),
        ({"name": "a\x00b"}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_refused_job_is_not_stored(
    http: httpx.Client, part: dict[str, object], pointer: str
) -> None:
    refused = http.post("/v1/jobs", json={**JOB, **part})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert http.get("/v1/jobs").json()["items"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    ("where", "pointer"),
    [
        ('"budget": {"time_s": %s}', "/budget/time_s"),
        ('"budget": {"target": %s}', "/budget/target"),
        ('"data": {"dataset": "digits", "split": {"test": %s}}', "/data/split/test"),
        ('"space": {"dropout": %s}', "/space/dropout"),
    ],
)
def test_no_number_is_infinite(http: httpx.Client, where: str, pointer: str, number: str) -> None:
    body = '{"model": "mlp", "data": {"dataset": "digits"}, ' + where % number + "}"
    refused = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


# Listing and reading


def test_jobs_are_listed_newest_first_in_pages(http: httpx.Client, post_job: PostJob) -> None:
    ids = [post_job() for _ in range(5)]
    listed = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = http.get("/v1/jobs", params=query).json()
        listed.append([job["id"] for job in page["items"]])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert listed == [ids[4:2:-1], ids[2:0:-1], ids[:1]]


def test_jobs_are_listed_by_state(http: httpx.Client, post_job: PostJob) -> None:
    cancelled, queued = post_job(), post_job()
    http.post(f"/v1/jobs/{cancelled}/cancel")
    for state, expected in {"queued": [queued], "cancelled": [cancelled], "failed": []}.items():
        found = http.get("/v1/jobs", params={"state": state}).json()
        assert [job["id"] for job in found["items"]] == expected


@pytest.mark.parametrize("cursor", ["abc", "-1", "1.0", "٣", "9" * 30, "", "1; DROP TABLE jobs"])
def test_a_made_up_cursor_is_refused(http: httpx.Client, cursor: str) -> None:
    refused = http.get("/v1/jobs", params={"cursor": cursor})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/cursor"


@pytest.mark.parametrize("limit", ["0", "1001", "x", "1e3"])
def test_a_page_has_from_one_to_a_thousand_items(http: httpx.Client, limit: str) -> None:
    refused = http.get("/v1/jobs", params={"limit": limit})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize(
    "call",
    [
        *("GET ", "DELETE ", "PATCH ", "POST /pause", "POST /resume", "POST /stop", "POST /retry"),
        *("POST /cancel", "GET /events", "GET /trials", "GET /trials/0", "GET /best"),
    ],
)
def test_an_unknown_job_is_nowhere(http: httpx.Client, call: str) -> None:
    method, _, path = call.partition(" ")
    for job_id in ("nothing", "%00", "x" * 5000):
        body = {"json": {}} if method == "PATCH" else {}
        missing = http.request(method, f"/v1/jobs/{job_id}{path}", **body)
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        assert "no job" in missing.json()["detail"]


def test_a_job_counts_its_trials_and_shows_the_best(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job(budget={"trials": 4})
    for number, value in enumerate([0.5, 0.9, None]):
        run_trial(job_id, number, value)
    job = http.get(f"/v1/jobs/{job_id}").json()
    assert job["trials"]["complete"] == 2
    assert job["trials"]["infeasible"] == 1
    assert job["best"]["number"] == 1
    assert job["progress"]["done"] == 3


# Cancelling


def test_a_job_is_cancelled_with_its_trials_once_and_for_all(
    http: httpx.Client, context: Context, post_job: PostJob
) -> None:
    job_id = post_job()
    with context.database.write() as tx:
        store.start_job(tx, job_id)
        leases.place(tx, trials.add_trial(tx, job_id, 0, {"layers": 1}, 0))
    cancelled = http.post(f"/v1/jobs/{job_id}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["state"] == "cancelled"
    assert cancelled.json()["trials"]["cancelled"] == 1
    again = http.post(f"/v1/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled.json())


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_a_job_that_ended_is_not_cancelled(
    http: httpx.Client, context: Context, post_job: PostJob, state: JobState
) -> None:
    job_id = post_job()
    end(context.database, job_id, state)
    refused = http.post(f"/v1/jobs/{job_id}/cancel")
    assert refused.status_code == 409
    assert state in refused.json()["detail"]
    assert http.get(f"/v1/jobs/{job_id}").json()["state"] == state


# Control


def test_a_job_is_paused_resumed_stopped_and_says_so(http: httpx.Client, post_job: PostJob) -> None:
    job_id = post_job()
    for step, state in {"pause": "paused", "resume": "running", "stop": "stopping"}.items():
        for _ in range(2):
            answer = http.post(f"/v1/jobs/{job_id}/{step}")
            assert (answer.status_code, answer.json()["state"]) == (200, state)


def test_a_step_that_the_state_forbids_is_refused_with_what_is_possible(
    http: httpx.Client, context: Context, post_job: PostJob
) -> None:
    job_id = post_job()
    end(context.database, job_id)
    for step in ("pause", "resume", "stop"):
        refused = http.post(f"/v1/jobs/{job_id}/{step}")
        assert refused.status_code == 409
        assert "is completed and can't be" in refused.json()["detail"]
        assert "but it can be extended, retried" in refused.json()["detail"]


def test_a_budget_is_extended_after_the_job_completed(
    http: httpx.Client, context: Context, post_job: PostJob
) -> None:
    job_id = post_job(budget={"trials": 3, "epochs": 4})
    end(context.database, job_id)
    changed = http.patch(f"/v1/jobs/{job_id}", json={"budget": {"trials": 5}})
    assert changed.status_code == 200
    job = changed.json()
    assert (job["state"], job["reason"], job["ended_at"]) == ("running", None, None)
    assert (job["request"]["budget"]["trials"], job["request"]["budget"]["epochs"]) == (5, 4)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"budget": {"trials": 0}}, "/budget/trials"),
        ({"budget": {"trials": None}}, "/budget/trials"),
        ({"budget": {"epochs": 3}}, "/budget/epochs"),
        ({"budget": None}, "/budget"),
        ({"resources": {"gpus": 1}}, "/resources/gpus"),
        ({"name": "other"}, "/name"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    http: httpx.Client, post_job: PostJob, change: dict[str, object], pointer: str
) -> None:
    refused = http.patch(f"/v1/jobs/{post_job()}", json=change)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


def test_a_target_of_several_objectives_is_refused_as_at_submission(
    http: httpx.Client, post_job: PostJob
) -> None:
    several = [{"metric": "val_accuracy"}, {"metric": "parameters"}]
    posted = http.post("/v1/jobs", json={**JOB, "objective": several, "budget": {"target": 0.9}})
    path = f"/v1/jobs/{post_job(objective=several)}"
    refused = http.patch(path, json={"budget": {"target": 0.9}})
    assert (posted.status_code, refused.status_code) == (422, 422)
    assert refused.json()["errors"] == posted.json()["errors"]
    assert http.patch(path, json={"budget": {"target": None, "trials": 30}}).status_code == 200


def test_a_job_is_deleted_once_it_has_ended(http: httpx.Client, post_job: PostJob) -> None:
    job_id = post_job()
    assert http.delete(f"/v1/jobs/{job_id}").status_code == 409
    http.post(f"/v1/jobs/{job_id}/cancel")
    gone = http.delete(f"/v1/jobs/{job_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert http.get(f"/v1/jobs/{job_id}").status_code == 404
    assert http.delete(f"/v1/jobs/{job_id}").status_code == 404


def test_failed_trials_are_retried(http: httpx.Client, context: Context, post_job: PostJob) -> None:
    job_id = post_job()
    with context.database.write() as tx:
        lease = leases.place(tx, trials.add_trial(tx, job_id, 0, {"layers": 1}, 0))
        assert lease is not None
        leases.finish(tx, lease, leases.Outcome(TrialState.FAILED, "gone"))
    end(context.database, job_id, JobState.FAILED)
    job = http.post(f"/v1/jobs/{job_id}/retry").json()
    assert (job["state"], job["trials"]["queued"], job["trials"]["failed"]) == ("running", 1, 0)


# Events


def test_events_tell_what_happened_in_order_and_end_with_the_job(
    http: httpx.Client, context: Context, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id, other = post_job(), post_job()
    run_trial(job_id, 0, 0.75, epochs=2)
    run_trial(other, 0)
    end(context.database, job_id)
    told = events(http, job_id)
    assert [event.event for event in told] == [
        *("job", "trial", "report", "report", "trial", "job", "job")
    ]
    ids = [int(event.id) for event in told]
    assert ids == sorted(set(ids))
    assert told[0].json() == {"id": job_id, "state": "queued", "reason": None}
    assert told[3].json()["val_accuracy"] == 0.75
    assert told[4].json()["state"] == "complete"
    assert told[-1].json()["state"] == "completed"


def test_events_go_on_after_the_last_one_that_was_read(
    http: httpx.Client, context: Context, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job()
    run_trial(job_id, 0)
    end(context.database, job_id)
    told = [event.id for event in events(http, job_id)]
    for read, last in enumerate(told, start=1):
        assert [event.id for event in events(http, job_id, last)] == told[read:]


def test_events_are_told_as_they_happen(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job()
    with httpx_sse.connect_sse(http, "GET", f"/v1/jobs/{job_id}/events") as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        coming = source.iter_sse()
        assert next(coming).json()["state"] == "queued"
        run_trial(job_id, 0, epochs=1)
        assert [next(coming).event for _ in range(3)] == ["trial", "report", "trial"]
        http.post(f"/v1/jobs/{job_id}/cancel")
        assert [event.json()["state"] for event in coming] == ["cancelled"]


def test_more_events_than_are_read_at_once_are_all_told(
    http: httpx.Client, context: Context, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job()
    run_trial(job_id, 0, epochs=600)
    end(context.database, job_id)
    assert sum(event.event == "report" for event in events(http, job_id)) == 600


@pytest.mark.parametrize("last", ["abc", "-1", "1" * 20])
def test_a_made_up_event_is_refused_before_the_stream(
    http: httpx.Client, post_job: PostJob, last: str
) -> None:
    refused = http.get(f"/v1/jobs/{post_job()}/events", headers={"Last-Event-ID": last})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"][0]["pointer"] == "/last-event-id"


# Whatever comes

names = st.text(max_size=5) | st.sampled_from([*JobRequest.model_fields, *PARTS])
some_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["mlp", "digits", "tpe", "choice", "{{choice([1, 2])}}", "{{", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
nearly_a_job = st.fixed_dictionaries(
    {key: st.just(value) for key, value in JOB.items()},
    optional=dict.fromkeys(("space", "budget", "search", "name", "training"), some_json),
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(document=some_json | nearly_a_job)
def test_any_json_is_a_job_or_a_refusal(http: httpx.Client, document: object) -> None:
    body = json.dumps(document).encode()
    answer = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code != 202:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert all(error["detail"] for error in answer.json()["errors"])
