"""Figures of a benchmark: a table for whoever ran it, and a file that README quotes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def publish(figures: Mapping[str, float | str], results: Path) -> None:
    """Show and write them, with the load of the machine, which they have to be read by."""
    figures = {**figures, "load of the machine, 15 minutes": os.getloadavg()[2]}
    table = Table("measured", "value")
    for name, value in figures.items():
        shown = value if isinstance(value, str) else f"{value:,.2f}".rstrip("0").rstrip(".")
        table.add_row(name, shown)
    Console().print(table)
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(figures, indent=2) + "\n")
