"""What is known of a dataset without loading it: enough to refuse a job that can't use it."""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from kerasearch.models.tasks import TaskName

Kind = Literal["tabular", "sequence", "image", "series", "text", "ratings"]

MAX_CLASSES = 100
"""More distinct labels than this look like a quantity to predict, not like classes."""


ColumnType = Literal["number", "category", "date", "text", "empty"]
"""Of these, numbers and categories are features."""


Side = Annotated[int, Field(ge=4, le=512, strict=True)]


class ColumnSchema(BaseModel):
    """What the sender of a table says of a column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["number", "category", "drop"]


class Schema(BaseModel):
    """What the sender of a file says of it.

    Attributes:
        target: CSV: the column of labels; None leaves it to the job.
        drop: CSV: columns that are no features.
        header: CSV: whether the first line names the columns; None detects it.
        columns: A table's columns that aren't what they look like.
        size: Height and width to which pictures are resized.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str | None = None
    drop: tuple[str, ...] = ()
    header: bool | None = None
    columns: dict[str, ColumnSchema] = {}
    size: tuple[Side, Side] | None = None

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns that are no features, by either way of saying so."""
        return (*self.drop, *(name for name, said in self.columns.items() if said.type == "drop"))


class Cell(NamedTuple):
    line: int
    text: str


class Column(BaseModel):
    """A column of a CSV file.

    Attributes:
        missing: Rows without a value.
        text: The first value that is no finite number; None in a column of numbers.
        values: Each distinct value and its rows; None where there are more than `MAX_CLASSES`.
        type: What it holds; None in descriptions of before there were types.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    missing: int
    text: Cell | None
    values: dict[str, int] | None
    type: ColumnType | None = None

    @property
    def holds(self) -> ColumnType:
        if self.type is not None:
            return self.type
        if self.text is None:
            return "number"
        return "text" if self.values is None else "category"


class DatasetInfo(BaseModel):
    """A dataset as the database keeps it.

    Attributes:
        format: Of the file, as its reader in `uploads.READERS` is called; or `builtin`.
        shape: Of one example; None while a table's features aren't settled.
        target: Where the labels are, unless a job says otherwise; None: the job must say.
        drop: Columns that are no features, whatever the job says.
        class_counts: Class to rows, in the order of class indices; None without a target, or where
            it is numbers.
        tasks: What the declared target is for, the likeliest first.
        target_shape: Of one example's target: `()` for one class or one number.
        columns: Tables only.
        delimiter: CSV only.
        header: CSV only: whether the first line names the columns.
        ends_early: CSV only: as declared each row is a sequence, and some have empty cells after
            their end.
        warnings: Sentences that a person should read before the first job.
    """

    model_config = ConfigDict(frozen=True)

    format: str
    kind: Kind
    rows: int
    shape: tuple[int, ...] | None
    target: str | None
    drop: tuple[str, ...] = ()
    class_counts: dict[str, int] | None
    tasks: tuple[TaskName, ...] = ("classification",)
    target_shape: tuple[int, ...] = ()
    columns: tuple[Column, ...] | None = None
    delimiter: str | None = None
    header: bool | None = None
    ends_early: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...] | None:
        return None if self.class_counts is None else tuple(self.class_counts)
