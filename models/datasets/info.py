"""What is known of a dataset without loading it: enough to refuse a job that can't use it."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Kind = Literal["tabular", "sequence", "image"]

MAX_CLASSES = 100
"""More distinct labels than this look like a quantity to predict, not like classes."""


class Schema(BaseModel):
    """What the sender of a file says of it.

    Attributes:
        target: CSV: the column of labels; None leaves it to the job.
        drop: CSV: columns that are no features.
        header: CSV: whether the first line names the columns; None detects it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str | None = None
    drop: tuple[str, ...] = ()
    header: bool | None = None


class Cell(NamedTuple):
    line: int
    text: str


class Column(BaseModel):
    """A column of a CSV file.

    Attributes:
        missing: Rows without a value.
        text: The first value that is no finite number; None in a column of numbers.
        values: Each distinct value and its rows; None where there are more than `MAX_CLASSES`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    missing: int
    text: Cell | None
    values: dict[str, int] | None


class DatasetInfo(BaseModel):
    """A dataset as the database keeps it.

    Attributes:
        shape: Of one example; None while a CSV's features aren't settled.
        target: Where the labels are, unless a job says otherwise; None: the job must say.
        drop: Columns that are no features, whatever the job says.
        class_counts: Class to rows, in the order of class indices; None without a target.
        columns: CSV only.
        delimiter: CSV only.
        header: CSV only: whether the first line names the columns.
        warnings: Sentences that a person should read before the first job.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal["csv", "npz", "builtin"]
    kind: Kind
    rows: int
    shape: tuple[int, ...] | None
    target: str | None
    drop: tuple[str, ...] = ()
    class_counts: dict[str, int] | None
    columns: tuple[Column, ...] | None = None
    delimiter: str | None = None
    header: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...] | None:
        return None if self.class_counts is None else tuple(self.class_counts)
