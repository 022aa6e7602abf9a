"""A trial process: takes leases, runs them, reports each epoch, records how they ended.

The forkserver imports this module, and with it keras, so that a fork of it starts in milliseconds;
a fork after TensorFlow has run an op hangs, so importing it must run none.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psutil

from kerasearch.service.process import die_with_parent, log_to_stderr, silent_stderr

with silent_stderr():  # TensorFlow introduces itself there, whatever its log level
    import keras
    import tensorflow as tf

from kerasearch.models.training import InfeasibleError
from kerasearch.service.attempts import Attempt, run_attempt
from kerasearch.service.errors import LeaseLost
from kerasearch.service.settings import Settings
from kerasearch.service.store import trials as store
from kerasearch.service.store.database import Database
from kerasearch.service.store.trials import Lease, Outcome
from kerasearch.service.trials import TrialState

log = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.1  # at most ten writes a second, however short the epochs
BEATS_A_LEASE = 10


def work(pipe: "Connection[bool, Lease | None]", settings: Settings, threads: int) -> None:
    """Run leases from `pipe` until it closes; answer each with whether this process goes on."""
    die_with_parent()
    log_to_stderr("trial")
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, which a new model can't do without
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    database = Database(settings.database_url)
    limit = _memory_bytes() + settings.growth_limit_mib * 2**20
    done = 0
    while (lease := _receive(pipe)) is not None:
        healthy = run_lease(database, settings, lease)
        keras.backend.clear_session()
        done += 1
        pipe.send(healthy and done < settings.trials_per_process and _memory_bytes() < limit)


def run_lease(database: Database, settings: Settings, lease: Lease) -> bool:
    """Run one attempt and record how it ended; False when this process should be replaced."""
    try:
        with database.write() as tx:
            assignment = store.begin(tx, lease, os.getpid(), _device())
        reports = Reports(database, lease)
        try:
            with _beating(database, lease, settings.lease_s / BEATS_A_LEASE):
                outcome = run_attempt(Attempt(database, settings, lease, assignment, reports.add))
        except InfeasibleError as error:
            outcome = Outcome(TrialState.INFEASIBLE, reason=str(error))
        reports.flush()
        with database.write() as tx:
            store.finish(tx, lease, outcome)
    except LeaseLost as lost:
        log.info("%s", lost)
        return False
    except Exception as error:  # whatever it was, the trial is run again, in another process
        log.exception("attempt %d of trial row %d failed", lease.attempt, lease.trial_id)
        with database.write() as tx:
            store.lose(tx, lease, f"{type(error).__name__}: {error}")
        return False
    return outcome.state is TrialState.COMPLETE


class Reports:
    """Epochs on their way to the database, several in one write when they are short."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._epochs: dict[int, Mapping[str, float]] = {}
        self._written_at = 0.0

    def add(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Whether to train on; raises LeaseLost when another attempt owns the trial."""
        self._epochs[epoch] = dict(metrics)
        if time.monotonic() - self._written_at >= REPORT_INTERVAL_S:
            self.flush()
        return True

    def flush(self) -> None:
        if self._epochs:
            with self._database.write() as tx:
                store.report(tx, self._lease, self._epochs)
        self._epochs = {}
        self._written_at = time.monotonic()


@contextmanager
def _beating(database: Database, lease: Lease, interval_s: float) -> Iterator[None]:
    """Signs of life from a thread, for epochs that are longer than a lease."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(interval_s):
            try:
                with database.write() as tx:
                    store.beat(tx, lease)
            except LeaseLost:
                os._exit(1)  # another attempt runs: end now, in mid-epoch

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
