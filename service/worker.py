"""A trial process: takes leases, runs them, reports each epoch, records how they ended.

The forkserver imports this module, and with it keras, so that a fork of it starts in milliseconds;
a fork after TensorFlow has run an op hangs, so importing it must run none.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
from kerasearch.service.errors import DatasetUnusable, LeaseLost, Unavailable
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.trials import TrialState

log = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.1  # at most ten writes a second, however short the epochs
BEATS_A_LEASE = 10
PAUSE_S = 5.0  # before a trial that found the database or the disk unusable is tried again


def work(pipe: "Connection[bool, Lease | None]", settings: Settings, threads: int) -> None:
    """Run leases from `pipe` until it closes; answer each with whether this process goes on."""
    die_with_parent()
    die_first_of_memory()
    log_to_stderr("trial")
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, which a new model can't do without
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    database = Database(settings.database_url)
    limit = _memory_bytes() + settings.growth_limit_mib * 2**20
    done = 0
    while (lease := _receive(pipe)) is not None:
        healthy = run_lease(database, settings, lease)
        done += 1
        pipe.send(healthy and done < settings.trials_per_process and _memory_bytes() < limit)


def run_lease(database: Database, settings: Settings, lease: Lease) -> bool:
    """Run one attempt and record how it ended; False when this process should be replaced."""
    try:
        device = _device()
        assignment = database.write_when_possible(
            lambda tx: leases.begin(tx, lease, os.getpid(), device)
        )
        of_search = assignment.retraining_id is None
        limit_s = assignment.request.budget.trial_time_s if of_search else None
        reports = Reports(database, lease, limit_s)
        try:
            with _beating(database, lease, settings.lease_s / BEATS_A_LEASE):
                outcome = run_attempt(Attempt(database, settings, lease, assignment, reports.add))
        except InfeasibleError as error:
            outcome = Outcome(TrialState.INFEASIBLE, reason=str(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            outcome = Outcome(TrialState.INFEASIBLE, reason="out of memory")
        except DatasetUnusable as error:
            outcome = Outcome(TrialState.FAILED, reason=str(error))
        database.write_when_possible(lambda tx: _finish(tx, lease, assignment, reports, outcome))
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
    return outcome.state is TrialState.COMPLETE


def _finish(
    tx: Transaction, lease: Lease, assignment: Assignment, reports: "Reports", outcome: Outcome
) -> None:
    """Record the last epochs and the end; without its data a whole search has failed."""
    reports.write(tx)
    leases.finish(tx, lease, outcome)
    if outcome.state is TrialState.FAILED and assignment.retraining_id is None:
        jobs_store.fail_job(tx, assignment.job_id, str(outcome.reason))


class Reports:
    """Epochs on their way to the database, several in one write when they are short."""

    def __init__(self, database: Database, lease: Lease, limit_s: float | None = None) -> None:
        self._database = database
        self._lease = lease
        self._epochs: dict[int, Mapping[str, float]] = {}
        self._written_at = 0.0
        self._until = time.monotonic() + (math.inf if limit_s is None else limit_s)

    def add(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Whether there is time for another epoch; raises LeaseLost when the trial is taken."""
        self._epochs[epoch] = dict(metrics)
        if time.monotonic() - self._written_at >= REPORT_INTERVAL_S:
            with suppress(Unavailable):  # they go with the next ones
                with self._database.write() as tx:
                    self.write(tx)
                self._epochs = {}
            self._written_at = time.monotonic()
        return time.monotonic() < self._until

    def write(self, tx: Transaction) -> None:
        """Write those that aren't written yet."""
        if self._epochs:
            leases.report(tx, self._lease, self._epochs)


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


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    details = tf.config.experimental.get_device_details(gpus[0])
    return str(details.get("device_name", "gpu"))
