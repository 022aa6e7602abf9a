"""What can go wrong, in one tree.

    Exception
    |-- InvalidInput              can't be meant: 422, with pointers (searchspaces/problems.py)
    `-- KerasearchError
        |-- NotFound              isn't there: 404
        |-- Conflict              the state doesn't allow it: 409
        |-- TooLarge              over a limit of size: 413
        |-- Unavailable           a part that is needed isn't up: 503
        |-- LeaseLost             another attempt owns the trial: stop and write nothing more
        |-- DatasetUnusable       its file is gone or altered: no trial on it can be trusted
        |-- PluginUnusable        its file is gone or altered: no trial of it can be trusted
        `-- CannotServe           the service can't start here: the message says how to mend it

`app.py` maps them to problem+json in one table. A failed trial is data, not an exception.
"""

from kerasearch.searchspaces.problems import InvalidInput

__all__ = [
    "CannotServe",
    "Conflict",
    "DatasetUnusable",
    "InvalidInput",
    "KerasearchError",
    "LeaseLost",
    "NotFound",
    "PluginUnusable",
    "TooLarge",
    "Unavailable",
]


class KerasearchError(Exception):
    pass


class NotFound(KerasearchError):  # noqa: N818 - HTTP's own words
    pass


class Conflict(KerasearchError):  # noqa: N818
    pass


class TooLarge(KerasearchError):  # noqa: N818
    pass


class Unavailable(KerasearchError):  # noqa: N818
    pass


class LeaseLost(KerasearchError):  # noqa: N818
    pass


class DatasetUnusable(KerasearchError):  # noqa: N818
    pass


class PluginUnusable(KerasearchError):  # noqa: N818
    pass


class CannotServe(KerasearchError):  # noqa: N818
    pass
