"""Parameters that a space has because of the kind of data: how examples are cut out of it."""

from collections.abc import Mapping

from kerasearch.searchspaces.parameters import Choice, Parameter

SERIES_WINDOW = 60
"""Three months of trading days, in the classic example of forecasting a stock's price."""
TEXT_WINDOW = 64

SIDES = ("user", "item")
"""Whose rows of ratings are the examples."""

WINDOWS: Mapping[str, Mapping[str, Parameter]] = {
    "series": {"window": Choice(values=(SERIES_WINDOW,))},
    "text": {"window": Choice(values=(TEXT_WINDOW,))},
    "ratings": {"side": Choice(values=SIDES)},
}
"""By kind of data."""

VALUES_OF_DATA = {"side": SIDES}
"""Of these, choices among names: the names that there are."""
