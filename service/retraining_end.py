"""The end of a retraining: its repeats have all ended."""

from kerasearch.service.checkpoint_names import remove_checkpoints
from kerasearch.service.errors import NotFound
from kerasearch.service.files import listing, sha256_of
from kerasearch.service.retraining_report import report_of, write_report
from kerasearch.service.settings import Settings
from kerasearch.service.store import retrainings, trials
from kerasearch.service.store.database import Database
from kerasearch.service.trials import TrialState


def end_retraining(settings: Settings, database: Database, retraining_id: str) -> None:
    """Write its report and record its state and its files' digests."""
    try:
        with database.read() as tx:
            rows = trials.repeats_of(tx, retraining_id)
            retraining = retrainings.read_retraining(tx, retraining_id)
            known = retrainings.digests_of(tx, retraining_id)
    except NotFound:  # its job was deleted a moment ago
        return
    complete = [row for row in rows if row.state is TrialState.COMPLETE]
    reasons = [row.reason for row in rows if row.state is not TrialState.COMPLETE]
    reason = f"{len(reasons)} of {len(rows)} repeats failed: {reasons[0]}" if reasons else None
    report = None
    folder = settings.retraining_dir(retraining.job_id, retraining_id)
    if complete:
        report = report_of(retraining.params, complete)
        write_report(folder, report)
    others = [name for name in listing(folder) if name not in known]
    digests = {name: sha256_of(folder / name) for name in others}
    state: retrainings.State = "completed" if complete else "failed"
    remove_checkpoints(settings, retraining.job_id, [row.id for row in rows])
    with database.write() as tx:
        retrainings.end_retraining(tx, retraining_id, state, reason, report, digests)
