"""Series: columns of numbers over time, cut into windows and the steps that follow them."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.dataset import Examples, Prepared
from kerasearch.models.datasets.timeline import CannotCut, Timeline, length_of
from kerasearch.models.tasks import OF_ROWS_ALONE, TaskName
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.training import DEFAULTS
from kerasearch.searchspaces.windows import SERIES_WINDOW


@dataclass(frozen=True)
class Series(Timeline):
    """`x` is `(steps, channels)`; the first channel is the one that is forecast.

    Attributes:
        horizon: How many steps after a window are forecast.
        dropped: Columns of its file that tell nothing, not even the order, as its sender said.
    """

    horizon: int = 1
    dropped: tuple[str, ...] = ()

    def chosen(self, choice: DataChoice) -> Self:
        return replace(self, horizon=choice.horizon)

    def prepared(self, train: Rows, task: TaskName, params: Params) -> "SeriesWindows":
        window = length_of(params, "window", SERIES_WINDOW)
        streams = None
        if params.get("stateful") is True:
            streams = length_of(params, "batch_size", int(str(DEFAULTS["batch_size"])))
        return SeriesWindows(self, task, window, self.horizon, streams)


@dataclass(frozen=True)
class SeriesWindows(Prepared):
    """A series cut into windows of `window` steps, each with the `horizon` steps after it.

    Attributes:
        streams: None: a window for every step that has enough steps before it. Else for stateful
            networks: so many streams of windows that follow each other without a gap, the first
            window of each stream, then the second of each, and so on.
    """

    window: int
    horizon: int
    streams: int | None = None

    def examples(self, rows: Rows) -> Examples:
        """Windows whose following steps all lie in `rows`; they themselves may begin before.

        Args:
            rows: Steps without a gap.

        Raises:
            CannotCut: There is no such window.
        """
        first = max(int(rows[0]), self.window)
        last = int(rows[-1]) + 1 - self.horizon
        every_step = np.arange(first, last + 1)
        followers = every_step if self.streams is None else self._in_streams(every_step)
        if not len(followers):
            in_streams = f" in each of {self.streams} streams" if self.streams else ""
            raise CannotCut(
                f"{len(rows)} steps have no room for a window of {self.window} with "
                f"{self.horizon} to forecast{in_streams}: "
                "search shorter windows, or give more steps"
            )
        channels = self.dataset.x
        windows = sliding_window_view(channels, self.window, axis=0)[followers - self.window]
        x = np.ascontiguousarray(windows.swapaxes(1, 2))
        if self.task in OF_ROWS_ALONE:
            return Examples(x, x)
        return Examples(x, channels[followers[:, None] + np.arange(self.horizon), 0])

    def _in_streams(self, followers: Rows) -> Rows:
        """Of `followers`, those whose windows make up the streams; the last one is among them."""
        assert self.streams is not None  # noqa: S101 - else there is nothing to arrange
        a_stream = ((len(followers) - 1) // self.window + 1) // self.streams
        ends = followers[::-1][: a_stream * self.streams * self.window : self.window][::-1]
        return ends.reshape(self.streams, a_stream).T.ravel()

    @property
    def description(self) -> dict[str, object]:
        assert isinstance(self.dataset, Series)  # noqa: S101 - it made this
        return {
            **super().description,
            "dropped": list(self.dataset.dropped),
            "window": self.window,
            "horizon": self.horizon,
        }
