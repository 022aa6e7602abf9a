"""From the labels in a file to classes: their order, their names and their sizes."""

from collections.abc import Iterable, Mapping

from kerasearch.models.datasets.info import MAX_CLASSES
from kerasearch.searchspaces.problems import InvalidInput

LARGEST = 1e38
"""Of a value: twice as much, a feature's range, is a float32 still."""


def parse_number(text: str) -> float | None:
    """The number that `text` is, at most `LARGEST`; None for anything else."""
    try:
        number = float(text)
    except ValueError:
        return None
    # "_" because float("1_0") is 10; the comparison is false for NaN.
    return number if "_" not in text and abs(number) <= LARGEST else None


def index_labels(labels: Iterable[str]) -> dict[str, int]:
    """Each label's class: numbers in their order, equal ones alike; otherwise alphabetically."""
    numbers = {label: parse_number(label) for label in labels}
    if None in numbers.values():
        return {label: i for i, label in enumerate(sorted(numbers))}
    order = sorted({number for number in numbers.values() if number is not None})
    return {label: order.index(number) for label, number in numbers.items() if number is not None}


def count_classes(where: str, labels: Mapping[str, int] | None, missing: int = 0) -> dict[str, int]:
    """Rows of each class, in the order of class indices; a class is named by its shortest label.

    Args:
        where: What holds the labels, for the message.
        labels: Each distinct label and its rows; None where there are more than `MAX_CLASSES`.
        missing: Rows without a label.

    Raises:
        InvalidInput: These are no classes.
    """
    if missing:
        raise InvalidInput.at("", f"{where} is empty in {missing} rows; every row needs a class")
    if labels is None:
        raise InvalidInput.at(
            "",
            f"{where} has more than {MAX_CLASSES} distinct values: a quantity, not a class; "
            "name another target, or sort its values into a few classes",
        )
    for label in labels:
        if not label.isprintable():
            raise InvalidInput.at("", f"{where} holds {label!r}; a class's name must be printable")
    index = index_labels(labels)
    names: dict[int, str] = {}
    counts: dict[int, int] = {}
    for label in sorted(labels, key=lambda label: (index[label], len(label), label)):
        names.setdefault(index[label], label)
        counts[index[label]] = counts.get(index[label], 0) + labels[label]
    if len(names) < 2:
        raise InvalidInput.at(
            "", f"{where} has one class only, {next(iter(names.values()))!r}; there must be two"
        )
    return {names[i]: counts[i] for i in names}
