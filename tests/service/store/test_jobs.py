"""Jobs are accepted once, listed newest first, and change state by lawful steps."""

import threading

import pytest
from sqlalchemy import update

from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import Job, JobChange, JobRequest, JobState
from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.store import deletions, events, jobs, leases, trial_views, trials
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
        jobs.start_job(tx, job_id)
        assert [job.id for job in jobs.unended_jobs(tx)] == [job_id]
        jobs.end_job(tx, job_id, JobState.COMPLETED, "the budget is used up")
        job = jobs.read_job(tx, job_id)
        assert jobs.unended_jobs(tx) == []
        told = [event.data["state"] for event in events.events_after(tx, job_id, 0)]
    assert (job.state, job.reason) == (JobState.COMPLETED, "the budget is used up")
    assert job.started_at is not None
    assert job.ended_at is not None
    assert told == ["queued", "running", "completed"]


def test_of_many_queued_jobs_those_that_begin_next_are_looked_after(database: Database) -> None:
    running, *queued = (accept(database, priority=priority) for priority in (0, 0, 5, 0, 5))
    with database.write() as tx:
        jobs.start_job(tx, running)
        looked_after = [job.id for job in jobs.unended_jobs(tx, 3)]
        every = [job.id for job in jobs.unended_jobs(tx)]
    assert looked_after == [running, queued[0], queued[1], queued[3]]
    assert every == [running, *queued]


def test_the_time_left_goes_by_the_pace_so_far(database: Database) -> None:
    job_id = accept(database, budget={"trials": 4})
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        lease = leases.place(tx, trials.add_trial(tx, job_id, 0, {}, 0))
        assert lease is not None
        leases.finish(tx, lease, complete(0.5))
        jobs.add_elapsed(tx, job_id, 10)
        progress = jobs.read_job(tx, job_id).progress
    assert progress.done == 1
    assert progress.elapsed_s == 10
    assert progress.eta_s == 30


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


# Control


def _read(database: Database, job_id: str) -> Job:
    with database.read() as tx:
        return jobs.read_job(tx, job_id)


def _told(database: Database, job_id: str) -> list[str]:
    with database.read() as tx:
        return [event.data["state"] for event in events.events_after(tx, job_id, 0)]


def _change(database: Database, job_id: str, **parts: object) -> Job:
    with database.write() as tx:
        jobs.change_job(tx, job_id, JobChange.model_validate(parts))
        return jobs.read_job(tx, job_id)


def _fail_a_trial(database: Database, job_id: str, number: int = 0) -> int:
    with database.write() as tx:
        row_id = trials.add_trial(tx, job_id, number, {"layers": number}, 0)
        for _ in range(leases.MAX_ATTEMPTS):
            lease = leases.place(tx, row_id)
            assert lease is not None
            leases.lose(tx, lease, "killed")
    return row_id


