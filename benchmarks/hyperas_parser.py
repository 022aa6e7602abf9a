"""What wrong input costs: fuzzed Hyperas strings through the parser, wrong spaces through the API.

    .venv/bin/python benchmarks/hyperas_parser.py

Prints a table and writes benchmarks/results/hyperas_parser.json.
"""

import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from kerasearch.searchspaces.hyperas import DISTRIBUTIONS, MAX_LENGTH, parse_hyperas
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.app import create_app
from kerasearch.service.settings import Settings
from kerasearch.service.testing import new_database, serve_in_thread

STRINGS = 100_000
ROUNDS = 20  # of all wrong spaces over HTTP
RESULTS = Path(__file__).parent / "results"
WRONG = Path(__file__).parents[1] / "tests" / "searchspaces" / "wrong_spaces.json"

WHOLE = ["choice([64, 128])", "uniform(0, 1)", "quniform(low=1, high=9, q=2)", "loguniform(-5, 0)",
         "choice(['adam', None, True])", "uniform(10**-3, 1/8)", "randint(5)"]  # fmt: skip
PIECES = [*DISTRIBUTIONS, *WHOLE, "(", ")", "[", "]", "{", "}", ",", "*", "**", "-", "~", "/", "%",
          "=", ":=", ".", ":", "#", "\\", "\n", "\t", "'", '"', "'''", "f'", "0", "1", "9", "1e9",
          "1e999", "0x", "1_0", "1j", "'a'", "None", "True", "low", "lambda", "if", "for", "in",
          "await", "yield", "not", "\0", "é", "\ud800", "\U0001d7dc", "\u202e", " "]  # fmt: skip
REPEATED = ["(", "[", "-", "~", "not ", "1+", "1**", "1,", "'a',", "9", "lambda:", "{", "f'{", "#",
            "choice(", "if 1 else "]  # fmt: skip


def fuzzed(rng: Random) -> str:
    """Pieces in a row, a right string with errors, any characters, or one piece very often."""
    match rng.randrange(20):
        case 0:
            long = rng.choice(REPEATED) * rng.randrange(1, MAX_LENGTH)
            inside = f"choice([{long[: rng.randrange(1, MAX_LENGTH - 20)]}1])"
        case 1 | 2 | 3:
            inside = "".join(chr(rng.randrange(0x11_0000)) for _ in range(rng.randrange(40)))
        case 4 | 5 | 6 | 7 | 8 | 9:
            inside = rng.choice(WHOLE)
            for _ in range(rng.randrange(4)):
                at = rng.randrange(len(inside) + 1)
                inside = inside[:at] + rng.choice(PIECES) + inside[at + rng.randrange(3) :]
        case _:
            inside = "".join(rng.choices(PIECES, k=rng.randrange(30)))
    return "{{" + inside + "}}"


def main() -> None:
    gc.collect()
    gc.freeze()  # else a collection walks through all imports at times: 100 ms, of no string's own
    results = {"hyperas strings": through_parser(), "wrong spaces, HTTP": through_api()}
    table = Table("", "tried", "refused", "crashes", "median ms", "slowest ms", "slowest CPU ms")
    for name, found in results.items():
        table.add_row(name, *(f"{value:,}" for value in found.values()))
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "hyperas_parser.json").write_text(json.dumps(results, indent=2) + "\n")


def through_parser() -> dict[str, float]:
    rng = Random(0)

    def is_refused(text: str) -> bool:
        try:
            parse_hyperas(text)
        except InvalidInput:
            return True
        return False

    return _tried(is_refused, (fuzzed(rng) for _ in range(STRINGS)))


def through_api() -> dict[str, float]:
    spaces = [wrong["space"] for wrong in json.loads(WRONG.read_text())] * ROUNDS
    with _api() as url, httpx.Client(base_url=url, trust_env=False) as client:
        client.get("/healthz")

        return _tried(
            lambda space: client.post("/v1/spaces", json=space).status_code == 422, spaces
        )


def _tried(is_refused: Callable[[Any], bool], inputs: Iterable[object]) -> dict[str, float]:
    """Counts, and milliseconds: CPU too, for a busy machine makes anything slow at times."""
    refused, crashes = 0, 0
    walls, cpus = [], []
    for each in inputs:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            refused += is_refused(each)
        except Exception as error:
            crashes += 1
            print(f"{each!r}: {error!r}")
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    return {
        "tried": len(walls),
        "refused": refused,
        "crashes": crashes,
        "median_ms": round(median(walls), 3),
        "slowest_ms": round(max(walls), 1),
        "slowest_cpu_ms": round(max(cpus), 1),
    }


@contextmanager
def _api() -> Iterator[str]:
    """The API alone, in a thread: no supervisor, no scheduler."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)), new_database(Path(folder)))
        with serve_in_thread(app) as url:
            yield url


if __name__ == "__main__":
    main()
