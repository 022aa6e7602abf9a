import subprocess
import sys
from collections import Counter
from importlib import resources

import numpy as np
import pytest

from kerasearch.models.datasets import BUILTIN, load_builtin
from kerasearch.models.tasks import TASKS
from kerasearch.searchspaces.problems import InvalidInput


@pytest.mark.parametrize("name", BUILTIN)
def test_what_is_said_of_a_builtin_dataset_holds(name: str) -> None:
    builtin = BUILTIN[name]

    dataset = load_builtin(name)

    assert dataset.sha256() == builtin.sha256
    assert (dataset.kind, dataset.classes) == (builtin.kind, builtin.classes)
    assert dataset.x.shape == (builtin.rows, *builtin.shape)
    assert dataset.x.dtype == np.float32
    if dataset.y is not None:
        assert dataset.y.shape == (builtin.rows, *builtin.target_shape)
        assert dataset.y.dtype == (np.int64 if builtin.classes else np.float32)
    if dataset.labels is not None:
        rows = Counter(dataset.classes[label] for label in dataset.labels)
        assert rows == builtin.class_counts
    assert builtin.info.rows == builtin.rows
    assert (builtin.info.classes or ()) == tuple(builtin.class_counts)
    assert set(builtin.tasks) <= set(TASKS)


def test_content_that_its_digest_does_not_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from kerasearch.models.datasets import scikit

    digits = scikit.digits()
    digits.x[0, 0, 0, 0] += 1
    monkeypatch.setattr(scikit, "digits", lambda: digits)

    with pytest.raises(ValueError, match="digits came out with digest"):
        load_builtin("digits")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'epidemic-curves'"):
        load_builtin("epidemic-curve")


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_aeon(package: str) -> None:
        raise ModuleNotFoundError(name=package)

    monkeypatch.setattr(resources, "files", no_aeon)

    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kerasearch\[ucr\]'"):
        load_builtin("italy-power-demand")


def test_importing_datasets_imports_nothing_heavy() -> None:
    heavy = "{'keras', 'tensorflow', 'pandas', 'sklearn', 'scipy', 'aeon', 'numba'}"
    code = f"import sys, kerasearch.models.datasets; print(sorted({heavy} & set(sys.modules)))"

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert printed.stdout.strip() == "[]"
