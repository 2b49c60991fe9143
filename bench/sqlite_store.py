"""How fast the SQLite store creates and reads versions, on one process and a local disk.

    python bench/sqlite_store.py [--dir DIR] [--seconds S]

"create" is what registering a version does to the metadata: read the model, insert a version with
three tags, raise the model's counters, append an activity; durable (synchronous=FULL) when counted.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.values import utcnow
from muniment.storage.metadata import MetadataStore, ModelName, Transaction
from muniment.storage.sql.sqlite import open_sqlite

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, help="where the database is made (a temporary folder)")
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        raw = raw_commits(Path(folder) / "raw.db", args.seconds)
        print(f"raw sqlite3, one row a commit:    {raw:8,.0f}/s")
        store = open_sqlite(Path(folder) / "bench.db")
        store.ensure_workspace(WORKSPACE, utcnow())
        names = [f"model-{n}" for n in range(16)]
        for name in names:
            create_model(store, name)
        for threads in (1, 16):
            made = rate(lambda n: create_version(store, names[n]), threads, args.seconds)
            print(f"create, {threads:2} threads, a model each: {made:8,.0f}/s")
        made = rate(lambda n: create_version(store, names[0]), 16, args.seconds)
        print(f"create, 16 threads, one model:    {made:8,.0f}/s")
        for threads in (1, 16):
            read = rate(lambda n: store.version(WORKSPACE, names[n], 7), threads, args.seconds)
            print(f"get version, {threads:2} threads:          {read:8,.0f}/s")
        read = rate(lambda n: store.model(ModelName(WORKSPACE, names[n])), 1, args.seconds)
        print(f"get model,    1 thread:           {read:8,.0f}/s")
        store.close()


if __name__ == "__main__":
    main()
