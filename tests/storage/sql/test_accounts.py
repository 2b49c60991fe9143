"""Accounts in SQL: how they are reached, what a lookup costs, and how they came to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine

from muniment.domain.access import Grant, Role
from muniment.errors import Unavailable
from muniment.storage.conformance.accounts.contract import session_of, token_of, user_of
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_blobs,
    add_model,
    digest,
    entry_of,
    history,
    manifest_of,
    seal,
    stored,
)
from muniment.storage.sql import account_statements, holders, migrations
from muniment.storage.sql.engine import Engine, Prepared, Session
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.sql.store import SqlMetadataStore

SECRET = session_of("s").secret


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlMetadataStore]:
    store = open_sqlite(tmp_path / "muniment.db")
    store.ensure_workspace(WORKSPACE, NOON)
    yield store
    store.close()


@pytest.fixture
def engine(store: SqlMetadataStore) -> Engine:
    return store._engine


def plan(engine: Engine, statement: Prepared) -> list[str]:
    """Return the steps in which SQLite runs a statement."""

    def explain(session: Session) -> list[str]:
        sql = statement.sql(session.dialect)
        cursor = session.driver.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
        return [row[3] for row in cursor.fetchall()]

    return engine.read(explain)


def statements(engine: Engine, work: Callable[[], object]) -> list[str]:
    """Return the statements that a work reads with."""
    seen: list[str] = []
    engine.read(lambda session: session.driver.set_trace_callback(seen.append))
    work()
    engine.read(lambda session: session.driver.set_trace_callback(None))
    return seen


# -- what a lookup costs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["USER", "USER_BY_SUBJECT", "TOKEN", "SESSION", "FAILURES", "TOKENS_OF", "USERS"]
)
def test_a_lookup_searches_one_index(engine: Engine, name: str) -> None:
    first, *others = plan(engine, getattr(account_statements, name))
    assert first.startswith("SEARCH")
    assert not [step for step in others if "ORDER BY" not in step]


@pytest.mark.parametrize("size", [1, 1_024])
def test_grants_claims_and_holders_are_found_by_index(engine: Engine, size: int) -> None:
    assert plan(engine, account_statements.GRANTS_OF.of_size(size)) == [
        "SEARCH grants USING INDEX grants_by_subject (subject=? AND workspace=?)"
    ]
    (step,) = plan(engine, holders.CLAIMED.of_size(size))
    assert step.startswith("SEARCH claims USING PRIMARY KEY (digest=?")


@pytest.mark.parametrize("size", [1, 1_024])
def test_the_models_with_a_blob_are_found_from_its_digest(engine: Engine, size: int) -> None:
    steps = plan(engine, holders.HOLDING.of_size(size))
    tables = [step.split()[1] for step in steps if step.startswith("SEARCH")]
    assert not [step for step in steps if step.startswith("SCAN")]
    in_order = [table for table in tables if table != "workspaces"]
    listed = ["blobs", "manifest_blobs", "manifests", "versions", "models"]
    assert in_order == [*listed, "versions", "models"]
    assert [step for step in steps if "models" in step] == [
        "SEARCH models USING INTEGER PRIMARY KEY (rowid=?)"
    ] * 2


def test_a_lookup_is_one_statement(engine: Engine, store: SqlMetadataStore) -> None:
    accounts = store.accounts
    accounts.add_user(user_of("ada"))
    accounts.add_token(token_of("t"))
    accounts.add_session(session_of("s"))
    subjects = ["user:ada", *[f"group:{n}" for n in range(100)]]
    held = accounts.add_grant("*", "group:7", Grant.of_role(Role.VIEWER), NOON, "root")
    lookups: list[Callable[[], object]] = [
        lambda: accounts.user("ada"),
        lambda: accounts.token("t"),
        lambda: accounts.session(SECRET),
        lambda: accounts.grants_of(subjects, WORKSPACE),
    ]
    for lookup in lookups:
        assert lookup()
        assert len(statements(engine, lookup)) == 1
    assert accounts.grants_of(subjects, WORKSPACE) == [held]


def test_whether_there_are_users_need_not_be_asked_each_time(
    engine: Engine, store: SqlMetadataStore
) -> None:
    def asked(within: float = 0.0) -> tuple[bool, int]:
        answers: list[bool] = []
        asking = statements(engine, lambda: answers.append(accounts.any_user(within=within)))
        return answers[0], len(asking)

    accounts, others = store.accounts, SqlMetadataStore(engine).accounts
    assert [asked(), asked(60), asked()] == [(False, 1), (False, 0), (False, 1)]
    others.add_user(user_of("ada"))
    assert [asked(60), asked(), asked()] == [(False, 0), (True, 1), (True, 0)]

    assert others.any_user(within=60)  # it has added her itself


def test_a_blob_that_is_claimed_already_is_not_written_again(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path / "muniment.db")
    log = tmp_path / "muniment.db-wal"
    store.accounts.claim_blob(digest("a"), WORKSPACE, "ada", NOON)
    written = log.stat().st_size
    store.accounts.claim_blob(digest("a"), WORKSPACE, "ada", NOON)
    assert log.stat().st_size == written
    store.accounts.claim_blob(digest("b"), WORKSPACE, "ada", NOON)
    assert log.stat().st_size > written
    store.close()


# -- one database --------------------------------------------------------------------------------


def test_accounts_are_closed_with_their_store(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path / "muniment.db")
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.accounts.any_user()
    with pytest.raises(Unavailable, match="closed"):
        store.accounts.add_user(user_of("ada"))


# -- history -------------------------------------------------------------------------------------


def test_a_database_of_before_there_were_accounts_gets_them_and_keeps_the_rest(
    store: SqlMetadataStore, tmp_path: Path
) -> None:
    model = add_model(store, "m")
    manifest = manifest_of("a")
    add_blobs(store, manifest)
    version = seal(store, "m", 1, manifest)
    store.accounts.add_user(user_of("eve"))  # there was nowhere to keep her
    store.close()
    old = tmp_path / "old.db"
    copy_at_revision("0001", tmp_path / "muniment.db", old)

    store = open_sqlite(old)
    assert stored(store, "m") == model
    assert len(history(store, model)) == 1
    assert store.version(WORKSPACE, "m", 1) == version
    accounts = store.accounts
    assert accounts.models_with_blobs([digest("a")], WORKSPACE) == [(digest("a"), model.id)]
    assert accounts.any_user() is False
    ada = accounts.add_user(user_of("ada"))
    accounts.record_audit([entry_of()])
    store.close()

    store = open_sqlite(old)
    assert store.accounts.user("ada") == ada
    assert store.accounts.audit_head().count == 1
    assert add_model(store, "n").id == model.id + 1
    store.close()


def copy_at_revision(revision: str, source: Path, target: Path) -> None:
    """Make a database as an older Muniment did, with what it could know of another one."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with create_engine(f"sqlite:///{target}", poolclass=NullPool).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    with closing(sqlite3.connect(target)) as database:
        database.execute("ATTACH ? AS source", [str(source)])
        tables = database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")
        known = [name for (name,) in tables if not name.startswith(("alembic", "sqlite"))]
        assert "models" in known
        assert "users" not in known
        for name in known:
            info = database.execute("SELECT name FROM pragma_table_info(?, 'main')", [name])
            columns = ", ".join(f'"{column}"' for (column,) in info)
            copy = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM source.{name}"  # noqa: S608
            database.execute(copy)
        database.commit()
