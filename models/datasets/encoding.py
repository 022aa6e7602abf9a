"""From a table's columns to numbers: gaps filled, categories encoded, fitted on train alone."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.cells import is_missing, parse_quantity
from kerasearch.models.datasets.info import MAX_CLASSES


class TableColumn(BaseModel):
    """A column as `x` of a raw table holds it.

    Attributes:
        values: A category's: `x` holds their indices; None in a column of numbers. NaN is a gap.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    values: tuple[str, ...] | None = None

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values or ())}

    def code(self, cell: str) -> float:
        """A cell as `x` holds it, -1 for an unknown category; ValueError for what is no number."""
        if is_missing(cell):
            return np.nan
        if self.values is not None:
            return float(self._codes.get(cell, -1))
        if (number := parse_quantity(cell)) is None:
            raise ValueError(f"column {self.name!r} must hold a number, not {cell!r}")
        return number


class ColumnEncoding(BaseModel):
    """What becomes of a column.

    Attributes:
        fill: What stands where there is no value.
        kept: A category's values that have a feature each; of one that is numbered all of them, in
            their order. None: a number.
        onehot: A feature for each of `kept`; others than these have 0 in all.
        indicator: A feature more says where there was no value.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    values: tuple[str, ...] | None
    fill: float
    kept: tuple[int, ...] | None = None
    onehot: bool = False
    indicator: bool = False

    def columns(self, raw: Features) -> Iterator[Features]:
        """The features that a column of raw numbers becomes, one by one."""
        gaps = np.isnan(raw)
        filled = np.where(gaps, np.float32(self.fill), raw)
        if self.onehot:
            for code in self.kept or ():
                yield (filled == code).astype(np.float32)
        else:
            yield filled
        if self.indicator:
            yield gaps.astype(np.float32)

    def features(self) -> Iterator[str]:
        if self.onehot and self.values is not None:
            for code in self.kept or ():
                yield f"{self.name}={self.values[code]}"
        else:
            yield self.name
        if self.indicator:
            yield f"{self.name} is missing"


class Encoding(BaseModel):
    """What becomes of the raw columns of a table; JSON that is kept inside the model's file."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[ColumnEncoding, ...]

    def matrix(self, raw: Features) -> Features:
        """Raw columns `(n, columns)`, with NaN for gaps, as features `(n, features)`."""
        encoded = [
            feature
            for place, column in enumerate(self.columns)
            for feature in column.columns(raw[:, place])
        ]
        return np.stack(encoded, axis=1).astype(np.float32)

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for column in self.columns for name in column.features())

    @property
    def flags(self) -> tuple[int, ...]:
        """Features, by position, that are 0 or 1."""
        flags: list[bool] = []
        for column in self.columns:
            numbers = len(list(column.features())) - column.indicator
            flags += [column.onehot] * numbers + [True] * column.indicator
        return tuple(place for place, is_flag in enumerate(flags) if is_flag)


def fit_encoding(
    columns: Sequence[TableColumn],
    raw: Features,
    categories: Literal["onehot", "ordinal"],
    missing: Literal["impute", "indicate"],
) -> Encoding:
    """Gaps get the median or the most frequent value of the rows `raw`, those of train.

    Of a category's values the `MAX_CLASSES` most frequent have a feature. One that doesn't occur in
    `raw` has none. A gap is indicated only where `raw` has gaps.
    """
    fitted = []
    for column, values in zip(columns, raw.T, strict=True):
        present = values[~np.isnan(values)]
        kept = None
        if column.values is None:
            fill = float(np.median(present)) if len(present) else 0.0
        else:
            codes, rows = np.unique(present, return_counts=True)
            often = codes[np.argsort(-rows, kind="stable")]
            fill = float(often[0]) if len(often) else 0.0
            kept = tuple(sorted(int(code) for code in often[:MAX_CLASSES]))
        fitted.append(
            ColumnEncoding(
                name=column.name,
                values=column.values,
                fill=fill,
                kept=kept,
                onehot=column.values is not None and categories == "onehot",
                indicator=missing == "indicate" and len(present) < len(values),
            )
        )
    return Encoding(columns=tuple(fitted))
