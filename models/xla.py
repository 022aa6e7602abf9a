"""XLA for the epochs of a training, where that pays.

It compiles the full batches of an epoch into one program, for one batch size and number of rows.
Its numbers differ by rounding: a training that is told whether to use it comes out the same again,
one that finds out by the clock may not.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import tensorflow as tf

from kerasearch.models.plan import Xla

Metrics: TypeAlias = dict[str, float]

COMPILING_S = 4.0
"""Processor seconds that compiling takes: 1.5 to 4 for MLPs and LSTMs (docs/findings.md)."""

RISK = 0.1
"""The share of the time that a training has taken already which may be lost by trying XLA."""

GAIN = 1 / 3
"""What XLA must be expected to save of an epoch: 0.28 to 0.78 where it is faster."""


@dataclass
class Pace:
    """Processor seconds of the quickest epoch after the first, in which things are compiled."""

    epochs: int = 0
    seconds: float = math.inf

    def saw(self, seconds: float) -> None:
        if self.epochs:
            self.seconds = min(self.seconds, seconds)
        self.epochs += 1


@dataclass
class XlaRecord:
    """What is known of a program at one batch size and number of rows.

    Attributes:
        obstacle: Why XLA can't be used.
    """

    plain: Pace = field(default_factory=Pace)
    xla: Pace = field(default_factory=Pace)
    obstacle: str | None = None

    def pays(self, spent_s: float, epochs: int) -> bool:
        """Whether so many more epochs are better left to XLA.

        A training may be stopped at any epoch. So what is lost at worst, compiling and one epoch
        that takes twice as long, is held against what the training has taken for certain.

        Args:
            spent_s: Processor seconds of the training so far.
            epochs: At most to come.
        """
        if self.plain.epochs < 2:
            return False
        if self.xla.epochs > 1:
            return self.xla.seconds < self.plain.seconds
        compiling_s = 0.0 if self.xla.epochs else COMPILING_S
        affordable = RISK * spent_s >= compiling_s + self.plain.seconds
        return affordable and GAIN * epochs * self.plain.seconds >= compiling_s


class XlaEpochs:
    """The epochs of one training, each by XLA or without; what they show is kept in `record`."""

    def __init__(self, asked: Xla, record: XlaRecord) -> None:
        self._asked = asked
        self._record = record
        self._epoch = self._first = self._last = 0
        self._spent_s = 0.0

    def run(
        self, epoch: int, epochs: int, plain: Callable[[], Metrics], xla: Callable[[], Metrics]
    ) -> Metrics:
        """One way or the other, epoch `epoch`, from 1, of `epochs`."""
        record, self._epoch = self._record, epoch
        if not self._asked:
            return plain()
        if record.obstacle is None and (
            self._asked != "auto" or record.pays(self._spent_s, epochs - epoch + 1)
        ):
            try:
                metrics = self._timed(xla, record.xla)
            except (
                tf.errors.InternalError,
                tf.errors.InvalidArgumentError,
                tf.errors.UnimplementedError,
            ) as error:  # of compiling: nothing has been trained
                record.obstacle = str(error.message).strip().partition("\n")[0]
            else:
                self._first, self._last = self._first or epoch, epoch
                return metrics
        return self._timed(plain, record.plain)

    @property
    def told(self) -> str:
        """Which epochs XLA ran, and why not others; it goes on from another sentence."""
        if not self._asked:
            return ""
        if self._record.obstacle is not None:
            return f"; no XLA: {self._record.obstacle}"
        if not self._first:
            return "; no XLA: it would not pay"
        if self._last < self._epoch:
            return f"; XLA in epochs {self._first} to {self._last}: it was slower"
        return f"; XLA from epoch {self._first}"

    def _timed(self, train: Callable[[], Metrics], pace: Pace) -> Metrics:
        start = time.process_time()
        metrics = train()
        seconds = time.process_time() - start
        pace.saw(seconds)
        self._spent_s += seconds
        return metrics


def obstacle(batch_size: int, rows: int) -> str | None:
    """Why XLA isn't even tried."""
    if tf.config.get_visible_devices("GPU"):
        return "untried on GPUs"
    if rows < batch_size:
        return "no batch is full"
    return None
