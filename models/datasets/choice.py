"""What a job says of its data that decides which dataset comes out of a file."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kerasearch.models.tasks import TaskName


class DataChoice(BaseModel):
    """Which dataset to make of a file.

    Attributes:
        target: Of a table: the column to predict; None means what the dataset declares.
        task: What for; None: what fits the target, of what the model can be trained for.
        drop: Columns that are no features.
        categories: A table's texts: a feature for each value, or one that numbers them.
        horizon: Of a series: how many steps ahead are forecast.
        missing: A table's gaps are filled by the median or the most frequent value; `indicate` adds
            a feature that says where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str | None = None
    task: TaskName | None = None
    drop: tuple[str, ...] = ()
    horizon: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    categories: Literal["onehot", "ordinal"] = "onehot"
    missing: Literal["impute", "indicate"] = "impute"
