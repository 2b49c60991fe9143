"""Delivering: each pending delivery is tried until it has arrived, by one process of all.

    round ──> anything to do? ──> the lease is ours? ──> dispatch ──> claim what is due ──> threads
      ▲            └─ no: give it back   └─ no: another process does it                        │
      └── every second, and as soon as something has changed here <── record what came of it ──┘

A process that dies leaves its lease and its claims to run out; others go on then. What it was about
to record is tried again: a delivery arrives once or, after a death, more often, with the same id.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from muniment.domain.webhooks import (
    GONE,
    Attempt,
    Delivery,
    Webhook,
    WebhookStatus,
    headers_of,
)
from muniment.errors import InvalidInput, Unavailable
from muniment.services.base import Ports
from muniment.services.webhooks.dispatching import dispatch
from muniment.storage.leases import LeaseStore
from muniment.storage.webhooks import WebhookStore

LEASE: Final = "webhooks"
LEASED_FOR: Final = timedelta(seconds=10)
_CLAIMED_FOR: Final = timedelta(seconds=15)  # longer than most attempts take
_AT_ONCE: Final = 16
_AT_ONCE_TO_ONE: Final = 4  # so that one receiver that hangs leaves threads to the others
_KEPT_CHARS: Final = 500  # of an answer
_PRUNED_EVERY: Final = timedelta(hours=1)
_log = logging.getLogger(__name__)


class Deliverer:
    """Delivers for one process, a round after the other.

    Args:
        wake: called, in another thread, when there may be more to do.
        retention: how long finished deliveries are kept.
    """

    def __init__(
        self,
        ports: Ports,
        webhooks: WebhookStore,
        leases: LeaseStore,
        *,
        wake: Callable[[], None],
        retention: timedelta,
    ) -> None:
        self._ports, self._store, self._leases = ports, webhooks, leases
        self._wake, self._retention = wake, retention
        self._holder = uuid4().hex
        self._held_until: datetime | None = None
        self._pruned_at: datetime | None = None
        self._threads: ThreadPoolExecutor | None = None  # made when there is something to deliver
        self._under_way: dict[str, int] = {}  # delivery -> webhook
        self._lock = threading.Lock()
        self._in_round = threading.Lock()
        self._closed = False

    def round(self) -> None:
        """Dispatch what happened, and set off what is due. Cheap where there is nothing to do."""
        with self._in_round:
            if not self._closed:
                self._round(self._ports.clock())

    def _round(self, now: datetime) -> None:
        if not (self._busy or self._store.has_work(now)):
            self._give_back(now)
            return
        if not self._hold(now):
            return
        while dispatch(self._ports, self._store):
            if not self._hold(self._ports.clock()):
                return
        self._set_off()
        self._prune(now)

    def close(self) -> None:
        """Wait for the attempts under way, and let others go on."""
        with self._in_round:
            self._closed = True
        if self._threads is not None:
            self._threads.shutdown()
        self._give_back(self._ports.clock())

    # -- only one of all processes ---------------------------------------------------------------

    def _hold(self, now: datetime) -> bool:
        """Say whether this process is the one that delivers, and keep it so."""
        if self._held_until is not None and now < self._held_until - LEASED_FOR / 2:
            return True
        until = now + LEASED_FOR
        held = self._leases.lease(LEASE, self._holder, now, until)
        self._held_until = until if held else None
        return held

    def _give_back(self, now: datetime) -> None:
        if self._held_until is not None:
            self._leases.lease(LEASE, self._holder, now, now)
            self._held_until = None

    # -- delivering ------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        with self._lock:
            return bool(self._under_way)

    def _set_off(self) -> None:
        for webhook in self._store.active_webhooks():
            with self._lock:
                to_it = sum(webhook_id == webhook.id for webhook_id in self._under_way.values())
                room = min(_AT_ONCE - len(self._under_way), _AT_ONCE_TO_ONE - to_it)
            if room <= 0:
                continue
            now = self._ports.clock()
            for delivery in self._store.claim(webhook.id, now, now + _CLAIMED_FOR, room):
                with self._lock:
                    if delivery.id in self._under_way:
                        continue  # an attempt that takes longer than it was claimed for
                    self._under_way[delivery.id] = webhook.id
                if self._threads is None:
                    self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
                self._threads.submit(self._deliver, webhook, delivery)

    def _deliver(self, webhook: Webhook, delivery: Delivery) -> None:
        try:
            attempt = self._attempt(webhook, delivery)
            now = self._ports.clock()
            tried = delivery.after(attempt, now, jitter=random.random())  # noqa: S311 -- spreads load
            if attempt.status == GONE:
                self._disable(webhook, now)
            self._store.save_delivery(tried, now)
        except Exception:
            _log.exception("What became of the delivery %s could not be recorded.", delivery.id)
        finally:
            with self._lock:
                del self._under_way[delivery.id]
            self._wake()

    def _attempt(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        at, began = self._ports.clock(), time.monotonic()
        headers = headers_of(delivery.id, delivery.body, webhook.secret, at)
        try:
            answer = self._ports.sender.post(webhook.url, delivery.body.encode(), headers)
        except (InvalidInput, Unavailable) as error:
            return Attempt(at, _milliseconds(began), error=error.message)
        return Attempt(
            at,
            _milliseconds(began),
            status=answer.status,
            answer=answer.text[:_KEPT_CHARS],
            retry_after=answer.retry_after,
        )

    def _disable(self, webhook: Webhook, now: datetime) -> None:
        """Do as a receiver asks that says it is gone for good."""
        present = self._store.webhook(webhook.workspace, webhook.uuid)
        if present is not None and present.url == webhook.url:
            _log.warning(
                "The webhook %s (%s) is disabled: its receiver says 410 Gone.",
                webhook.name,
                webhook.uuid,
            )
            self._store.save_webhook(
                replace(present, status=WebhookStatus.DISABLED, updated_at=now)
            )

    def _prune(self, now: datetime) -> None:
        if self._pruned_at is None or now - self._pruned_at >= _PRUNED_EVERY:
            self._store.prune_deliveries(now - self._retention)
            self._pruned_at = now


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
