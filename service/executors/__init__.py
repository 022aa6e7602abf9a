"""Where trials run."""

from dataclasses import dataclass
from typing import Protocol

from kerasearch.service.store.leases import Lease


@dataclass(frozen=True)
class Ended:
    """A process has let go of a lease: by its own account (reason None), or by dying.

    Attributes:
        infeasible: It died of what the trial asks for, and would again.
    """

    lease: Lease
    reason: str | None
    infeasible: bool = False


@dataclass(frozen=True)
class Needs:
    """What a trial wants of where it runs.

    Attributes:
        architecture: `affinity.architecture_of`; a process that has trained one like it is best.
        gpus: Share of a GPU; on a machine without GPUs it runs on the processor whatever this is.
    """

    architecture: str = ""
    gpus: float = 0.0


NO_NEEDS = Needs()


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

    def has_room(self, gpus: float) -> bool:
        """Whether a lease that needs this share of a GPU may be placed now."""

    def distance(self, needs: Needs) -> int:
        """Of a trial from where it is best placed now.

        0 where an idle process has trained its architecture, 1 where no process has, 2 where
        those that have are busy.
        """

    def place(self, lease: Lease, needs: Needs = NO_NEEDS) -> None:
        """Have a lease run. Raises RuntimeError when there is no room for it."""

    def wait(self, timeout_s: float) -> list[Ended]:
        """Leases that ended, after at most `timeout_s`."""

    def kill(self, lease: Lease) -> None:
        """Stop what runs this lease, if anything does; it isn't reported as ended."""

    def close(self) -> None:
        """Stop everything."""
