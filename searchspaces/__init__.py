"""Search spaces: the language, and the default space of every model family."""

from kerasearch.searchspaces.families import SPACES, default_space, of_kind, space_for
from kerasearch.searchspaces.problems import InvalidInput, Problem
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.values import Params

__all__ = [
    "SPACES",
    "InvalidInput",
    "Params",
    "Problem",
    "SearchSpace",
    "default_space",
    "of_kind",
    "space_for",
]
