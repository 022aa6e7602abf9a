"""What a job can be asked is written down once, and a refusal reads it out."""

import pytest

from kerasearch.service.control import ASKED, LAWFUL, Step, require
from kerasearch.service.errors import Conflict
from kerasearch.service.jobs import JobState


def test_every_step_is_lawful_from_somewhere_and_the_scheduler_can_end_all_that_goes_on() -> None:
    assert set(LAWFUL) == set(Step)
    unended = {state for state in JobState if not state.ended}
    for step in (Step.COMPLETED, Step.FAILED, Step.STOPPED, Step.CANCELLED):
        assert unended <= set(LAWFUL[step])
    for state in JobState:
        assert any(state in LAWFUL[step] for step in ASKED), f"{state} is a dead end"


def test_a_step_asked_twice_leads_where_it_led_at_first() -> None:
    for step in set(ASKED) - {Step.DELETED}:
        for state in LAWFUL[step]:
            once = LAWFUL[step][state]
            assert LAWFUL[step][once] == once


def test_a_refusal_names_the_state_and_what_is_possible() -> None:
    assert require("j", JobState.PAUSED, Step.RESUMED) is JobState.RUNNING
    with pytest.raises(Conflict) as refused:
        require("j", JobState.COMPLETED, Step.PAUSED)
    assert str(refused.value) == (
        "job j is completed and can't be paused, "
        "but it can be extended, retried, given trials or deleted"
    )
    with pytest.raises(Conflict, match=r"is cancelled and can't be extended, but it can be"):
        require("j", JobState.CANCELLED, Step.EXTENDED)
