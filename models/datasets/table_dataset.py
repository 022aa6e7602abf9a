"""Tables with gaps and categories: encoded anew for each training, by what its train rows hold."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.dataset import Dataset, Examples, Prepared
from kerasearch.models.datasets.encoding import Encoding, TableColumn, fit_encoding
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params


@dataclass(frozen=True)
class TableDataset(Dataset):
    """A table whose `x` isn't ready: NaN for gaps, and indices of values for categories.

    Attributes:
        columns: Of `x`.
        categories: As in `DataChoice`.
        missing: As in `DataChoice`.
    """

    columns: tuple[TableColumn, ...] = ()
    categories: Literal["onehot", "ordinal"] = "onehot"
    missing: Literal["impute", "indicate"] = "impute"

    def sha256(self) -> str:
        head = [[c.model_dump() for c in self.columns], self.categories, self.missing]
        return hashlib.sha256((super().sha256() + json.dumps(head)).encode()).hexdigest()

    def prepared(self, train: Rows, task: TaskName, params: Params) -> "PreparedTable":
        encoding = fit_encoding(self.columns, self.x[train], self.categories, self.missing)
        return PreparedTable(self, task, encoding)


@dataclass(frozen=True)
class PreparedTable(Prepared):
    """A table whose encoding is fitted."""

    encoding: Encoding

    @cached_property
    def _encoded(self) -> Dataset:
        return Dataset(self.dataset.kind, self.encoding.matrix(self.dataset.x), self.dataset.y)

    def examples(self, rows: Rows) -> Examples:
        return Prepared(self._encoded, self.task).examples(rows)

    @property
    def unscaled(self) -> tuple[int, ...]:
        return self.encoding.flags

    @property
    def description(self) -> dict[str, object]:
        return {
            "kind": self.dataset.kind,
            "features": list(self.encoding.features),
            "encoding": self.encoding.model_dump(mode="json"),
        }
