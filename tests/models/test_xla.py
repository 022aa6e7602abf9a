"""Which epochs are left to XLA, by given figures."""

from collections.abc import Callable

import pytest
import tensorflow as tf

from kerasearch.models.xla import (
    COMPILING_S,
    GAIN,
    RISK,
    Metrics,
    Pace,
    XlaEpochs,
    XlaRecord,
    obstacle,
)

ENOUGH_S = (COMPILING_S + 0.1) / RISK
"""Seconds spent, of epochs of a tenth of one, from which on compiling is risked."""

ENOUGH = int(COMPILING_S / GAIN / 0.1) + 1
"""Such epochs to come for which it is."""


@pytest.mark.parametrize(
    ("plain", "xla", "spent_s", "epochs", "pays"),
    [
        (Pace(), Pace(), 0.0, 10**6, False),
        (Pace(1), Pace(), 10**6, 10**6, False),
        (Pace(400, 0.1), Pace(), ENOUGH_S - 0.01, 10**6, False),
        (Pace(400, 0.1), Pace(), ENOUGH_S + 0.01, ENOUGH - 2, False),
        (Pace(400, 0.1), Pace(), ENOUGH_S + 0.01, ENOUGH, True),
        (Pace(2, 0.1), Pace(1), 0.9, 1, False),
        (Pace(2, 0.1), Pace(1), 1.1, 1, True),
        (Pace(2, 0.1), Pace(2, 0.09), 0.0, 1, True),
        (Pace(2, 0.1), Pace(2, 0.11), 10**6, 10**6, False),
        (Pace(1), Pace(2, 0.1), 10**6, 10**6, False),
    ],
    ids=[
        "nothing measured",
        "only the traced epoch measured",
        "too little spent",
        "too little to come",
        "enough of both",
        "compiled, not yet measured, and too little spent",
        "compiled and not yet measured",
        "faster",
        "slower",
        "nothing to compare with",
    ],
)
def test_it_pays_once_compiled_if_faster_and_before_if_enough_is_spent_and_to_come(
    plain: Pace, xla: Pace, spent_s: float, epochs: int, pays: bool
) -> None:
    assert XlaRecord(plain, xla).pays(spent_s, epochs) is pays


@pytest.mark.parametrize("plain_s", [0.02, 0.3, 5.0, 60.0])
@pytest.mark.parametrize("share", [0.2, 0.7, 0.99, 1.01, 1.5, 2.0])
@pytest.mark.parametrize("stopped_after", [0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
def test_left_to_decide_it_never_costs_a_trial_more_than_a_tenth(
    plain_s: float, share: float, stopped_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of its own: trials of one program, of 5,000 epochs and 100, stopped anywhere.

    `share` is what an epoch by XLA takes of one without, once it is compiled.
    """
    now = 0.0
    compiled = False

    def plain() -> Metrics:
        nonlocal now
        now += plain_s
        return {"plain": 1.0}

    def by_xla() -> Metrics:
        nonlocal now, compiled
        now += share * plain_s + (0.0 if compiled else COMPILING_S)
        compiled = True
        return {"xla": 1.0}

    monkeypatch.setattr("time.process_time", lambda: now)
    record = XlaRecord()
    for epochs in (5_000, 100, 5_000):
        begun, training = now, XlaEpochs("auto", record)
        trained = int(epochs * stopped_after)
        for epoch in range(1, trained + 1):
            training.run(epoch, epochs, plain, by_xla)
        assert now - begun <= (1 + RISK) * trained * plain_s + 1e-6
    if stopped_after == 1.0:
        assert compiled
    if compiled and share < 1:
        assert now - begun < trained * plain_s


def test_a_pace_is_that_of_the_quickest_epoch_after_the_first() -> None:
    pace = Pace()
    for seconds in (0.1, 3.0, 2.0, 5.0):
        pace.saw(seconds)
    assert pace == Pace(4, 2.0)


def trained(epochs: XlaEpochs, by_xla: Callable[[], Metrics] = lambda: {"xla": 1.0}) -> list[str]:
    """Which way each of four epochs went."""
    runs = [epochs.run(epoch, 4, lambda: {"plain": 1.0}, by_xla) for epoch in range(1, 5)]
    return [way for metrics in runs for way in metrics]


def test_unasked_nothing_is_tried_or_told() -> None:
    record = XlaRecord(Pace(2, 100.0), Pace(2, 0.0))
    epochs = XlaEpochs(False, record)
    assert trained(epochs) == ["plain"] * 4
    assert epochs.told == ""


def test_asked_for_it_runs_every_epoch_though_it_be_slower() -> None:
    epochs = XlaEpochs(True, XlaRecord(Pace(2, 0.0), Pace(2, 9.0)))
    assert trained(epochs) == ["xla"] * 4
    assert epochs.told == "; XLA from epoch 1"


def test_what_an_earlier_training_found_is_used_from_the_first_epoch_on() -> None:
    faster = XlaEpochs("auto", XlaRecord(Pace(2, 100.0), Pace(2, 0.0)))
    assert trained(faster) == ["xla"] * 4
    slower = XlaEpochs("auto", XlaRecord(Pace(2, 0.0), Pace(2, 100.0)))
    assert trained(slower) == ["plain"] * 4
    assert slower.told == "; no XLA: it would not pay"


def test_it_is_left_again_when_it_turns_out_slower() -> None:
    record = XlaRecord(Pace(2, 0.0), Pace(1))
    epochs = XlaEpochs("auto", record)
    assert trained(epochs) == ["xla", "plain", "plain", "plain"]
    assert epochs.told == "; XLA in epochs 1 to 1: it was slower"


def test_what_it_cannot_compile_it_is_not_asked_again() -> None:
    def refuses() -> Metrics:
        tries.append("try")
        raise tf.errors.UnimplementedError(None, None, "No such op.\n\t [[somewhere]]")

    tries: list[str] = []
    record = XlaRecord()
    for asked in (True, "auto"):
        epochs = XlaEpochs(asked, record)  # type: ignore[arg-type]
        assert trained(epochs, refuses) == ["plain"] * 4
        assert epochs.told == "; no XLA: No such op."
    assert tries == ["try"]


def test_a_batch_that_is_never_full_is_no_case_for_it() -> None:
    assert obstacle(64, 63) == "no batch is full"
    assert obstacle(64, 64) is None
