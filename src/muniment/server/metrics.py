"""What the server counts, and how Prometheus reads it.

The hot path adds to plain numbers under (method, route, status), on the event loop alone, so it
needs no lock; prometheus_client is imported by the first scrape, which writes them out. Routes are
named by their template (`/api/v1/models/{name}`), never by the path, so that nobody can make the
server remember names without end.

Every process counts for itself. With several workers a scrape reaches any one of them, and says
which by the label `worker`.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from muniment._version import __version__

if TYPE_CHECKING:
    from prometheus_client import Metric

    from muniment.storage.metadata import StorageTotals

_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNROUTED: Final = "(none)"


class _Tally:
    """All requests with one method, route and status."""

    __slots__ = ("buckets", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0
        self.received = 0
        self.sent = 0


class Metrics:
    """The numbers of one process. A prometheus_client collector."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
        self._started_at = time.time()
        self.in_flight = 0
        self.totals: StorageTotals | None = None
        self.totals_at = -float("inf")  # by the monotonic clock

    def count(
        self, method: str, route: str, status: int, seconds: float, received: int, sent: int
    ) -> None:
        """Count one request: `received` and `sent` are bytes of bodies."""
        key = (method if method in _METHODS else "OTHER", route, status)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.buckets[bisect_left(_BOUNDS, seconds)] += 1
        tally.seconds += seconds
        tally.received += received
        tally.sent += sent

    def collect(self) -> Iterator[Metric]:
        """Yield what this process has counted, as prometheus_client wants it."""
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
            InfoMetricFamily,
        )

        worker = str(os.getpid())
        names = ("worker", "method", "route", "status")
        duration = HistogramMetricFamily(
            "muniment_http_request_duration_seconds",
            "Time from the request's head to the end of the answer.",
            labels=names,
        )
        received = CounterMetricFamily(
            "muniment_http_received_bytes", "Bytes of request bodies.", labels=names
        )
        sent = CounterMetricFamily(
            "muniment_http_sent_bytes", "Bytes of answer bodies.", labels=names
        )
        for (method, route, status), tally in sorted(self._tallies.items()):
            labels = (worker, method, route, str(status))
            duration.add_metric(labels, _cumulated(tally.buckets), tally.seconds)
            received.add_metric(labels, tally.received)
            sent.add_metric(labels, tally.sent)
        yield from (duration, received, sent)
        in_flight = GaugeMetricFamily(
            "muniment_http_requests_in_flight", "Requests being answered.", labels=("worker",)
        )
        in_flight.add_metric((worker,), self.in_flight)
        yield in_flight
        yield InfoMetricFamily("muniment", "This server.", {"version": __version__})
        yield GaugeMetricFamily(
            "muniment_start_time_seconds", "When this process began.", self._started_at
        )

    def exposition(self, *, with_totals: bool) -> tuple[bytes, str]:
        """Return all metrics in Prometheus' text form, those of the process too; and its type.

        `with_totals`: also what is stored, in all workspaces.
        """
        from prometheus_client import (
            CollectorRegistry,
            GCCollector,
            PlatformCollector,
            ProcessCollector,
        )
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        if with_totals and self.totals is not None:
            registry.register(_Stored(self.totals))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        return generate_latest(registry), CONTENT_TYPE_LATEST


class _Stored:
    """Counts of what is stored, as prometheus_client wants them."""

    def __init__(self, totals: StorageTotals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        for name, what in _TOTALS.items():
            yield GaugeMetricFamily(f"muniment_{name}", what, float(getattr(self._totals, name)))


_TOTALS: Final = {
    "models": "Registered models that are not deleted, in all workspaces.",
    "versions": "Model versions that are not deleted, in all workspaces.",
    "files": "Files outside of versions, such as runs log.",
    "logical_bytes": "Bytes of all versions and logged files, counted as often as they are used.",
    "stored_blobs": "Stored blobs.",
    "stored_bytes": "Bytes of all stored blobs.",
}


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    total, out = 0, []
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        out.append((bound, float(total)))
    return out
