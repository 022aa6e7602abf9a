"""Datasets that need no upload: known before they are loaded, the same on every machine."""

from dataclasses import dataclass
from importlib import import_module

from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import DatasetInfo, Kind
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.problems import InvalidInput, unknown


@dataclass(frozen=True)
class BuiltinDataset:
    """A dataset that is made or read locally.

    Attributes:
        shape: Of one example.
        class_counts: Class to rows, in the order of class indices; empty where the target is none.
        unclassed_rows: How many, where there are no classes of examples.
        tasks: What its target is for, the likeliest first.
        target_shape: Of one example's target.
        step_classes: Where the target is a class a step, their names.
        target: What the target is called; unsaid, `label` of classes and `y` of others.
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
    tasks: tuple[TaskName, ...] = ("classification",)
    target_shape: tuple[int, ...] = ()
    unclassed_rows: int = 0
    step_classes: tuple[str, ...] = ()
    target: str | None = None

    @property
    def rows(self) -> int:
        return self.unclassed_rows or sum(self.class_counts.values())

    @property
    def classes(self) -> tuple[str, ...]:
        return self.step_classes or tuple(self.class_counts)

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo(
            format="builtin",
            kind=self.kind,
            rows=self.rows,
            shape=self.shape,
            target=self.target or ("label" if self.class_counts else "y"),
            class_counts=self.class_counts or None,
            tasks=self.tasks,
            target_shape=self.target_shape,
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
            name="drawn-shapes",
            description="Grey pictures of a shape in noise, anywhere and of any size (made here)",
            kind="image",
            shape=(24, 24, 1),
            class_counts={"circle": 400, "cross": 400, "square": 400, "triangle": 400},
            entry="kerasearch.models.datasets.generated.shapes:draw",
            sha256="cf3e7552bec69788c63e54c85e512133dac7f72584d65ccb7109ea1eab1f3030",
        ),
        BuiltinDataset(
            name="anomalies",
            description="Ten sensors that go together, and a few rows in which they don't "
            "(made here); for reconstruction, the labels judge the errors",
            kind="tabular",
            shape=(10,),
            class_counts={"normal": 1900, "anomaly": 100},
            entry="kerasearch.models.datasets.generated.anomalies:measure",
            sha256="3984153dc6f1dc8669054fe91f709f8ac524420ac47a690c46767f0456ebcfb2",
        ),
        BuiltinDataset(
            name="diabetes",
            description="Patients by 10 measurements, and how far their diabetes went in a year",
            kind="tabular",
            shape=(10,),
            class_counts={},
            unclassed_rows=442,
            tasks=("regression",),
            entry="kerasearch.models.datasets.scikit:diabetes",
            sha256="ebef7eec3d7db8fde75b9bdeac312054fb765d523b7c7a7f580fa281c1ee1856",
        ),
        BuiltinDataset(
            name="drifting-walks",
            description="Random walks of 8 to 40 steps that drift up, down or not at all",
            kind="sequence",
            shape=(40, 1),
            class_counts={"down": 511, "level": 510, "up": 479},
            entry="kerasearch.models.datasets.generated.walks:drifting_walks",
            sha256="20f71aaca25721730263d271c544c7dab57c6370c605fa7fcdcee030932ccdb5",
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
        BuiltinDataset(
            name="binary-addition",
            description="Two numbers of 8 bits, a pair of bits a step, the lowest first; their sum",
            kind="sequence",
            shape=(9, 2),
            class_counts={},
            unclassed_rows=4000,
            step_classes=("0", "1"),
            tasks=("step_labelling",),
            target_shape=(9,),
            entry="kerasearch.models.datasets.generated.addition:add",
            sha256="0086aa32b7fa03f50b8794cf5207471b722de5df4152807634d5705ccd9a190e",
        ),
        BuiltinDataset(
            name="sequence-reversal",
            description="2 to 8 symbols, then the end; after it they are to be said backwards",
            kind="sequence",
            shape=(17, 10),
            class_counts={},
            unclassed_rows=2000,
            step_classes=tuple("abcdefgh"),
            tasks=("step_labelling",),
            target_shape=(17,),
            entry="kerasearch.models.datasets.generated.reversal:reversals",
            sha256="4793b60d294399c2214b397abeb52f4e5ccbfe4dcca0948d906491de8e23962c",
        ),
        BuiltinDataset(
            name="decaying-cosine",
            description="A cosine of amplitude 100 and period 25 that dies away, 1e-4 a step",
            kind="series",
            shape=(1,),
            class_counts={},
            unclassed_rows=5000,
            tasks=("forecasting",),
            target="value",
            target_shape=(1,),
            entry="kerasearch.models.datasets.generated.cosine:cosine_series",
            sha256="f991734af5263a2b07a70a1fa542b59e2f872fabd42e30c7406ca9ab1ff8066f",
        ),
        BuiltinDataset(
            name="spoken-sums",
            description='2,000 lines such as "twelve and seven are nineteen."',
            kind="text",
            shape=(),
            class_counts={},
            unclassed_rows=63281,
            tasks=("step_labelling",),
            entry="kerasearch.models.datasets.generated.sums:sums",
            sha256="9c33d6de5c143effdb132245bce30f6296f1ce3662f4b2d0d141a875839b654c",
        ),
        BuiltinDataset(
            name="ratings",
            description="12,729 ratings of 250 items by 400 users, half a star to 5; what is liked "
            "follows from five tastes, and noise",
            kind="ratings",
            shape=(250,),
            class_counts={},
            unclassed_rows=400,
            tasks=("rating_prediction",),
            target="rating",
            target_shape=(250,),
            entry="kerasearch.models.datasets.generated.ratings:rated",
            sha256="8c737225bf237495c93733aa82752c9c7f20a5357ce9f627b2969f324690c4e4",
        ),
    )
}


def find_builtin(id_or_name: str) -> BuiltinDataset | None:
    """The one of this name, or of this digest, which is its id."""
    found = (one for one in BUILTIN.values() if id_or_name in (one.name, one.sha256))
    return next(found, None)


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
