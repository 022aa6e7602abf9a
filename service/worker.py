"""A trial process: takes leases, runs them, reports each epoch, records how they ended.

The forkserver imports this module, and with it keras, so that a fork of it starts in milliseconds;
a fork after TensorFlow has run an op hangs, so importing it must run none.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

import psutil

from kerasearch.service.process import (
    die_first_of_memory,
    die_with_parent,
    log_to_stderr,
    silent_stderr,
)

with silent_stderr():  # TensorFlow introduces itself there, whatever its log level
    import keras  # noqa: F401 - what the forkserver is for
    import tensorflow as tf

from kerasearch.models.infeasible import InfeasibleError
from kerasearch.service.attempts import Attempt, run_attempt
from kerasearch.service.checkpoint_files import Checkpoints
from kerasearch.service.errors import DatasetUnusable, LeaseLost, PluginUnusable, Unavailable
from kerasearch.service.executors.gpu_shares import Share
from kerasearch.service.reports import Ladder, Reports
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.trial_device import forget_peak, keep_to, peak_mib
from kerasearch.service.trials import TrialState

log = logging.getLogger(__name__)

BEATS_A_LEASE = 10
PAUSE_S = 5.0  # before a trial that found the database or the disk unusable is tried again


def work(
    pipe: "Connection[bool, Lease | None]",
    settings: Settings,
    threads: int,
    share: Share | None = None,
) -> None:
    """Run leases from `pipe` until it closes; answer each with whether this process goes on.

    It computes with so many threads, and with its share of a GPU if it has one.
    """
    die_with_parent()
    die_first_of_memory()
    log_to_stderr("trial")
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, which a new model can't do without
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    device = keep_to(share)
    database = Database(settings.database_url)
    limit = _memory_bytes() + settings.growth_limit_mib * 2**20
    done = 0
    while (lease := _receive(pipe)) is not None:
        healthy = run_lease(database, settings, lease, device)
        done += 1
        pipe.send(healthy and done < settings.trials_per_process and _memory_bytes() < limit)


def run_lease(database: Database, settings: Settings, lease: Lease, device: str = "cpu") -> bool:
    """Run one attempt and record how it ended; False when this process should be replaced."""
    try:
        assignment = database.write_when_possible(
            lambda tx: leases.begin(tx, lease, os.getpid(), device)
        )
        of_search = assignment.retraining_id is None
        limit_s = assignment.request.budget.trial_time_s if of_search else None
        left_s = None if limit_s is None else limit_s - assignment.spent_s
        reports = Reports(database, lease, left_s, Ladder.of(assignment))
        checkpoints = Checkpoints(database, settings, lease, assignment)
        forget_peak()
        attempt = Attempt(database, settings, lease, assignment, reports, checkpoints)
        try:
            with _beating(database, lease, settings.lease_s / BEATS_A_LEASE):
                outcome = run_attempt(attempt)
        except InfeasibleError as error:
            outcome = Outcome(TrialState.INFEASIBLE, reason=str(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            outcome = Outcome(TrialState.INFEASIBLE, reason="out of memory")
        except (DatasetUnusable, PluginUnusable) as error:
            outcome = Outcome(TrialState.FAILED, reason=str(error))
        reports.settle()
        outcome = replace(outcome, memory_mib=peak_mib())
        database.write_when_possible(lambda tx: _finish(tx, lease, assignment, reports, outcome))
        if outcome.rung is None:
            checkpoints.remove()
    except LeaseLost as lost:
        log.info("%s", lost)
        return False
    except Unavailable as error:
        log.warning("attempt %d of trial row %d: %s", lease.attempt, lease.trial_id, error)
        time.sleep(PAUSE_S)
        reason = str(error)
        database.write_when_possible(lambda tx: leases.put_back(tx, lease, reason))
        return False
    except Exception as error:  # whatever it was, the trial is run again, in another process
        log.exception("attempt %d of trial row %d failed", lease.attempt, lease.trial_id)
        reason = f"{type(error).__name__}: {error}"
        database.write_when_possible(lambda tx: leases.lose(tx, lease, reason))
        return False
    return outcome.state in (TrialState.COMPLETE, TrialState.PRUNED)


def _finish(
    tx: Transaction, lease: Lease, assignment: Assignment, reports: Reports, outcome: Outcome
) -> None:
    """Record the last epochs and the end; without its data a whole search has failed."""
    reports.write(tx)
    leases.finish(tx, lease, outcome)
    if outcome.state is TrialState.FAILED and assignment.retraining_id is None:
        jobs_store.fail_job(tx, assignment.job_id, str(outcome.reason))


@contextmanager
def _beating(database: Database, lease: Lease, interval_s: float) -> Iterator[None]:
    """Signs of life from a thread, for epochs that are longer than a lease."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(interval_s):
            try:
                with database.write() as tx:
                    leases.beat(tx, lease)
            except LeaseLost:
                os._exit(1)  # another attempt runs: end now, in mid-epoch
            except Unavailable as error:
                log.warning("%s", error)

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _receive(pipe: "Connection[bool, Lease | None]") -> Lease | None:
    try:
        return pipe.recv()
    except EOFError:
        return None


def _memory_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