def test_a_paused_job_goes_on_and_each_step_is_told_once(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        for step in (jobs.pause_job, jobs.pause_job, jobs.resume_job, jobs.resume_job):
            step(tx, job_id)
    assert _told(database, job_id) == ["queued", "running", "paused", "running"]


def test_a_job_starts_once_however_often_it_is_paused(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.pause_job(tx, job_id)
    assert _read(database, job_id).started_at is None
    with database.write() as tx:
        jobs.resume_job(tx, job_id)
    started_at = _read(database, job_id).started_at
    assert started_at is not None
    with database.write() as tx:
        jobs.pause_job(tx, job_id)
        jobs.resume_job(tx, job_id)
    assert _read(database, job_id).started_at == started_at


def test_stopping_a_job_gives_up_what_waits_and_lets_run_what_runs(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        leases.place(tx, trials.add_trial(tx, job_id, 0, {}, 0))
        trials.add_trial(tx, job_id, 1, {}, 0)
        jobs.stop_job(tx, job_id)
        jobs.stop_job(tx, job_id)
    job = _read(database, job_id)
    assert (job.state, job.reason) == (JobState.STOPPING, None)
    assert (job.trials[TrialState.RUNNING], job.trials[TrialState.CANCELLED]) == (1, 1)
    with (
        database.write() as tx,
        pytest.raises(Conflict, match="is stopping and can't be paused, but it can be stopped or"),
    ):
        jobs.pause_job(tx, job_id)


def test_a_longer_budget_has_an_ended_job_go_on_and_its_old_reason_is_gone(
    database: Database,
) -> None:
    job_id = accept(database, budget={"trials": 3, "epochs": 7, "target": 0.5})
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        jobs.end_job(tx, job_id, JobState.COMPLETED, "the budget is used up")
    job = _change(database, job_id, budget={"trials": 9, "target": None})
    assert (job.state, job.reason, job.ended_at) == (JobState.RUNNING, None, None)
    budget = job.request.budget
    assert (budget.trials, budget.epochs, budget.target) == (9, 7, None)


def test_a_change_that_changes_nothing_changes_nothing(database: Database) -> None:
    job_id = accept(database, budget={"trials": 3})
    with database.write() as tx:
        jobs.end_job(tx, job_id, JobState.COMPLETED, "the budget is used up")
    before, told = _read(database, job_id), _told(database, job_id)
    for change in ({}, {"budget": {}}, {"budget": {"trials": 3}}, {"resources": {}}):
        assert _change(database, job_id, **change) == before
    assert _told(database, job_id) == told


def test_more_slots_alone_do_not_wake_an_ended_job_and_are_told(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.end_job(tx, job_id, JobState.COMPLETED, "done")
    job = _change(database, job_id, resources={"parallel": 3})
    assert (job.state, job.reason) == (JobState.COMPLETED, "done")
    assert job.request.resources.parallel == 3
    assert _told(database, job_id) == ["queued", "completed", "completed"]


def test_failed_trials_are_tried_again_with_all_their_attempts(database: Database) -> None:
    job_id = accept(database)
    row_id = _fail_a_trial(database, job_id)
    with database.write() as tx:
        jobs.end_job(tx, job_id, JobState.FAILED, "no trial had a value")
        jobs.retry_job(tx, job_id)
        jobs.retry_job(tx, job_id)
        for _ in range(leases.MAX_ATTEMPTS - 1):
            lease = leases.place(tx, row_id)
            assert lease is not None
            leases.lose(tx, lease, "killed again")
        trial = trial_views.read_trial_row(tx, row_id)
    assert _read(database, job_id).state is JobState.RUNNING
    assert (trial.state, trial.reason) == (TrialState.QUEUED, None)
    assert [attempt.outcome for attempt in trial.attempts] == [*["failed"] * 3, *["lost"] * 2]


def test_an_ended_job_without_failed_trials_is_not_woken_by_a_retry(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.end_job(tx, job_id, JobState.COMPLETED, "done")
        jobs.retry_job(tx, job_id)
    assert _read(database, job_id).state is JobState.COMPLETED


def test_the_same_params_are_enqueued_once(database: Database) -> None:
    job_id = accept(database)
    with database.write() as tx:
        assert jobs.enqueue_trial(tx, job_id, {"layers": 1, "dropout": 0.0}) == (0, True)
        assert jobs.enqueue_trial(tx, job_id, {"dropout": 0, "layers": 1}) == (0, False)
        assert jobs.enqueue_trial(tx, job_id, {"layers": 2, "dropout": 0.0}) == (1, True)
    assert _told(database, job_id) == ["queued", "queued", "queued"]


def test_a_deleted_job_is_gone_with_all_that_belongs_to_it(database: Database) -> None:
    job_id, other = accept(database), accept(database)
    _fail_a_trial(database, job_id)
    with database.write() as tx:
        with pytest.raises(Conflict, match="is queued and can't be deleted"):
            jobs.delete_job(tx, job_id)
        jobs.set_mirror_link(tx, job_id, RunLink("7", "run"))
        jobs.cancel_job(tx, job_id)
        jobs.delete_job(tx, job_id)
        with pytest.raises(NotFound):
            jobs.delete_job(tx, job_id)
        assert [job.id for job in jobs.list_jobs(tx, None, 9, None).items] == [other]
        assert trial_views.list_trials(tx, job_id, None, None, None) == []
        assert events.events_after(tx, job_id, 0) == []


def test_a_deletion_is_due_when_no_process_writes_files_any_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(database)
    with database.write() as tx:
        jobs.cancel_job(tx, job_id)
        jobs.delete_job(tx, job_id)
        jobs.set_mirror_link(tx, job_id, RunLink("7", "run"))  # the mirror was just making it
        assert deletions.due_deletions(tx) == []
        monkeypatch.setattr(deletions, "LETTING_GO_S", 0.0)
        assert deletions.due_deletions(tx) == [deletions.Deletion(job_id, RunLink("7", "run"))]
        deletions.finish_deletion(tx, job_id)
        assert deletions.due_deletions(tx) == []
