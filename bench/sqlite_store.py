"""How fast the SQLite store creates and reads versions, in one process.

"create" is what registering a version does to the metadata: read the model, insert a version with
three tags, raise the model's counters, append an activity; durable (synchronous=FULL) when counted.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from bench import row
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.values import utcnow
from muniment.storage.metadata import MetadataStore, ModelName, Transaction
from muniment.storage.sql.sqlite import open_sqlite

SECONDS, QUICK_SECONDS = 3.0, 0.3  # per measurement
WORKSPACE = "default"


def create_model(store: MetadataStore, name: str) -> None:
    now = utcnow()

    def decide(tx: Transaction) -> None:
        tx.add_model(
            RegisteredModel(
                0,
                uuid4().hex,
                WORKSPACE,
                name,
                name,
                created_at=now,
                updated_at=now,
                created_by="b",
            )
        )
        tx.record(Entry(ActivityKind.MODEL_CREATED, "b", now))

    store.transact(ModelName(WORKSPACE, name), decide)


def create_version(store: MetadataStore, name: str) -> None:
    now = utcnow()

    def decide(tx: Transaction) -> None:
        model = tx.model()
        assert model is not None
        number = model.last_number + 1
        tx.add_version(
            ModelVersion(
                0,
                uuid4().hex,
                WORKSPACE,
                name,
                number,
                created_at=now,
                updated_at=now,
                created_by="b",
                status=Status.READY,
                tags={"team": "risk", "run": number, "ok": True},
            )
        )
        tx.save_model(
            replace(
                model,
                last_number=number,
                latest=number,
                version_count=number,
                updated_at=now,
                revision=model.revision + 1,
            )
        )
        tx.record(Entry(ActivityKind.VERSION_CREATED, "b", now, version=number))

    store.transact(ModelName(WORKSPACE, name), decide)


def rate(work: Callable[[int], object], threads: int, seconds: float) -> float:
    """Return calls per second of `work(thread)` on so many threads."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def run(n: int) -> None:
        while time.perf_counter() < end:
            work(n)
            counts[n] += 1

    workers = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - begun)


def raw_commits(path: Path, seconds: float) -> float:
    """Return how often per second this disk makes one row durable: the yardstick."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE t (a)")
    count, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        database.execute("INSERT INTO t VALUES (1)")
        count += 1
    database.close()
    return count / (time.perf_counter() - begun)


def run(scratch: Path, *, quick: bool) -> None:
    seconds = QUICK_SECONDS if quick else SECONDS

    def measure(what: str, work: Callable[[int], object], threads: int) -> None:
        row(what, f"{rate(work, threads, seconds):,.0f}/s")

    row("sqlite3 alone, one row a commit", f"{raw_commits(scratch / 'raw.db', seconds):,.0f}/s")
    store = open_sqlite(scratch / "bench.db")
    store.ensure_workspace(WORKSPACE, utcnow())
    names = [f"model-{n}" for n in range(16)]
    for name in names:
        create_model(store, name)
    measure("create, 1 thread", lambda n: create_version(store, names[n]), 1)
    measure("create, 16 threads, a model each", lambda n: create_version(store, names[n]), 16)
    measure("create, 16 threads, one model", lambda n: create_version(store, names[0]), 16)
    measure("get version, 1 thread", lambda n: store.version(WORKSPACE, names[n], 7), 1)
    measure("get version, 16 threads", lambda n: store.version(WORKSPACE, names[n], 7), 16)
    measure("get model, 1 thread", lambda n: store.model(ModelName(WORKSPACE, names[n])), 1)
    store.close()
