"""What samplers cost, and how well they search.

    .venv/bin/python benchmarks/samplers.py [--costs] [--quality] [--seeds 20] [--all] [--long]

Costs: the median processor time of an ask after so many finished trials. Quality: the best value
in 100 trials of three tabular functions (`tabular.py`), Kerasearch's samplers beside the libraries
called directly, medians and quartiles over the seeds. Long: 2,000 trials by TPE that sees a part of
them, as it does, and by one that sees all, 5 seeds; some ten minutes of processor time. Results go
to benchmarks/results.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import fmean, median, quantiles
from typing import Any

import hyperopt
import numpy as np
import optuna
from hyperopt import hp
from rich.console import Console
from rich.table import Table
from scipy.stats import mannwhitneyu
from tabular import FUNCTIONS, Function

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.sampling.fitting import NEEDS
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.options import OPTIONS
from kerasearch.service.sampling.samplers import SAMPLERS, Sampler
from kerasearch.service.sampling.study import JobStudy
from kerasearch.service.trials import TrialState

RESULTS = Path(__file__).parent / "results"
HISTORY = (10, 100, 1_000, 10_000)
ASKS, ASKS_OF_SLOW = 9, 3
TRIALS = 100
LONG, LATE, LONG_SEEDS = 2_000, 200, 5

Search = Callable[[Function, int], float]
"""The least value that a search with this seed finds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--all", action="store_true", help="every sampler, not those compared")
    parser.add_argument("--long", action="store_true")
    asked = parser.parse_args()
    both = not (asked.costs or asked.quality or asked.long)
    console = Console()
    path = RESULTS / "samplers.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if asked.costs or both:
        results["ask_ms"] = measure_costs(console)
    if asked.quality or both:
        results["best"] = measure_quality(console, asked.seeds, every=asked.all)
    if asked.long:
        results["long"] = measure_thinning(console)
    results |= {"load": os.getloadavg()[0], "processors": os.cpu_count()}
    path.write_text(json.dumps(results, indent=2) + "\n")


def measure_costs(console: Console) -> dict[str, list[float]]:
    """Median processor milliseconds of an ask, a tenth of the trials being infeasible."""
    title = "processor time of an ask, ms"
    table = Table("sampler", *(f"{trials:,} trials" for trials in HISTORY), title=title)
    costs = {}
    for engine, name in _installed():
        times = [_ask_ms(engine, name, trials) for trials in HISTORY]
        costs[f"{engine} {name}"] = times
        table.add_row(f"{engine} {name}", *(f"{ms:.1f}" for ms in times))
    console.print(table)
    return costs


def _ask_ms(engine: str, name: str, trials: int) -> float:
    function = FUNCTIONS[1]
    space = SearchSpace.parse(function.space)
    study = JobStudy.create(space, ["minimize"], engine, name, seed=0)
    rng = Random(0)
    past = []
    for number in range(trials):
        params = space.sample(rng)
        feasible = number % 10 != 0
        past.append(
            PastTrial(number, params, TrialState.COMPLETE, (function(params),))
            if feasible
            else PastTrial(number, params, TrialState.INFEASIBLE)
        )
    study.replay(past)
    times = []
    for _ in range(ASKS_OF_SLOW if name in NEEDS else ASKS):
        begun = time.process_time()  # not the wall's: others use this machine
        asked = study.ask()
        times.append(1000 * (time.process_time() - begun))
        study.tell(asked.number, function(asked.params))
    return median(times)


def measure_quality(console: Console, seeds: int, *, every: bool) -> dict[str, Any]:
    searches: dict[str, Search] = {
        "optuna tpe": _kerasearch("optuna", "tpe"),
        "Optuna's TPESampler": _optuna_itself,
        "hyperopt tpe": _kerasearch("hyperopt", "tpe"),
        "Hyperopt's fmin": _hyperopt_itself,
        "optuna random": _kerasearch("optuna", "random"),
    }
    if every:
        pairs = [pair for pair in _installed() if pair[1] not in ("gp", "atpe")]
        searches |= {f"{e} {name}": _kerasearch(e, name) for e, name in pairs}
    found: dict[str, dict[str, list[float]]] = {}
    for function in FUNCTIONS:
        table = Table("sampler", "median", "quartiles", "against its library", title=function.name)
        best = {
            name: [search(function, seed) for seed in range(seeds)]
            for name, search in searches.items()
        }
        for name, values in best.items():
            low, middle, high = quantiles(values, n=4)
            peer = {"optuna tpe": "Optuna's TPESampler", "hyperopt tpe": "Hyperopt's fmin"}.get(
                name
            )
            words = "" if peer is None else _compared(values, best[peer])
            table.add_row(name, f"{middle:.4f}", f"{low:.4f} to {high:.4f}", words)
        console.print(table)
        found[function.name] = best
    return found


