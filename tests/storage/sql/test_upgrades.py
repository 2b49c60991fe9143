"""From every revision that was ever released, on every database, with what was in it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from muniment.errors import ConfigurationError
from muniment.storage.conformance.metadata.contract import (
    WORKSPACE,
    add_model,
    name_key,
    stored,
)
from muniment.storage.conformance.metadata.threads import next_version
from muniment.storage.sql import migrations
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.postgres_connections import pool, target_of
from muniment.storage.sql.sqlite import _connect, _database, open_sqlite
from muniment.storage.sql.store import SqlMetadataStore
from tests.parts.postgres import create_database, drop_database

# What the first release could write, and all later ones can read.
OLD_ROWS = (
    "INSERT INTO workspaces (uuid, name, created_at) VALUES ('w', 'default', 0)",
    "INSERT INTO models (uuid, workspace_id, name, slug, created_at, updated_at, created_by,"
    " description, tags, aliases, last_number, latest, version_count, activity_count,"
    " activity_head, revision) SELECT 'm', id, 'm', 'm', 0, 0, 'ann', '', '{\"team\":\"a\"}',"
    " '{\"champion\":1}', 1, 1, 1, 0, '', 1 FROM workspaces",
    "INSERT INTO versions (uuid, workspace_id, model_id, number, created_at, updated_at,"
    " created_by, status, status_message, label, stage, stage_key, description, tags, params,"
    " metrics, framework, source_uri, run_id, run_link, digest, size, file_count, aliases,"
    " revision) SELECT 'v', workspace_id, id, 1, 5, 6, 'ann', 'READY', '', '1.0', 'Production',"
    " 'production', 'Grüße', '{}', '{\"lr\":\"1\"}', '{\"acc\":0.5}', 'sklearn', '', 'run', '',"
    " 'd1', 7, 1, '[\"champion\"]', 1 FROM models",
    "INSERT INTO version_properties (owner_id, space, key, workspace_id, kind, number)"
    " SELECT id, 'metrics', 'acc', workspace_id, 'd', 0.5 FROM versions",
    "INSERT INTO refs SELECT id, 'alias', 'champion', 1, 0, 0, 'ann', 1 FROM models",
)

OLD_VERSION = (
    "INSERT INTO versions (uuid, workspace_id, model_id, number, created_at, updated_at,"
    " created_by, status, status_message, stage, stage_key, description, tags, params, metrics,"
    " framework, source_uri, run_id, run_link, size, file_count, aliases, revision)"
    " SELECT :uuid, workspace_id, id, :number, 5, 6, 'ann', 'READY', '', 'None', 'none', '', '{}',"
    " '{}', '{}', '', '', '', '', 0, 0, '[]', 1 FROM models"
)
OLD_RECORD = (
    "INSERT INTO records (workspace_id, model_id, kind, number, state, created_at, key_list, body)"
    " SELECT workspace_id, id, :kind, :number, :state, 0, :key_list, :body FROM models"
)


class Sqlite:
    """An empty database in SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> SqlMetadataStore:
        return open_sqlite(self.path)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Lend a connection, in a transaction."""
        session = _connect(_database(self.path))
        session.driver.execute("BEGIN IMMEDIATE")
        yield session.core
        session.driver.execute("COMMIT")
        session.core.close()

    def schema(self) -> set[tuple[object, ...]]:
        """Return all parts of what is defined."""
        with sqlite3.connect(self.path) as database:
            found = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            return {
                (name, part)
                for name, sql in found
                for part in re.split(r", (?![^(]*\))|\( | \)", " ".join(sql.split()))
            }


class Postgres:
    """An empty database in PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self) -> SqlMetadataStore:
        return open_postgres(self.url)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Lend a connection, in a transaction."""
        engine = pool(target_of(self.url))
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
            connection.exec_driver_sql("COMMIT")
        engine.dispose()

    def schema(self) -> set[tuple[object, ...]]:
        """Return all columns, indexes and constraints."""
        with psycopg.connect(self.url) as connection:
            columns = connection.execute(
                "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod),"
                " attnotnull, attcollation::regcollation::text, pg_get_expr(adbin, adrelid)"
                " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
                " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0"
            ).fetchall()
            indexes = connection.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
            ).fetchall()
            constraints = connection.execute(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
                " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            ).fetchall()
        assert columns
        return {*columns, *indexes, *constraints}


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sqlite | Postgres]:
    """Yield an empty database of each kind."""
    if request.param == "sqlite":
        yield Sqlite(tmp_path / "muniment.db")
        return
    url = create_database(template=None)
    yield Postgres(url)
    drop_database(url)


@pytest.mark.parametrize("revision", migrations.REVISIONS)
def test_what_any_release_wrote_is_there_and_can_be_changed(
    empty: Sqlite | Postgres, revision: str
) -> None:
    with empty.changing() as connection:
        migrations.migrate(connection, revision)
        for row in OLD_ROWS:
            connection.exec_driver_sql(row)
    with closing(empty.open()) as store:
        model, version = stored(store, "m"), store.version(WORKSPACE, "m", 1)
        assert (dict(model.tags), model.aliases) == ({"team": "a"}, {"champion": 1})
        assert version is not None
        assert (version.label, version.stage, version.description) == ("1.0", "Production", "Grüße")
        assert (dict(version.metrics), version.aliases) == ({"acc": 0.5}, ("champion",))
        assert version == store.version_by_alias(WORKSPACE, "m", "champion")
        assert store.transact(name_key("m"), next_version) == 2
        assert add_model(store, "n").id > model.id
    with closing(empty.open()) as store:
        assert stored(store, "m").last_number == 2


OLD_CHECKS = (  # version, kind, state, name of the check or names of those due
    (1, "check", "fail", "bias"),
    (1, "check", "pass", "bias"),
    (2, "check", "pass", "bias"),
    (2, "check", "unknown", "drift"),
    (2, "checking", "due", ["serialization"]),
    (3, "checking", "due", []),
    (4, "check", "pass", "größe"),
    (4, "checking", "due", ["größe"]),
    (5, "check", "pass", "bias"),
    (5, "checking", "due", ["bias", "drift"]),
    (6, "comment", "", "fail"),
)


def test_an_older_database_learns_what_the_records_of_checks_say(empty: Sqlite | Postgres) -> None:
    with empty.changing() as connection:
        migrations.migrate(connection, "0008")
        for row in OLD_ROWS[:2]:
            connection.exec_driver_sql(row)
        for number in range(1, 7):
            connection.execute(text(OLD_VERSION), {"number": number, "uuid": f"v{number}"})
        for number, kind, state, names in OLD_CHECKS:
            record = {
                "number": number,
                "kind": kind,
                "state": state,
                "key_list": json.dumps([f"name:{names}"] if kind == "check" else []),
                "body": json.dumps({"checks" if kind == "checking" else "name": names}),
            }
            connection.execute(text(OLD_RECORD), record)
    with closing(empty.open()) as store:
        found = [store.version(WORKSPACE, "m", number) for number in range(1, 7)]
        states = [version and version.checks.value for version in found]
        assert states == ["passed", "failed", "waiting", "passed", "waiting", ""]


def test_the_migrations_make_exactly_the_schema_that_a_new_database_has(
    empty: Sqlite | Postgres, tmp_path: Path
) -> None:
    with empty.changing() as connection:
        migrations.migrate(connection)
    migrated = empty.schema()
    if isinstance(empty, Sqlite):
        new: Sqlite | Postgres = Sqlite(tmp_path / "new.db")
        new.open().close()
        assert {part for part in migrated if part[0] != "alembic_version"} == {
            part for part in new.schema() if part[0] != "alembic_version"
        }
        return
    url = create_database()
    try:
        assert Postgres(url).schema() == migrated
    finally:
        drop_database(url)


def test_a_migration_that_fails_leaves_what_was_there(empty: Sqlite | Postgres) -> None:
    with empty.changing() as connection:
        migrations.migrate(connection, "0001")
        connection.exec_driver_sql("CREATE TABLE leases (in_the_way INTEGER)")
    before = empty.schema()
    for _ in range(2):
        with pytest.raises(Exception, match="leases"):
            empty.open()
        assert empty.schema() == before


def test_a_schema_of_a_newer_muniment_is_refused(empty: Sqlite | Postgres) -> None:
    empty.open().close()
    with empty.changing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match=r"newer Muniment.*9999"):
        empty.open()


def test_tables_of_another_program_are_refused_and_left_alone(empty: Sqlite | Postgres) -> None:
    with empty.changing() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    before = empty.schema()
    with pytest.raises(ConfigurationError, match="another program"):
        empty.open()
    assert empty.schema() == before


OPENING = """if True:
    import sys
    from muniment.domain.values import utcnow
    from muniment.storage.sql.postgres import open_postgres
    print("ready", flush=True)
    sys.stdin.readline()
    for url in sys.argv[1:]:
        store = open_postgres(url)
        print(store.ensure_workspace("default", utcnow()).id)
        store.close()
"""


def test_processes_that_start_on_a_new_or_an_old_database_at_once_all_succeed() -> None:
    urls = [create_database(template=None) for _ in range(4)]
    try:
        for url in urls[2:]:
            with Postgres(url).changing() as connection:
                migrations.migrate(connection, "0001")
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", OPENING, *urls],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate()
            assert process.returncode == 0
            assert out == "1\n" * len(urls)
    finally:
        for url in urls:
            drop_database(url)
