"""A script or notebook, parsed, and where in it things are."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tokenize import TokenError, generate_tokens

import libcst as cst
from libcst.metadata import (
    CodeRange,
    ExpressionContext,
    ExpressionContextProvider,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
)

from kerasearch.service.hyperas.notes import CannotImport, Note

SIZE_LIMIT = 4 << 20
MAGIC = re.compile(r"(\s*)(%{1,2}[A-Za-z_].*|[!?].*)")


@dataclass(frozen=True)
class Script:
    """A parsed script.

    Attributes:
        places: For a notebook the cell and line of each line, from line 1 on; else empty.
        notes: What was left out while reading.
    """

    path: Path
    tree: cst.Module
    places: tuple[str, ...]
    notes: tuple[Note, ...]
    parents: Mapping[cst.CSTNode, cst.CSTNode]
    contexts: Mapping[cst.CSTNode, ExpressionContext | None]
    _positions: Mapping[cst.CSTNode, CodeRange]

    def line(self, node: cst.CSTNode) -> int:
        """Where a node begins; 0 for one that isn't the script's own."""
        position = self._positions.get(node)
        return position.start.line if position else 0

    def end(self, node: cst.CSTNode) -> int:
        position = self._positions.get(node)
        return position.end.line if position else 0

    def place(self, line: int) -> str:
        """`line 12`, or `cell 3, line 2` of a notebook."""
        if 0 < line <= len(self.places):
            return self.places[line - 1]
        return f"line {line}" if line else "the script"

    def code(self, node: cst.CSTNode) -> str:
        return self.tree.code_for_node(node).strip()

    def function(self, name: str) -> cst.FunctionDef | None:
        """The last function of that name at the top of the script."""
        found = [n for n in self.tree.body if isinstance(n, cst.FunctionDef)]
        return next((f for f in reversed(found) if f.name.value == name), None)


def read_script(path: Path) -> Script:
    """Parse a `.py` or `.ipynb` file.

    Raises:
        CannotImport: It can't be read, or isn't Python 3.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise CannotImport(f"{path}: larger than {SIZE_LIMIT:,} bytes, so it is no script")
        content = path.read_bytes()
    except OSError as error:
        raise CannotImport(f"{path}: {error.strerror}") from error
    places: tuple[str, ...] = ()
    notes: list[Note] = []
    source: str | bytes = content
    if path.suffix == ".ipynb":
        source, places = _joined_cells(path, content, notes)
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
    except cst.ParserSyntaxError as error:
        line = error.raw_line
        where = places[line - 1] if line <= len(places) else f"line {line}"
        raise CannotImport(
            f"{path}: {where}: this isn't Python 3 ({error.message}); "
            "a script for Python 2 needs 2to3 first"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise CannotImport(f"{path}: can't be parsed: {error}") from error
    return Script(
        path,
        wrapper.module,
        places,
        tuple(notes),
        wrapper.resolve(ParentNodeProvider),
        wrapper.resolve(ExpressionContextProvider),
        wrapper.resolve(PositionProvider),
    )


def _joined_cells(path: Path, content: bytes, notes: list[Note]) -> tuple[str, tuple[str, ...]]:
    """The code cells as one source, and the place of each of its lines."""
    try:
        cells = json.loads(content)["cells"]
        code = [
            "".join(cell["source"]).splitlines() for cell in cells if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotImport(f"{path}: no notebook of format 4, which has a list of cells") from error
    lines: list[str] = []
    places: list[str] = []
    for number, cell in enumerate(code, start=1):
        for index, line in enumerate(_without_magics(cell, len(lines), notes), start=1):
            lines.append(line)
            places.append(f"cell {number}, line {index}")
    return "\n".join([*lines, ""]), tuple(places)


def _without_magics(cell: list[str], before: int, notes: list[Note]) -> list[str]:
    """The lines of a cell, those that only a notebook understands replaced one for one."""
    if cell and cell[0].startswith("%%"):
        notes.append(Note(before + 1, f"a cell under {cell[0]} is left out"))
        return [""] * len(cell)
    lines: list[str] = []
    for index, line in enumerate(cell, start=1):
        if (magic := MAGIC.fullmatch(line)) and not _goes_on(lines):
            notes.append(Note(before + index, f"{magic[2]} is left out: only notebooks know it"))
            lines.append(f"{magic[1]}pass" if magic[1] else "")
        else:
            lines.append(line)
    return lines


def _goes_on(lines: list[str]) -> bool:
    """Whether a bracket or a text of several lines is open after these."""
    try:
        for _ in generate_tokens(StringIO("\n".join([*lines, ""])).readline):
            pass
    except TokenError:
        return True
    except SyntaxError:
        pass  # the parser tells it better
    return False
