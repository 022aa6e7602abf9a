"""Where trials run."""

from dataclasses import dataclass
from typing import Protocol

from kerasearch.service.store.leases import Lease


@dataclass(frozen=True)
class Ended:
    """A process has let go of a lease: by its own account (reason None), or by dying."""

    lease: Lease
    reason: str | None


class Executor(Protocol):
    """Runs leases in slots. `kerasearch.service.testing.ExecutorContract` says the rest."""

    @property
    def free(self) -> int:
        """How many leases may be placed now."""

    @property
    def leases(self) -> list[Lease]:
        """Those that it holds: placed, and neither ended nor killed."""

    def start(self) -> None:
        """Make the slots ready."""

    def place(self, lease: Lease) -> None:
        """Have a lease run. Raises RuntimeError when no slot is free."""

    def wait(self, timeout_s: float) -> list[Ended]:
        """Leases that ended, after at most `timeout_s`."""

    def kill(self, lease: Lease) -> None:
        """Stop what runs this lease, if anything does; it isn't reported as ended."""

    def close(self) -> None:
        """Stop everything."""
