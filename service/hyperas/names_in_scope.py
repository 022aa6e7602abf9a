"""What the names of a script stand for, as its imports tell."""

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from kerasearch.service.hyperas.old_keras import canonical
from kerasearch.service.hyperas.syntax import dotted, inside


@dataclass(frozen=True)
class Imports:
    """All imports of a script, those within functions included.

    Attributes:
        paths: Local name to dotted path, as Keras 3 has it.
        stars: Modules of which everything is imported.
    """

    paths: Mapping[str, str]
    stars: tuple[str, ...]

    def path(self, node: cst.BaseExpression) -> str:
        """The dotted path that an expression names; empty where it names nothing imported."""
        name = dotted(node)
        first, _, rest = name.partition(".")
        if first in self.paths:
            return canonical(".".join(filter(None, [self.paths[first], rest])))
        for module in self.stars:
            # Keras's classes alone begin with a capital, so a local name is never taken for one.
            if module.startswith("keras.") and name[:1].isupper() and not rest:
                return canonical(f"{module}.{name}")
        return ""


def imports_of(tree: cst.Module) -> Imports:
    paths: dict[str, str] = {}
    stars: list[str] = []
    for node in inside(tree, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.Import):
            for alias in node.names:
                if alias.evaluated_alias:
                    paths[alias.evaluated_alias] = alias.evaluated_name
                else:
                    root = alias.evaluated_name.split(".")[0]
                    paths[root] = root
        elif isinstance(node, cst.ImportFrom) and node.module is not None and not node.relative:
            module = dotted(node.module)
            if isinstance(node.names, cst.ImportStar):
                stars.append(canonical(module))
                continue
            for alias in node.names:
                local = alias.evaluated_alias or alias.evaluated_name
                paths[local] = f"{module}.{alias.evaluated_name}"
    return Imports(paths, tuple(stars))
