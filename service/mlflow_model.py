"""An MLflow model made of a `.keras` file, without Keras.

The folder is the one that `mlflow.keras.save_model` writes, which needs the model in memory and
Keras in the process, hundreds of MB of it.
"""

import json
import platform
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from kerasearch.models.model_file import read_description

_TENSORFLOW = ("tensorflow", "tensorflow-cpu")
"""Distributions of the same package, of which one is installed."""


def write_mlflow_model(keras_file: Path, model_id: str, run_id: str, to: Path) -> None:
    """Write the MLflow model of a model that we saved to the folder `to`."""
    with zipfile.ZipFile(keras_file) as archive:
        config = json.loads(archive.read("config.json"))
        keras_version = json.loads(archive.read("metadata.json"))["keras_version"]
    # Without a description it is a classifier of before there were other tasks.
    output_shape = read_description(keras_file).get("output_shape") or [_units(config)]
    data = to / "data"
    data.mkdir(exist_ok=True)
    shutil.copyfile(keras_file, data / "model.keras")
    (data / "keras_module.txt").write_text("keras")

    requirements = [f"mlflow=={version('mlflow')}", f"keras=={keras_version}", _tensorflow()]
    (to / "requirements.txt").write_text("\n".join(requirements) + "\n")
    python = platform.python_version()
    for name, content in {
        "python_env.yaml": {"python": python, "dependencies": ["-r requirements.txt"]},
        "conda.yaml": {"dependencies": [f"python={python}", "pip", {"pip": requirements}]},
    }.items():
        (to / name).write_text(json.dumps(content))  # JSON is YAML

    model = Model(
        model_id=model_id,
        model_uuid=model_id,
        run_id=run_id,
        signature=ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("float32"), (-1, *_input_shape(config)))]),
            outputs=Schema([TensorSpec(np.dtype("float32"), (-1, *output_shape))]),
        ),
    )
    model.add_flavor(
        "keras",
        data="data",
        keras_version=keras_version,
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    model.add_flavor(
        "python_function",
        loader_module="mlflow.keras",
        python_version=python,
        env={"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
    )
    model.model_size_bytes = keras_file.stat().st_size
    model.save(to / "MLmodel")


def _input_shape(config: dict[str, Any]) -> tuple[int, ...]:
    """Shape of one row, as the model's first layer, its input, has it."""
    return tuple(config["config"]["layers"][0]["config"]["batch_shape"][1:])


def _units(config: dict[str, Any]) -> int:
    """Numbers that the model's last layer, a dense one, gives."""
    units: int = config["config"]["layers"][-1]["config"]["units"]
    return units


def _tensorflow() -> str:
    for name in _TENSORFLOW:
        try:
            return f"{name}=={version(name)}"
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(" or ".join(_TENSORFLOW))
