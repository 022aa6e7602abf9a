import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kerasearch.service.mlflow_runs import collect_files
from kerasearch.service.trials import Attempt, Trial, TrialState

BEGUN = datetime(2026, 11, 22, tzinfo=UTC)

TABLES = {
    "confusion_matrix": {"classes": ["a", "b"], "counts": [[3, 1], [0, 4]]},
    "roc": {"positive": "b", "false_positive_rate": [0, 1], "true_positive_rate": [0, 1]},
    "calibration": {"positive": "b", "predicted": [0.1], "observed": [0.0], "rows": [8]},
    "predictions": {"actual": [[1.0], [2.0]], "predicted": [[1.5], [2.0]]},
    "residuals": {"edges": [0.0, 0.5, 1.0], "counts": [1, 1]},
}


@pytest.mark.parametrize("is_best", [False, True])
def test_every_table_is_kept_and_all_of_them_drawn_of_the_best_trial(
    tmp_path: Path, is_best: bool
) -> None:
    files, folder = tmp_path / "files", tmp_path / "run"
    files.mkdir()
    folder.mkdir()
    for name, table in TABLES.items():
        (files / f"{name}.json").write_text(json.dumps(table))
    (files / "checkpoint.json").write_text("{}")
    (files / "codes.csv").write_text("example,code_1\n")
    attempt = Attempt(
        number=1, started_at=BEGUN, ended_at=BEGUN, outcome=None, reason=None, device="cpu", pid=1
    )
    trial = Trial(
        number=0,
        state=TrialState.COMPLETE,
        params={},
        value=0.5,
        curves={},
        metrics={},
        best_epoch=1,
        seed=0,
        attempts=[attempt],
    )
    collect_files(trial, files, folder, is_best=is_best)
    drawn = {path.stem for path in folder.glob("*.png")}
    assert {path.stem for path in folder.glob("*.json")} == set(TABLES)
    assert (folder / "codes.csv").is_file()
    assert drawn == (set(TABLES) if is_best else {"confusion_matrix"})
