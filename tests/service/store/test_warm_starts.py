"""What a job takes over is kept as it was when the job was accepted."""

import pytest

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.jobs import WarmStart
from kerasearch.service.store import jobs, leases, warm_starts
from kerasearch.service.store.database import Database
from kerasearch.service.testing import QUICK, accept, complete, place
from kerasearch.service.warm_start import EarlierTrial

SPACE = {**QUICK, "units_1": {"type": "choice", "values": [16, 32, 64]}}


def _finish(database: Database, job_id: str, number: int, units: int, value: float) -> None:
    lease = place(database, job_id, {**QUICK, "units_1": units}, number)
    with database.write() as tx:
        leases.finish(tx, lease, complete(value))


def test_trials_that_had_ended_are_taken_and_stay_as_they_were(database: Database) -> None:
    first = accept(database, space=SPACE)
    _finish(database, first, 0, 16, 0.5)
    place(database, first, {**QUICK, "units_1": 32}, 1)
    second = accept(database, space=SPACE, search={"warm_start": [first]})
    _finish(database, first, 2, 64, 0.9)
    with database.write() as tx:
        jobs.cancel_job(tx, first)
        jobs.delete_job(tx, first)
    with database.read() as tx:
        job = jobs.read_job(tx, second)
        earlier = warm_starts.earlier_trials(tx, second)
    assert job.warm_start == WarmStart(taken=1, left={})
    assert earlier == [EarlierTrial({**QUICK, "units_1": 16}, (0.5,))]
    assert job.sampler.why == "it learns from the earlier jobs' trials"


def test_a_job_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(InvalidInput, match="/search/warm_start/0: no job 'nowhere'"):
        accept(database, search={"warm_start": ["nowhere"]})


def test_a_job_that_names_none_knows_nothing_from_the_start(database: Database) -> None:
    job_id = accept(database)
    with database.read() as tx:
        assert jobs.read_job(tx, job_id).warm_start is None
        assert warm_starts.earlier_trials(tx, job_id) == []
