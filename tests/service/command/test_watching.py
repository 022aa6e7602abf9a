import io

import pytest
from rich.console import Console

from kerasearch.service.client import Client
from kerasearch.service.command import watching
from kerasearch.service.command.following import Change, EpochReport
from kerasearch.service.command.watching import Board, watch
from kerasearch.service.jobs import (
    Budget,
    DataRequest,
    Job,
    JobRequest,
    JobState,
    PickedPruner,
    PickedSampler,
    Progress,
)
from kerasearch.service.trials import BestTrial, Params, Trial, TrialState

PARAMS: Params = {"cell": "lstm", "units": 20, "learning_rate": 0.00123456}


def a_job(state: JobState = JobState.RUNNING, eta_s: float | None = 58.0) -> Job:
    units = {"type": "choice", "values": [10, 20]}
    return Job(
        id="074be3",
        name="curves [red]",
        state=state,
        request=JobRequest(
            model="recurrent",
            data=DataRequest(dataset="epidemic-curves"),
            space={"cell": {"type": "choice", "values": ["lstm"]}, "units": units},
            budget=Budget(trials=12, epochs=10),
        ),
        sampler=PickedSampler(name="tpe", why="it was asked for"),
        pruner=PickedPruner(),
        dataset_id="d",
        trials={},
        best=BestTrial(
            number=4,
            params=PARAMS,
            value=0.8125,
            metrics={},
            best_epoch=9,
            run_id=None,
            model_sha256="0",
        ),
        progress=Progress(done=7, total=12, elapsed_s=80.0, eta_s=eta_s),
        created_at="2026-11-21T10:00:00Z",
    )


def a_trial(number: int, state: TrialState, **known: object) -> Trial:
    return Trial.model_validate(
        {"number": number, "state": state, "params": PARAMS, "seed": 0, **known}
    )


def drawn(board: Board) -> list[str]:
    console = Console(file=io.StringIO(), width=110, markup=False)
    console.print(board)
    file = console.file
    assert isinstance(file, io.StringIO)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_the_board_shows_how_far_the_job_is_what_is_best_and_what_runs() -> None:
    board = Board()
    board.see(a_trial(7, TrialState.COMPLETE, value=0.79, best_epoch=3))
    board.see(a_trial(8, TrialState.RUNNING, values=[0.1, 0.2]))
    board.see(a_trial(9, TrialState.RUNNING))
    board.see(EpochReport(9, 6, {"val_accuracy": 0.775}))
    board.see(a_job())
    lines = drawn(board)
    assert lines[0] == "curves [red] 074be3 running"
    assert "7 of 12 trials 1:20 about 0:58 left" in lines[1]
    assert lines[3:] == [
        "best 4 9 0.8125 units=20 learning_rate=0.001235",
        "running 8 2/10 0.2 units=20 learning_rate=0.001235",
        "running 9 6/10 0.775 units=20 learning_rate=0.001235",
        "ended 7 3 0.79 units=20 learning_rate=0.001235",
    ]


def test_a_trial_that_could_not_be_judged_shows_why() -> None:
    board = Board()
    board.see(a_trial(7, TrialState.INFEASIBLE, reason="loss became NaN in epoch 2"))
    board.see(a_job())
    assert drawn(board)[-1] == "ended 7 infeasible loss became NaN in epoch 2"


def test_an_ended_job_shows_no_time_left() -> None:
    board = Board()
    board.see(a_job(JobState.COMPLETED))
    assert "left" not in "".join(drawn(board))


def test_where_there_is_no_terminal_each_ended_trial_is_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes: list[Change] = [
        a_trial(0, TrialState.RUNNING),
        EpochReport(0, 1, {"val_accuracy": 0.5}),
        a_trial(0, TrialState.COMPLETE, value=0.5),
        a_trial(1, TrialState.INFEASIBLE, reason="out of memory"),
        a_job(JobState.COMPLETED),
    ]
    monkeypatch.setattr(watching, "follow", lambda *_: iter(changes))
    console = Console(file=io.StringIO(), width=40, markup=False)
    with Client("http://127.0.0.1:1") as client:
        assert watch(client, "074be3", console).state is JobState.COMPLETED
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "trial 0 complete: 0.5  cell=lstm units=20 learning_rate=0.001235",
        "trial 1 infeasible: out of memory  cell=lstm units=20 learning_rate=0.001235",
    ]
