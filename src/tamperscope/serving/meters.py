"""What Prometheus is told: read from the database, so that it holds for all processes, and counted here."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from tamperscope import __version__
from tamperscope.serving.crew import Crew
from tamperscope.serving.store import Store

__all__ = ["Meters"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STATUSES = ("queued", "running", "done", "failed")


class Meters:
    """The figures of one service."""

    def __init__(self, store: Store, crew: Crew) -> None:
        self._store, self._crew = store, crew
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.requests = Histogram(
            "tamperscope_request_seconds",
            "Time until a request was answered",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.uploads = Counter("tamperscope_uploads", "Photographs taken in", registry=self._registry)
        self.refused = Counter(
            "tamperscope_refused", "Uploads refused because too many waited", registry=self._registry
        )

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what the database holds, and how many workers live."""
        counts = self._store.counts()
        kept = GaugeMetricFamily("tamperscope_analyses", "Analyses kept, by status", labels=["status"])
        for status in _STATUSES:
            kept.add_metric([status], counts.get(status, 0))
        yield kept
        alive = sum(worker.process.is_alive() for worker in list(self._crew.workers.values()))
        yield GaugeMetricFamily("tamperscope_workers", "Worker processes alive", value=alive)
        version = GaugeMetricFamily("tamperscope_build", "The version that runs", labels=["version"])
        version.add_metric([__version__], 1)
        yield version

    def text(self) -> bytes:
        """Return all of it in Prometheus's format."""
        return generate_latest(self._registry)
