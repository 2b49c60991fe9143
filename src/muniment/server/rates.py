"""How fast one caller may send requests: a token bucket for each, in the memory of each process.

rate_limit = 10      a bucket of 100 requests, filled by 10 a second
rate_limit = 0       no limit
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from muniment.errors import RateLimited

_BURST_SECONDS: Final = 10
_CALLERS: Final = 10_000
"""Buckets that are kept; the one that was used longest ago makes room, and is full again then."""


class Rates:
    """The buckets of one process."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._size = max(1.0, per_second * _BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Take one request out of the bucket of `caller`.

        Raises:
            RateLimited: it is empty; `details["retry_after"]` says for how many seconds.
        """
        if not self._rate:
            return
        now = time.monotonic()
        left, at = self._buckets.pop(caller, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimited(
                f"More than {self._rate:g} requests a second.",
                hint="Send them more slowly; MUNIMENT_RATE_LIMIT sets the limit.",
                details={"retry_after": (1 - left) / self._rate},
            )
