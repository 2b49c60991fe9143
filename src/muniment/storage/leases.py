"""The LeaseStore port: who of several processes does what only one may do.

    nobody ── lease ──> held by A until t ── lease by A ──> held by A until a later t
      ▲                       └──────────── t is over ───────────┐
      └── lease by A until now                                   └── lease by B ──> held by B

A holder that is gone is succeeded when its time is over. The clocks of all processes must agree to
within a fraction of that time; a holder that sleeps longer than it must not go on unasked.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class LeaseStore(Protocol):
    """The port. Safe to use from many threads and processes."""

    @abstractmethod
    def lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Hold `name` until a time; False if somebody else holds it now.

        The holder renews it in the same way, and gives it back by `until=now`.
        """
