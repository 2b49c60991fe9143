"""The SQLite store without a server

How fast it creates and reads versions, in one process, beside `sqlite3` doing next to nothing.
"create" is what registering a version does to the metadata: read the model, insert a version with
three tags, raise the model's counters, append an activity; durable (synchronous=FULL) when counted.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from bench import Figure, Finding, Notebook
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.values import utcnow
from muniment.storage.metadata import MetadataStore, ModelName, Transaction
from muniment.storage.sql.sqlite import open_sqlite

SECONDS, QUICK_SECONDS = 1.0, 0.1  # per measurement
MANY = 16  # threads
READ = 7  # the version that is read
WORKSPACE = "default"
ONE_ROW, ONE_READ = "sqlite3: a row, committed", "sqlite3: a row, read"


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


def run(notebook: Notebook) -> None:
    seconds = QUICK_SECONDS if notebook.quick else SECONDS
    with (
        closing(raw(notebook.scratch / "raw.db")) as alone,
        closing(open_sqlite(notebook.scratch / "bench.db")) as store,
    ):
        store.ensure_workspace(WORKSPACE, utcnow())
        names = [f"model-{n}" for n in range(MANY)]
        for name in names:
            create_model(store, name)
            for _ in range(READ):
                create_version(store, name)

        def commit(_: int) -> None:
            alone.execute("INSERT INTO t VALUES (1)")

        def select(n: int) -> None:
            alone.execute("SELECT a FROM t WHERE rowid = ?", (n,)).fetchone()

        def create(n: int) -> None:
            create_version(store, names[n])

        def create_in_one(_: int) -> None:
            create_version(store, names[0])

        def get(n: int) -> None:
            store.version(WORKSPACE, names[n], READ)

        def get_model(n: int) -> None:
            store.model(ModelName(WORKSPACE, names[n]))

        def note(
            group: str, works: Mapping[str, tuple[Callable[[int], object], int]], beside: str
        ) -> None:
            measures = {
                what: partial(rate, work, threads, seconds)
                for what, (work, threads) in works.items()
            }
            rates = {what: Figure(r, "1/s") for what, r in notebook.in_turn(measures).items()}
            other = rates.pop(beside)
            for what, figure in rates.items():
                notebook.note(Finding(group, what, figure, other, beside))

        note(
            "Create a version",
            {
                ONE_ROW: (commit, 1),
                "1 thread": (create, 1),
                f"{MANY} threads, a model each": (create, MANY),
                f"{MANY} threads, one model": (create_in_one, MANY),
            },
            ONE_ROW,
        )
        note(
            "Read",
            {
                ONE_READ: (select, 1),
                "version, 1 thread": (get, 1),
                f"version, {MANY} threads": (get, MANY),
                "model, 1 thread": (get_model, 1),
            },
            ONE_READ,
        )


def raw(path: Path) -> sqlite3.Connection:
    """Return a database without anything of ours, as durable as ours: the yardstick."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE t (a)")
    return database
