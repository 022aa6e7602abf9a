"""Files of models: Keras 3 writes `.keras` and `.weights.h5`."""

import re
from collections.abc import Iterable

import libcst as cst

from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.syntax import argument, calls, dotted, inside

_OLD = re.compile(r"(\.weights)?\.(hdf5|h5)$")


def checkpoint_files(tree: cst.Module, imports: Imports) -> dict[str, str]:
    """The files of models that a script writes, and what they must be called now.

    A file that it only reads keeps its name, for it is there already.
    """
    renamed: dict[str, str] = {}
    for call in calls(tree):
        path, method = imports.path(call.func), dotted(call.func).rpartition(".")[2]
        if path == "keras.callbacks.ModelCheckpoint":
            only = argument(call, None, "save_weights_only")
            weights = isinstance(only, cst.Name) and only.value == "True"
            name = argument(call, 0, "filepath")
        elif method in ("save", "save_weights"):
            weights = method == "save_weights"
            name = argument(call, 0, "filepath")
        else:
            continue
        for text in _texts(tree, name):
            if (new := renamed_file(text, weights)) != text:
                renamed[text] = new
    return renamed


def renamed_file(name: str, weights: bool) -> str:
    """The name with the ending that Keras 3 asks for."""
    return _OLD.sub(".weights.h5" if weights else ".keras", name)


def _texts(tree: cst.Module, node: cst.BaseExpression | None) -> Iterable[str]:
    """The text at the end of a file's name, also where a variable holds it."""
    if isinstance(node, cst.Name):
        for assignment in inside(tree, cst.Assign):
            is_its = dotted(assignment.targets[0].target) == node.value
            if is_its and not isinstance(assignment.value, cst.Name):
                yield from _texts(tree, assignment.value)
    elif isinstance(node, cst.SimpleString):
        yield str(node.raw_value)
    elif isinstance(node, cst.BinaryOperation):
        yield from _texts(tree, node.right)
