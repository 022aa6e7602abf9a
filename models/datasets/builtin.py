"""Datasets that need no upload: known before they are loaded, the same on every machine."""

from dataclasses import dataclass
from importlib import import_module

from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import DatasetInfo, Kind
from kerasearch.searchspaces.problems import InvalidInput, unknown


@dataclass(frozen=True)
class BuiltinDataset:
    """A dataset that is made or read locally.

    Attributes:
        shape: Of one example.
        class_counts: Class to rows, in the order of class indices.
        entry: "module:function" that gives it.
        sha256: Of what `entry` must give.
    """

    name: str
    description: str
    kind: Kind
    shape: tuple[int, ...]
    class_counts: dict[str, int]
    entry: str
    sha256: str

    @property
    def rows(self) -> int:
        return sum(self.class_counts.values())

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.class_counts)

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo(
            format="builtin",
            kind=self.kind,
            rows=self.rows,
            shape=self.shape,
            target="label",
            class_counts=self.class_counts,
        )


BUILTIN = {
    dataset.name: dataset
    for dataset in (
        BuiltinDataset(
            name="epidemic-curves",
            description="Daily new cases of simulated epidemics in 8 settings of transmission, "
            "recovery, network and seeding",
            kind="sequence",
            shape=(61, 1),
            class_counts={
                "fast-long-even-few": 800,
                "fast-long-hubs-many": 800,
                "fast-short-even-many": 800,
                "fast-short-hubs-few": 800,
                "slow-long-even-many": 800,
                "slow-long-hubs-few": 800,
                "slow-short-even-few": 800,
                "slow-short-hubs-many": 800,
            },
            entry="kerasearch.models.datasets.epidemic:simulate",
            sha256="95a14a97c6408442a3c8974fc806d49e6d7cdd7896f79a6bd12ee0f77829e260",
        ),
        BuiltinDataset(
            name="digits",
            description="Handwritten digits of 8 x 8 pixels, grey values 0 to 16 (UCI)",
            kind="image",
            shape=(8, 8, 1),
            class_counts={
                "0": 178,
                "1": 182,
                "2": 177,
                "3": 183,
                "4": 181,
                "5": 182,
                "6": 181,
                "7": 179,
                "8": 174,
                "9": 180,
            },
            entry="kerasearch.models.datasets.scikit:digits",
            sha256="325c92e7b24973bce77fbc9c30d1abb0f2351eb27a9375faaea0c6a11a57b11e",
        ),
        BuiltinDataset(
            name="breast-cancer",
            description="Tumours described by 30 measurements of their cells' nuclei (UCI)",
            kind="tabular",
            shape=(30,),
            class_counts={"benign": 357, "malignant": 212},
            entry="kerasearch.models.datasets.scikit:breast_cancer",
            sha256="7232625b77f46f9169bf667db2b0562875c30e61d81226f60a6ebd3def5291dc",
        ),
        BuiltinDataset(
            name="italy-power-demand",
            description="Power demand of Italy by the hour: summer or winter half-year (UCR)",
            kind="sequence",
            shape=(24, 1),
            class_counts={"april-september": 549, "october-march": 547},
            entry="kerasearch.models.datasets.ucr:italy_power_demand",
            sha256="2644e3dc16677eceaaae2fabcba7d707824dd8b08a3852a7a503a75be87ea495",
        ),
    )
}


def load_builtin(name: str) -> Dataset:
    """A built-in dataset, exactly the one that its digest names.

    Raises:
        InvalidInput: No such dataset.
        ModuleNotFoundError: It is read from a package that isn't installed; the message names it.
        ValueError: What was made here is not what its digest names.
    """
    if name not in BUILTIN:
        raise InvalidInput.at("", unknown("built-in dataset", name, BUILTIN))
    builtin = BUILTIN[name]
    module, function = builtin.entry.split(":")
    dataset: Dataset = getattr(import_module(module), function)()
    if (found := dataset.sha256()) != builtin.sha256:
        raise ValueError(
            f"{name} came out with digest {found}, not {builtin.sha256}: another version of the "
            "package that it comes from; results would not compare"
        )
    return dataset
