"""Datasets: built in or sent as a file, inspected, split and scaled.

Importing this package costs numpy and pydantic, no more: the API process uses it.
"""

from kerasearch.models.datasets.builtin import BUILTIN, BuiltinDataset, find_builtin, load_builtin
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.dataset import Dataset, Examples
from kerasearch.models.datasets.export import export_csv
from kerasearch.models.datasets.info import Column, DatasetInfo, Kind, Schema
from kerasearch.models.datasets.scaling import Scaling, ScalingMethod, fit_scaling
from kerasearch.models.datasets.split import Split, SplitFractions, resplit_rows, split_rows
from kerasearch.models.datasets.suitability import Usable, usable
from kerasearch.models.datasets.uploads import inspect_file, load_file

__all__ = [
    "BUILTIN",
    "BuiltinDataset",
    "Column",
    "DataChoice",
    "Dataset",
    "DatasetInfo",
    "Examples",
    "Kind",
    "Scaling",
    "ScalingMethod",
    "Schema",
    "Split",
    "SplitFractions",
    "Usable",
    "export_csv",
    "find_builtin",
    "fit_scaling",
    "inspect_file",
    "load_builtin",
    "load_file",
    "resplit_rows",
    "split_rows",
    "usable",
]
