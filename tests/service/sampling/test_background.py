"""A study in the background answers as it would in the foreground, only later."""

import threading

import pytest

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.sampling.background import BackgroundStudy
from kerasearch.service.sampling.study import Asked, JobStudy, SpaceExhausted

SPACE = SearchSpace.parse({"units": {"type": "int", "low": 1, "high": 10**6}})


class SlowStudy(JobStudy):
    may_answer = threading.Event()

    def ask(self) -> Asked:
        self.may_answer.wait()
        return super().ask()


def _study(kind: type[JobStudy] = JobStudy, space: SearchSpace = SPACE) -> JobStudy:
    options = {"n_startup_trials": 1}
    return kind.create(space, ["minimize"], "optuna", "tpe", seed=0, options=options)


def _let_answer(background: BackgroundStudy) -> None:
    SlowStudy.may_answer.set()
    for thread in threading.enumerate():
        if thread.name == "sampler":
            thread.join()
    assert background.has_answer


def test_what_is_told_while_the_sampler_thinks_changes_the_next_proposal_and_not_this() -> None:
    plain = _study()
    expected = [plain.ask(), plain.ask(), plain.ask()]
    plain.tell(0, 5.0)
    plain.tell_failed(1)
    expected.append(plain.ask())

    SlowStudy.may_answer.set()
    background = BackgroundStudy(_study(SlowStudy))
    got = [background.ask(60), background.ask(60)]
    SlowStudy.may_answer.clear()
    assert background.ask(0) is None
    background.tell(0, 5.0)
    background.tell_failed(1)
    assert background.ask(0) is None
    assert not background.has_answer
    _let_answer(background)
    got += [background.ask(0), background.ask(60)]
    assert got == expected


def test_what_is_told_before_is_known_to_the_next_proposal() -> None:
    plain, background = _study(), BackgroundStudy(_study())
    for number in range(4):
        asked = plain.ask()
        assert background.ask(60) == asked
        plain.tell(number, float(number))
        background.tell(number, float(number))


def test_the_end_of_a_space_reaches_who_asks() -> None:
    background = BackgroundStudy(_study(space=SearchSpace.parse({"units": 3})))
    background.ask(60)
    with pytest.raises(SpaceExhausted):
        background.ask(60)
