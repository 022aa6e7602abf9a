"""What Prometheus scrapes: jobs and trials by state, slots, and what MLflow must still be told."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kerasearch.service.jobs import JobState
from kerasearch.service.settings import Settings
from kerasearch.service.store import counts
from kerasearch.service.store.database import Database
from kerasearch.service.trials import TrialState


class ServiceCollector(Collector):
    """Reads the database at every scrape; nothing is counted beside it."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def collect(self) -> Iterable[Metric]:
        with self._database.read() as tx:
            now = counts.count_all(tx)
        jobs = GaugeMetricFamily("kerasearch_jobs", "Jobs in each state.", labels=["state"])
        for job_state in JobState:
            jobs.add_metric([job_state], now.jobs.get(job_state, 0))
        trials = GaugeMetricFamily(
            "kerasearch_trials", "Trials and repeats in each state.", labels=["state"]
        )
        for trial_state in TrialState:
            trials.add_metric([trial_state], now.trials.get(trial_state, 0))
        yield jobs
        yield trials
        yield CounterMetricFamily(
            "kerasearch_attempts", "Runs of trials in a process.", value=now.attempts
        )
        yield GaugeMetricFamily(
            "kerasearch_slots", "Trials that may run at once.", value=self._settings.slots
        )
        yield GaugeMetricFamily(
            "kerasearch_outbox_events", "Events that MLflow hasn't been told.", value=now.unmirrored
        )


def exposition(settings: Settings, database: Database) -> bytes:
    """The text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(settings, database))
    return generate_latest(registry)
