"""What is wrong with an input, and where.

The lowest module of the project: spaces, datasets and jobs all refuse bad input in this one form,
and the service turns it into the `errors` of a problem+json document.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        pointer: JSON pointer (RFC 6901) to the place, `""` for the whole document.
        detail: A sentence that states the rule, what came, and what to do.
    """

    pointer: str
    detail: str

    def under(self, prefix: str) -> "Problem":
        """The same problem seen from a document that holds this one at `prefix`."""
        return Problem(prefix + self.pointer, self.detail)


class InvalidInput(ValueError):  # noqa: N818 - it names the input, as HTTP's "Not Found" does
    """Input that can't be meant; carries every problem found, not the first alone."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems))

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidInput":
        return cls([Problem(pointer, detail)])

    def under(self, prefix: str) -> "InvalidInput":
        return InvalidInput(problem.under(prefix) for problem in self.problems)


def pointer_to(*parts: str | int) -> str:
    """JSON pointer to a path of keys and indices, escaped as RFC 6901 asks."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Sentence for a name that isn't known: the nearest one first, then all.

    >>> unknown("model family", "ltsm", ["cnn", "lstm", "mlp"])
    "no model family 'ltsm'; did you mean 'lstm'? known: cnn, lstm, mlp"
    """
    names = sorted(known) if isinstance(known, set) else [*known]
    short = name if len(name) <= 80 else name[:77] + "..."  # matching takes quadratic time
    near = _nearest(short, names)
    hint = f" did you mean {near!r}?" if near else ""
    return f"no {kind} {short!r};{hint} known: {', '.join(sorted(names)) or 'none'}"


def _nearest(name: str, names: Sequence[str]) -> str:
    """Of those as near as each other the first; empty where none is near."""
    near = {*get_close_matches(name, names, n=max(1, len(names)))}
    in_order = [one for one in names if one in near]
    return max(in_order, key=lambda one: SequenceMatcher(None, one, name).ratio(), default="")
