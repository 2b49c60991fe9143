"""SQLite itself: several processes, crashes, full disks, files that are none."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from muniment.errors import ConfigurationError, Corrupt, NotFound, StorageFull, Unavailable
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    add_version,
    digest,
    history,
    stored,
    version_of,
)
from muniment.storage.metadata import ModelName
from muniment.storage.sql import sqlite
from muniment.storage.sql.engine import Session
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.sql.store import SqlMetadataStore

# Adds versions to the model `m` on four threads for ever; prints each number once acknowledged.
ADDING = """if True:
    import os, sys, threading
    from dataclasses import replace
    from pathlib import Path
    from muniment.storage.conformance.metadata.contract import entry_of, held, name_key, version_of
    from muniment.storage.sql.sqlite import open_sqlite

    store = open_sqlite(Path(sys.argv[1]))
    limit = int(sys.argv[2])

    def decide(tx):
        model = held(tx)
        number = model.last_number + 1
        tx.add_version(version_of("m", number, tags={"n": number}))
        tx.save_model(replace(model, last_number=number))
        tx.record(entry_of(version=number))
        return number

    def run():
        for _ in range(limit):
            number = store.transact(name_key("m"), decide)
            os.write(1, b"%d\\n" % number)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    store.close()
"""


def execute(session: Session, statement: str) -> sqlite3.Cursor:
    return cast(sqlite3.Connection, session.driver).execute(statement)


def adding(path: Path, limit: int) -> subprocess.Popen[str]:
    """Start a process that adds `limit` versions on each of its four threads."""
    return subprocess.Popen(
        [sys.executable, "-c", ADDING, str(path), str(limit)], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_add_to_one_model_without_gap(store: SqlMetadataStore, path: Path) -> None:
    add_model(store, "m")
    processes = [adding(path, 25) for _ in range(2)]
    acknowledged = [int(n) for p in processes for n in p.communicate()[0].split()]

    assert [p.returncode for p in processes] == [0, 0]
    assert sorted(acknowledged) == list(range(1, 201))
    assert stored(store, "m").last_number == 200
    assert len(history(store, stored(store, "m"))) == 201


def test_a_killed_process_has_lost_nothing_it_acknowledged(
    store: SqlMetadataStore, path: Path
) -> None:
    add_model(store, "m")
    acknowledged: list[int] = []
    for round_ in range(4):
        process = adding(path, 1_000_000)
        assert process.stdout is not None
        acknowledged += [int(process.stdout.readline()) for _ in range(20 + 30 * round_)]
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0]
        acknowledged += [int(line) for line in rest.splitlines(keepends=True) if "\n" in line]

    model = stored(store, "m")
    there = [n for n in range(1, model.last_number + 2) if store.version(WORKSPACE, "m", n)]
    assert there == list(range(1, model.last_number + 1))  # whole transactions, in order
    assert set(acknowledged) <= set(there)
    assert len(history(store, model)) == 1 + len(there)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tagged = database.execute("SELECT count(*) FROM version_properties").fetchone()
        assert tagged == (len(there),)


def test_a_full_disk_is_said_to_be_full_and_changes_nothing(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    add_version(store, version_of("m", 1))
    pages = store._engine.write(lambda session: execute(session, "PRAGMA page_count").fetchone()[0])
    store._engine.write(
        lambda session: execute(session, f"PRAGMA max_page_count = {pages + 5}").fetchall()
    )
    with pytest.raises(StorageFull, match=r"can't grow.*full") as caught:
        for n in range(2, 20):
            add_version(store, version_of("m", n, description="x" * 50_000))
    assert "Free some disk space" in caught.value.hint
    model = stored(store, "m")
    assert store.version(WORKSPACE, "m", model.last_number) is not None
    assert store.version(WORKSPACE, "m", model.last_number + 1) is None
    history(store, model)

    store._engine.write(
        lambda session: execute(session, "PRAGMA max_page_count = 1000000").fetchall()
    )
    add_version(store, version_of("m", 100))


def test_a_database_that_stays_locked_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    store = open_sqlite(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.add_blob(digest("a"), 1, NOON)
    other.execute("ROLLBACK")
    store.add_blob(digest("a"), 1, NOON)
    other.close()
    store.close()


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database, but long enough to be looked at" * 100)
    with pytest.raises(Corrupt, match="not a database") as caught:
        open_sqlite(path)
    assert "backup" in caught.value.hint


def test_a_place_that_is_no_file_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be opened"):
        open_sqlite(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="can't be made"):
        open_sqlite(tmp_path / "file" / "muniment.db")


def test_writing_is_durable_and_reading_can_not_write(store: SqlMetadataStore) -> None:
    def pragma(name: str) -> Callable[[Session], Any]:
        return lambda session: execute(session, f"PRAGMA {name}").fetchone()[0]

    engine = store._engine
    assert engine.write(pragma("synchronous")) == 2
    assert engine.write(pragma("journal_mode")) == "wal"
    assert engine.write(pragma("foreign_keys")) == 1
    assert engine.write(pragma("busy_timeout")) == 30_000
    with pytest.raises(Exception, match=r"readonly|can't be opened or written"):
        engine.read(lambda session: execute(session, "DELETE FROM versions"))


def test_a_snapshot_sees_one_state(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def count(session: Session) -> tuple[int, int]:
        def versions() -> int:
            found: int = execute(session, "SELECT count(*) FROM versions").fetchone()[0]
            return found

        before = versions()
        add_version(store, version_of("m", 1))
        return before, versions()

    assert store._engine.snapshot(count) == (0, 0)
    assert store.version(WORKSPACE, "m", 1) is not None


def test_an_unknown_workspace_has_nothing_and_takes_nothing(store: SqlMetadataStore) -> None:
    assert store.version("nowhere", "m", 1) is None
    with pytest.raises(NotFound, match="nowhere"):
        store.transact(ModelName("nowhere", "m"), lambda tx: None)