def measure_thinning(console: Console) -> dict[str, dict[str, list[float]]]:
    """What a long search loses by its sampler being shown a part of the trials."""
    thinned = SAMPLERS["optuna"]["tpe"]
    function = FUNCTIONS[1]
    parts = _long_searches(thinned, function)
    whole = _long_searches(replace(thinned, most=None), function)
    title = f"TPE, {LONG:,} trials of {function.name}: median (least to most) of {LONG_SEEDS} seeds"
    table = Table("", f"shown {thinned.most} ended trials", "shown all", "", title=title)
    for name in parts:
        cells = (
            f"{median(v):.4f} ({min(v):.4f} to {max(v):.4f})" for v in (parts[name], whole[name])
        )
        table.add_row(name, *cells, _compared(parts[name], whole[name]))
    console.print(table)
    return {"thinned": parts, "unthinned": whole}


def _long_searches(sampler: Sampler, function: Function) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"best": [], f"mean of the last {LATE}": [], "CPU seconds": []}
    options = OPTIONS["optuna"]["tpe"]().model_dump()
    for seed in range(LONG_SEEDS):
        begun = time.process_time()
        study = JobStudy(SearchSpace.parse(function.space), ["minimize"], sampler, options, seed)
        values = _searched(study, function, LONG)
        figures = (min(values), fmean(values[-LATE:]), time.process_time() - begun)
        for all_seeds, figure in zip(found.values(), figures, strict=True):
            all_seeds.append(figure)
    return found


def _searched(study: JobStudy, function: Function, trials: int) -> list[float]:
    values = []
    for _ in range(trials):
        asked = study.ask()
        values.append(function(asked.params))
        study.tell(asked.number, values[-1])
    return values


def _compared(ours: list[float], theirs: list[float]) -> str:
    """By Mann and Whitney's test at 5 %, two-sided."""
    p = float(mannwhitneyu(ours, theirs).pvalue)
    if p >= 0.05:
        return f"within noise (p {p:.2f})"
    return f"{'better' if median(ours) < median(theirs) else 'worse'} (p {p:.3f})"


def _kerasearch(engine: str, name: str) -> Search:
    def search(function: Function, seed: int) -> float:
        space = SearchSpace.parse(function.space)
        study = JobStudy.create(space, ["minimize"], engine, name, seed)
        return min(_searched(study, function, TRIALS))

    return search


def _optuna_itself(function: Function, seed: int) -> float:
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        params: dict[str, Any] = {}
        for name, p in function.space.items():
            if all(params.get(parent) in values for parent, values in p.get("when", {}).items()):
                params[name] = _suggest(trial, name, p)
        return function(params)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=TRIALS)
    return study.best_value


def _suggest(trial: optuna.Trial, name: str, p: dict[str, Any]) -> Any:
    match p["type"]:
        case "choice":
            return trial.suggest_categorical(name, p["values"])
        case "int":
            return trial.suggest_int(name, p["low"], p["high"], step=p["step"])
    return trial.suggest_float(name, p["low"], p["high"], step=p["step"])


def _hyperopt_itself(function: Function, seed: int) -> float:
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda drawn: function(dict(_flat(drawn))),
        _nested(function.space),
        algo=hyperopt.tpe.suggest,
        max_evals=TRIALS,
        trials=trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )
    return float(min(trials.losses()))


def _nested(space: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Hyperopt's form, in which each value of a choice holds what it activates."""
    held_by = {name: [*p["when"]][-1] for name, p in space.items() if "when" in p}
    nodes: dict[str, Any] = {}
    for name, p in reversed(space.items()):  # children first; one node each, wherever it is used
        held = [child for child, parent in held_by.items() if parent == name]
        if p["type"] == "choice":
            nodes[name] = hp.choice(
                name,
                [
                    {name: value}
                    | {child: nodes[child] for child in held if value in space[child]["when"][name]}
                    for value in p["values"]
                ],
            )
        else:
            nodes[name] = hp.quniform(name, p["low"], p["high"], p["step"])
    return {name: nodes[name] for name in space if name not in held_by}


def _flat(drawn: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in drawn.items():
        if isinstance(value, dict):
            yield from _flat(value)
        else:
            yield name, value


def _installed() -> Iterator[tuple[str, str]]:
    for engine, samplers in SAMPLERS.items():
        for name in samplers:
            if name not in NEEDS or find_spec(NEEDS[name]):
                yield engine, name


if __name__ == "__main__":
    main()
