"""`kerasearch doctor --data` and `--repair`: does all hold that has to, and if not, mend it."""

from collections.abc import Iterator
from contextlib import ExitStack

from kerasearch.service.command.doctor import Check
from kerasearch.service.errors import CannotServe
from kerasearch.service.repair import Examined, examine
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.supervisor import data_dir_lock, database_lock, held_by

REPAIRS = "repairs it"


def examine_data(settings: Settings, *, repair: bool) -> Iterator[Check]:
    """A check an invariant that holds, or a check a breach of it.

    Raises:
        CannotServe: There are no data, they are another version's, or a service holds what is to
            be repaired.
        Unavailable: The database can't be used.
    """
    on_sqlite = settings.database_url.startswith("sqlite")
    needed = settings.data_dir / "kerasearch.db" if on_sqlite else settings.data_dir
    if not needed.exists():
        raise CannotServe(f"{needed} isn't there: nothing was ever served from it")
    with ExitStack() as stack:
        if repair:
            stack.enter_context(data_dir_lock(settings, REPAIRS))
            if (lock := database_lock(settings, REPAIRS)) is not None:
                stack.callback(lock.release)
        served = not repair and held_by(settings.data_dir) is not None
        database = Database(settings.database_url)
        stack.callback(database.close)
        if repair:
            database.migrate()
        elif not database.is_migrated():
            raise CannotServe(
                f"{settings.data_dir} is of another version of Kerasearch; its first start, or "
                "doctor --repair, brings it up to date"
            )
        for examined in examine(settings, database, mend=repair, served=served):
            yield from _checks(examined, repair=repair)


def _checks(examined: Examined, *, repair: bool) -> Iterator[Check]:
    name = examined.invariant
    if not (examined.mended or examined.open):
        yield Check(name, "ok", examined.holds)
    for breach in examined.mended:
        yield Check(name, "mended", f"{breach.where} {breach.found}", breach.remedy)
    for breach in examined.open:
        mends = breach.mend is not None and not repair
        remedy = f"kerasearch doctor --repair: {breach.remedy}" if mends else breach.remedy
        yield Check(name, "fail", f"{breach.where} {breach.found}", remedy)
