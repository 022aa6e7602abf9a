"""What is known of a plugin without running it: written by its recording, read by everybody."""

from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from kerasearch.models import FamilyInfo
from kerasearch.models.datasets import DatasetInfo
from kerasearch.models.datasets.info import Kind
from kerasearch.models.datasets.scaling import ScalingMethod
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces import SearchSpace

PREFIX = "plugin:"
VERSION_DIGITS = 12
"""Of the SHA-256 of a plugin's file, in the exact names of its models."""

ALL_KINDS: tuple[Kind, ...] = ("tabular", "sequence", "image")


class PluginModel(FamilyInfo):
    """A model of a plugin, which a job names as it does a family.

    Attributes:
        entry: Its name in the plugin.
        sha256: Of the plugin's file.
        parameters: Its default space, canonical.
        hp_names: Parameter to KerasTuner's name of it, where that is another.
        hyperparameters: Configurations of KerasTuner's own hyperparameters, as it serializes them.
        fit_options: What its training is given of `epochs`, `batch_size` and `verbose`.
    """

    tasks: tuple[TaskName, ...] = ("classification", "regression")
    data_kinds: tuple[Kind, ...] = ALL_KINDS
    scales: tuple[ScalingMethod, ...] = ("none", "standard", "minmax")  # it may scale by itself
    entry: str
    sha256: str
    parameters: dict[str, object]
    hp_names: dict[str, str]
    hyperparameters: list[dict[str, Any]]  # KerasTuner's JSON
    training: tuple[str, ...]  # kept, other than a family's
    fit_options: tuple[str, ...]

    @property
    def exact_name(self) -> str:
        return f"{self.name}@{self.sha256[:VERSION_DIGITS]}"

    @cached_property
    def space(self) -> SearchSpace:
        return SearchSpace.parse(self.parameters)


class PluginData(BaseModel):
    """What a plugin's `data()` gave.

    Attributes:
        sha256: Of the NPZ file that holds it.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    info: DatasetInfo


class Recording(BaseModel):
    """What one version of a plugin's file offers.

    Attributes:
        module: The file's name without `.py`.
        sha256: Of the file.
        models: By their names in the plugin.
        data: None where it has no `data()`, or one that failed.
        errors: By name in the plugin, why that can't be used; by `""`, why nothing of it can.
    """

    model_config = ConfigDict(frozen=True)

    module: str
    sha256: str
    models: dict[str, PluginModel] = {}
    data: PluginData | None = None
    errors: dict[str, str] = {}
