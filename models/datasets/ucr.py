"""Real series of the UCR archive that aeon's wheel carries.

Dau et al., The UCR time series archive, IEEE/CAA Journal of Automatica Sinica 6 (2019).
"""

from importlib import resources

import numpy as np

from kerasearch.models.datasets.dataset import Dataset

_SEASONS = {"2": "april-september", "1": "october-march"}


def italy_power_demand() -> Dataset:
    """Power demand of Italy, a day a row, an hour a step; the archive's train part, then its test.

    Raises:
        ModuleNotFoundError: aeon is not installed.
    """
    try:
        # Its files alone: aeon.datasets takes seconds to import, and numba and pandas.
        folder = resources.files("aeon") / "datasets" / "data" / "ItalyPowerDemand"
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "italy-power-demand is read from aeon: pip install 'kerasearch[ucr]'", name="aeon"
        ) from error
    rows = [
        line.split(":")
        for part in ("TRAIN", "TEST")
        for line in (folder / f"ItalyPowerDemand_{part}.ts").read_text("utf-8").splitlines()
        if line and line[0] not in "#@"
    ]
    return Dataset(
        kind="sequence",
        x=np.array([values.split(",") for values, _ in rows], np.float32)[..., np.newaxis],
        y=np.array([list(_SEASONS).index(label) for _, label in rows], np.int64),
        classes=tuple(_SEASONS.values()),
        features=tuple(f"hour_{hour}" for hour in range(24)),
    )
