from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.plots import draw_study
from kerasearch.service.sampling.study import JobStudy

SPACE = SearchSpace.parse(
    {
        "learning_rate": {"type": "float", "low": 1e-6, "high": 0.1, "log": True},
        "layers": {"type": "choice", "values": ["one", "two"]},
        "dense": {"type": "int", "low": 1, "high": 64, "when": {"layers": ["two"]}},
        "activation": {"type": "choice", "values": ["relu", None]},
        "optimizer": "adam",
    }
)


def _study(space: SearchSpace, values: list[float | None]) -> JobStudy:
    study = JobStudy.create(space, ["maximize"], "optuna", "random", seed=0)
    for value in values:
        number = study.ask().number
        if value is None:
            study.tell_failed(number)
        else:
            study.tell(number, value)
    return study


def _names(paths: list[Path]) -> list[str]:
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    return [path.stem for path in paths]


def test_a_study_is_drawn_in_four_pictures(tmp_path: Path) -> None:
    study = _study(SPACE, [0.5, None, 0.7, 0.6, 0.9, 0.8, 0.4])
    study.ask()
    style = dict(mpl.rcParams)
    names = _names(draw_study(study.study, tmp_path, ["val_accuracy"]))
    assert names == ["optimization_history", "importances", "parallel_coordinates", "slices"]
    assert {path.stem for path in tmp_path.iterdir()} == set(names)
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == style


def test_nothing_is_drawn_before_two_trials_are_complete(tmp_path: Path) -> None:
    assert draw_study(_study(SPACE, []).study, tmp_path) == []
    assert draw_study(_study(SPACE, [0.5, None]).study, tmp_path) == []


def test_two_complete_trials_are_enough(tmp_path: Path) -> None:
    assert len(draw_study(_study(SPACE, [0.5, 0.6]).study, tmp_path)) == 4


def test_equal_trials_have_no_importances(tmp_path: Path) -> None:
    drawn = _names(draw_study(_study(SPACE, [0.5] * 5).study, tmp_path))
    assert drawn == ["optimization_history", "parallel_coordinates", "slices"]


def test_more_parameters_than_fit_are_drawn(tmp_path: Path) -> None:
    wide = SearchSpace.parse({f"parameter_{i}": "{{uniform(0, 1)}}" for i in range(12)})
    assert len(draw_study(_study(wide, [0.1, 0.2, 0.3]).study, tmp_path)) == 4


def test_of_two_objectives_the_pareto_front_is_drawn_too(tmp_path: Path) -> None:
    study = JobStudy.create(SPACE, ["maximize", "minimize"], "optuna", "random", seed=0)
    for number, value in enumerate([0.5, 0.7, 0.6, 0.9]):
        study.ask()
        study.tell(number, value, value**2)
    study.ask()
    study.tell_failed(4)
    names = _names(draw_study(study.study, tmp_path, ["val_accuracy", "parameters"]))
    assert names[:2] == ["pareto_front", "optimization_history"]
    assert names[-2:] == ["parallel_coordinates", "slices"]
