"""The audit log: who signed in, what was refused, who fetched which bytes, who changed what.

    sign-ins, refusals, administration ──> written at once, before the answer
    reads of artifacts ──> queued, written together every half second (and at the end)

Changes of models stand in the models' own histories. Both are chains of the same form.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.caller import Caller
from muniment.domain.values import JsonObject
from muniment.errors import MunimentError
from muniment.services.waiting import may_wait
from muniment.storage.accounts import AccountStore

FLUSH_SECONDS = 0.5
_log = logging.getLogger(__name__)


class Auditor:
    """Writes the audit log of one registry. Safe for many threads."""

    def __init__(self, accounts: AccountStore) -> None:
        self._accounts = accounts
        self._queued: list[Entry] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def record(self, entry: Entry) -> None:
        """Write an entry now; it is durable when this returns."""
        self._accounts.record_audit([entry])

    def queue(self, entry: Entry) -> None:
        """Write an entry soon."""
        with self._lock:
            self._queued.append(entry)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._run, name="muniment-audit", daemon=True
                )
                self._thread.start()

    def flush(self) -> None:
        """Write what is queued; what can't be written now is kept for the next time.

        Raises:
            MunimentError: it can't be written.
        """
        may_wait()
        with self._writing:  # so that whoever flushes waits for entries that another took
            with self._lock:
                entries, self._queued = self._queued, []
            try:
                if entries:
                    self._accounts.record_audit(entries)
            except BaseException:
                with self._lock:
                    self._queued = entries + self._queued
                raise

    def close(self) -> None:
        """Write what is queued, and end."""
        with self._lock:
            self._closed, thread = True, self._thread
        self._wake.set()
        if thread is not None:
            thread.join()
        self.flush()

    def _run(self) -> None:
        failed = False
        while not self._wake.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except MunimentError as error:
                if not failed:  # said once, not twice a second
                    _log.warning("The audit log can't be written; it is tried again: %s", error)
                failed = True
            else:
                failed = False


def audited(
    kind: ActivityKind,
    caller: Caller,
    at: datetime,
    *,
    comment: str = "",
    details: JsonObject | None = None,
) -> Entry:
    """Return an audit entry about what `caller` did, in its workspace."""
    about: JsonObject = {"workspace": caller.workspace}
    if caller.request_id:
        about["request"] = caller.request_id
    return Entry(kind, caller.actor, at, comment=comment, details={**(details or {}), **about})
