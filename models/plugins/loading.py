"""A plugin's file executed: exactly the content that its digest names."""

import hashlib
import linecache
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


class PluginChangedError(Exception):
    """The file isn't the one that was recorded; the message says so to a person."""


_LOADED: dict[str, ModuleType] = {}
"""By the file's digest: a trial process executes a plugin once."""


def load_plugin(path: Path, sha256: str) -> ModuleType:
    """The module that a plugin's file makes, executed at the first call for this content.

    Raises:
        PluginChangedError: The file has another content, or is gone.
        Exception: Whatever the plugin raises.
    """
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise PluginChangedError(f"{path.name} is gone from the plugin folder") from None
    found = hashlib.sha256(source).hexdigest()
    if found != sha256:
        raise PluginChangedError(
            f"{path.name} has changed: its SHA-256 is {found[:12]}... and was {sha256[:12]}...; "
            "put the old file back, or submit a new job for the new one"
        )
    if sha256 not in _LOADED:
        _LOADED[sha256] = _execute(path, source)
    return _LOADED[sha256]


def _execute(path: Path, source: bytes) -> ModuleType:
    name = path.stem
    if not (name.isascii() and name.isidentifier()):
        raise ImportError(f"a plugin's name is letters, digits and underscores, not {name!r}")
    if name in sys.modules or find_spec(name) is not None:
        raise ImportError(f"{name!r} is the name of an installed module; rename the file")
    module = ModuleType(name)
    module.__file__ = str(path)
    linecache.checkcache(str(path))
    sys.modules[name] = module  # Keras and dataclasses look up what is defined in it
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the operator's own
    except BaseException:
        del sys.modules[name]
        raise
    return module
