"""Entries of the audit log that are written together, a moment later."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.values import utcnow
from muniment.errors import Unavailable
from muniment.services.access import audit
from muniment.services.access.audit import Auditor
from muniment.storage.factory import open_folder


def test_what_can_not_be_written_is_written_as_soon_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "FLUSH_SECONDS", 0.01)
    stores = open_folder(tmp_path / "home")
    down, tried, written = threading.Event(), threading.Semaphore(0), threading.Event()
    write = stores.accounts.record_audit

    def record(entries: Sequence[Entry]) -> None:
        if down.is_set():
            tried.release()
            raise Unavailable("The database does not answer.")
        write(entries)
        written.set()

    monkeypatch.setattr(stores.accounts, "record_audit", record)
    auditor = Auditor(stores.accounts)
    down.set()
    for n in range(3):
        auditor.queue(Entry(ActivityKind.ARTIFACT_READ, f"reader {n}", utcnow()))
        for _ in range(2):
            assert tried.acquire(timeout=30)
    down.clear()
    assert written.wait(30)
    auditor.close()
    page = stores.accounts.audit(limit=9)
    assert [entry.actor for entry in page] == ["reader 0", "reader 1", "reader 2"]
    stores.metadata.close()
    stores.blobs.close()
