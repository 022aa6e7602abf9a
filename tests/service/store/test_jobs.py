"""Jobs are accepted once, listed newest first, and change state by lawful steps."""

import threading

import pytest
from sqlalchemy import update

from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import JobRequest, JobState
from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.store import events, jobs, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import jobs as jobs_table
from kerasearch.service.testing import accept, complete
from kerasearch.service.trials import TrialState

REQUEST = JobRequest.model_validate(
    {"name": "n", "model": "mlp", "data": {"dataset": "digits"}, "objective": {}}
)


def _accept(database: Database, key: str | None, body: bytes) -> tuple[str, bool]:
    with database.write() as tx:
        return jobs.accept_job(tx, REQUEST, "dataset", key, body)


def test_an_accepted_job_is_queued_and_told(database: Database) -> None:
    job_id = accept(database, name="epidemic", budget={"trials": 3})
    with database.read() as tx:
        job = jobs.read_job(tx, job_id)
        (event,) = events.events_after(tx, job_id, 0)
    assert (job.id, job.name, job.state) == (job_id, "epidemic", JobState.QUEUED)
    assert job.request.budget.trials == 3
    assert set(job.trials) == set(TrialState)
    assert not any(job.trials.values())
    assert (job.progress.done, job.progress.total, job.progress.eta_s) == (0, 3, None)
    assert (job.best, job.mlflow_url, job.test_read_at) == (None, None, None)
    assert (event.kind, event.data["state"]) == ("job", "queued")


def test_the_same_key_and_body_give_the_same_job(database: Database) -> None:
    first, new = _accept(database, "key", b"body")
    assert new
    assert _accept(database, "key", b"body") == (first, False)


def test_the_same_key_with_another_body_is_a_conflict(database: Database) -> None:
    first, _ = _accept(database, "key", b"body")
    with pytest.raises(Conflict, match=f"another body before, for job {first}"):
        _accept(database, "key", b"other")


def test_without_a_key_the_same_body_is_another_job(database: Database) -> None:
    assert _accept(database, None, b"body")[0] != _accept(database, None, b"body")[0]


def test_one_of_many_posts_at_once_with_one_key_makes_the_job(database: Database) -> None:
    accepted: list[tuple[str, bool]] = []
    threads = [
        threading.Thread(target=lambda: accepted.append(_accept(database, "key", b"body")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job_id for job_id, _ in accepted}) == 1
    assert sum(new for _, new in accepted) == 1


def test_jobs_are_listed_newest_first_a_page_at_a_time(database: Database) -> None:
    ids = [accept(database) for _ in range(5)]
    with database.write() as tx:
        jobs.start_job(tx, ids[1])
        first = jobs.list_jobs(tx, None, 2, None)
        assert first.next is not None
        second = jobs.list_jobs(tx, None, 2, int(first.next))
        assert second.next is not None
        last = jobs.list_jobs(tx, None, 2, int(second.next))
        running = jobs.list_jobs(tx, JobState.RUNNING, 2, None)
    listed = [job.id for page in (first, second, last) for job in page.items]
    assert listed == ids[::-1]
    assert last.next is None
    assert [job.id for job in running.items] == [ids[1]]


def test_a_page_that_ends_with_the_last_job_has_no_next(database: Database) -> None:
    for _ in range(2):
        accept(database)
    with database.read() as tx:
        assert jobs.list_jobs(tx, None, 2, None).next is None


def test_a_job_runs_from_its_start_to_its_end(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        assert not jobs.is_running(tx, job_id)
        jobs.start_job(tx, job_id)
        assert jobs.is_running(tx, job_id)
        assert [job.id for job in jobs.unended_jobs(tx)] == [job_id]
        jobs.end_job(tx, job_id, JobState.COMPLETED, "the budget is used up")
        job = jobs.read_job(tx, job_id)
        assert jobs.unended_jobs(tx) == []
        told = [event.data["state"] for event in events.events_after(tx, job_id, 0)]
    assert (job.state, job.reason) == (JobState.COMPLETED, "the budget is used up")
    assert job.started_at is not None
    assert job.ended_at is not None
    assert told == ["queued", "running", "completed"]


def test_the_time_left_goes_by_the_pace_so_far(database: Database) -> None:
    job_id = accept(database, budget={"trials": 4})
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        lease = trials.place(tx, trials.add_trial(tx, job_id, 0, {}, 0))
        assert lease is not None
        trials.finish(tx, lease, complete(0.5))
        tx.execute(update(jobs_table).values(started_at=jobs_table.c.created_at - 10))
        progress = jobs.read_job(tx, job_id).progress
    assert progress.done == 1
    assert progress.elapsed_s >= 10
    assert progress.eta_s == pytest.approx(3 * progress.elapsed_s)


def test_a_cancelled_job_stays_cancelled(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.cancel_job(tx, job_id)
        jobs.cancel_job(tx, job_id)
        jobs.start_job(tx, job_id)
        jobs.end_job(tx, job_id, JobState.COMPLETED, "done")
        assert jobs.read_job(tx, job_id).state is JobState.CANCELLED
        assert [e.data["state"] for e in events.events_after(tx, job_id, 0)] == [
            "queued",
            "cancelled",
        ]


def test_an_ended_job_cannot_be_cancelled(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.end_job(tx, job_id, JobState.FAILED, "no trial had a value")
        with pytest.raises(Conflict, match=f"job {job_id} is failed and can't be cancelled"):
            jobs.cancel_job(tx, job_id)


def test_an_unknown_job_is_not_found(database: Database) -> None:
    with database.write() as tx:
        with pytest.raises(NotFound, match="no job 'x'"):
            jobs.read_job(tx, "x")
        with pytest.raises(NotFound, match="no job 'x'"):
            jobs.cancel_job(tx, "x")


def test_the_first_read_of_the_test_part_is_recorded_and_no_later_one(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.record_test_read(tx, job_id)
        first = jobs.read_job(tx, job_id).test_read_at
        tx.execute(update(jobs_table).values(test_read_at=jobs_table.c.test_read_at - 60))
        jobs.record_test_read(tx, job_id)
        second = jobs.read_job(tx, job_id).test_read_at
    assert first is not None
    assert second is not None
    assert (first - second).total_seconds() == pytest.approx(60)


def test_the_link_to_mlflow_is_kept(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        assert jobs.mirror_link(tx, job_id) is None
        jobs.set_mirror_link(tx, job_id, RunLink("7", "run"))
        assert jobs.mirror_link(tx, job_id) == RunLink("7", "run")
        url = jobs.read_job(tx, job_id).mlflow_url
    assert url is not None
    assert "/experiments/7/runs/run" in url
