"""PostgreSQL: what it is opened by, what its errors say, and connections that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from threading import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from muniment.domain.accounts import User, UserKind
from muniment.errors import AlreadyExists, ConfigurationError, StorageFull, Unavailable
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    name_key,
    stored,
    version_in,
    version_of,
)
from muniment.storage.conformance.metadata.threads import at_once, check_numbered, next_version
from muniment.storage.metadata import Transaction
from muniment.storage.sql import postgres_connections
from muniment.storage.sql.engine import Session
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.postgres_connections import POOL_SIZE, target_of
from muniment.storage.sql.store import SqlMetadataStore
from tests.parts.postgres import drop_database

SECRET = "not-to-be-seen"


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def store(url: str) -> Iterator[SqlMetadataStore]:
    store = open_postgres(url)
    store.ensure_workspace(WORKSPACE, NOON)
    yield store
    store.close()


def run_sql(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def disconnect_all(url: str) -> None:
    """End all other sessions of a database, as a server that restarts does."""
    run_sql(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()",
    )


# -- opening -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/x",
        "postgresql://",
        f"postgresql://ann:{SECRET}@h:port/x",
        f"postgresql://ann:{SECRET}@h/x?no_such_option=1",
        f"postgresql://ann:{SECRET}@h/x?pool_size=many",
        f"postgresql://ann:{SECRET}@[h/x",
        f"postgresql://ann:half@{SECRET}@h/x",
    ],
)
def test_a_url_that_says_nothing_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_postgres(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_url_may_say_what_the_library_of_postgresql_knows() -> None:
    target = target_of(
        f"postgres://ann:{SECRET}%40@h:1,i:2/models?pool_size=3&options=-c%20jit%3Don&sslmode=prefer"
    )
    known = psycopg.conninfo.conninfo_to_dict(target.conninfo)
    assert (known["host"], known["port"], known["dbname"]) == ("h,i", "1,2", "models")
    assert (known["password"], known["sslmode"]) == (f"{SECRET}@", "prefer")
    assert str(known["options"]).endswith("-c jit=on")  # what comes last, holds
    assert (target.where, target.pool_size) == ("models on h:1,i:2", 3)
    assert target_of("postgresql://h/x").pool_size == POOL_SIZE
    assert SECRET not in repr(target)


def test_a_database_that_does_not_exist_is_named(postgres_server: str) -> None:
    server = urlsplit(postgres_server)
    netloc = f"postgres:{SECRET}@{server.hostname}:{server.port}"
    with pytest.raises(
        ConfigurationError, match=r"no database no_such_one on .*createdb"
    ) as caught:
        open_postgres(f"postgresql://{netloc}/no_such_one")
    assert SECRET not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_by_host_and_port() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer") as caught:
        open_postgres(f"postgresql://ann:{SECRET}@127.0.0.1:1/models")
    assert SECRET not in str(caught.value)


def test_a_role_that_may_not_make_tables_is_told_what_it_needs(empty_postgres_url: str) -> None:
    role = f"r_{uuid4().hex}"
    run_sql(
        empty_postgres_url,
        f"CREATE ROLE {role} LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM public",
    )
    server = urlsplit(empty_postgres_url)
    as_role = f"postgresql://{role}@{server.hostname}:{server.port}{server.path}"
    try:
        with pytest.raises(ConfigurationError, match="grant it CREATE"):
            open_postgres(as_role)
        run_sql(empty_postgres_url, f"GRANT CREATE ON SCHEMA public TO {role}")
        with closing(open_postgres(as_role)) as store:
            assert store.ensure_workspace(WORKSPACE, NOON).id == 1
    finally:
        run_sql(empty_postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_database_of_another_encoding_is_refused(postgres_server: str) -> None:
    name = f"t_{uuid4().hex}"
    run_sql(
        postgres_server,
        f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
    )
    url = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    try:
        with pytest.raises(ConfigurationError, match=r"encoding SQL_ASCII.*--encoding=UTF8"):
            open_postgres(url)
    finally:
        drop_database(url)


def test_a_schema_of_its_own_is_found_by_the_search_path(empty_postgres_url: str) -> None:
    run_sql(empty_postgres_url, "CREATE TABLE customers (id int)", "CREATE SCHEMA ours")
    with pytest.raises(ConfigurationError, match=r"another program.*customers"):
        open_postgres(empty_postgres_url)
    with closing(open_postgres(f"{empty_postgres_url}?options=-csearch_path%3Dours")) as store:
        store.ensure_workspace(WORKSPACE, NOON)
        add_model(store, "m")


def test_all_text_compares_by_code_point_whatever_the_database_does(url: str) -> None:
    with psycopg.connect(url) as connection:
        others = connection.execute(
            "SELECT attrelid::regclass, attname FROM pg_attribute"
            " JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0"
            " AND relname != 'alembic_version'"
            " AND attcollation NOT IN (0, '\"C\"'::regcollation)"
        ).fetchall()
    assert others == []


# -- values --------------------------------------------------------------------------------------


def test_text_with_nul_comes_back_and_stays_in_order(store: SqlMetadataStore) -> None:
    names = ["a", "a\0", "a\0\0b", "a\0\1", "a\0\2", "a\1", "a\1\1", "a\1\2", "a\2", "ab"]
    for name in reversed(names):
        store.accounts.add_user(User(0, name, UserKind.PERSON, NOON))
    assert [user.name for user in store.accounts.users(limit=100)] == names
    assert [user.name for user in store.accounts.users(after="a\0\1", limit=2)] == names[4:6]


def test_statements_that_are_repeated_are_prepared_by_the_server(url: str) -> None:
    with closing(open_postgres(f"{url}?pool_size=1")) as store:
        store.ensure_workspace(WORKSPACE, NOON)
        add_model(store, "m")
        for _ in range(3):
            stored(store, "m")

        def prepared(session: Session) -> list[str]:
            found = session.core.exec_driver_sql("SELECT statement FROM pg_prepared_statements")
            return [row[0] for row in found]

        statements = store._engine.read(prepared)
        assert sum("FROM models" in statement for statement in statements) == 1


# -- what goes wrong -----------------------------------------------------------------------------


def test_what_was_written_before_a_refused_number_stays(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def decide(tx: Transaction) -> None:
        next_version(tx)
        with pytest.raises(AlreadyExists):
            tx.add_version(version_of("m", 1))
        next_version(tx)

    store.transact(name_key("m"), decide)
    check_numbered(store, "m", [1, 2], 2)


def test_what_was_written_before_a_refused_label_stays(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def decide(tx: Transaction) -> None:
        for _ in range(2):
            next_version(tx)
        tx.save_version(replace(version_in(tx, 1), label="1.0"))
        with pytest.raises(AlreadyExists):
            tx.save_version(replace(version_in(tx, 2), label="1.0"))

    store.transact(name_key("m"), decide)
    assert stored(store, "m").last_number == 2
    labelled = store.version_by_label(WORKSPACE, "m", "1.0")
    assert labelled is not None
    assert labelled.version == 1


def test_connections_that_were_lost_are_replaced(store: SqlMetadataStore, url: str) -> None:
    add_model(store, "m")
    disconnect_all(url)
    assert stored(store, "m").last_number == 0
    disconnect_all(url)
    assert store.transact(name_key("m"), next_version) == 1
    disconnect_all(url)
    store.ping()


def test_a_change_whose_connection_is_lost_is_made_once(store: SqlMetadataStore, url: str) -> None:
    add_model(store, "m")
    runs: list[int] = []

    def decide(tx: Transaction) -> int:
        number = next_version(tx)
        runs.append(number)
        if len(runs) == 1:
            disconnect_all(url)
        return number

    assert store.transact(name_key("m"), decide) == 1
    assert runs == [1, 1]
    check_numbered(store, "m", [1], 1)


def test_a_connection_that_is_lost_in_the_commit_leaves_it_open_what_became_of_it(
    store: SqlMetadataStore, url: str
) -> None:
    add_model(store, "m")
    run_sql(
        url,
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON versions DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()",
    )
    with pytest.raises(Unavailable, match="may have been made, or not"):
        store.transact(name_key("m"), next_version)
    run_sql(url, "DROP TRIGGER die ON versions")
    assert store.transact(name_key("m"), next_version) == 1


def test_a_full_disk_is_told_as_such(store: SqlMetadataStore, url: str) -> None:
    add_model(store, "m")
    run_sql(
        url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE ''could not extend file'' USING ERRCODE = ''disk_full''; END'",
        "CREATE TRIGGER full_disk BEFORE INSERT ON versions"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(StorageFull, match="could not extend file"):
        store.transact(name_key("m"), next_version)
    assert stored(store, "m").last_number == 0


def test_a_lock_is_not_waited_for_for_ever(store: SqlMetadataStore, url: str) -> None:
    add_model(store, "m")
    impatient = open_postgres(f"{url}?options=-c%20lock_timeout%3D50ms")
    with closing(impatient), psycopg.connect(url) as connection:
        connection.execute("SELECT 1 FROM models FOR UPDATE")
        with pytest.raises(Unavailable, match="took too long"):
            impatient.transact(name_key("m"), next_version)
        connection.rollback()
        assert impatient.transact(name_key("m"), next_version) == 1


def test_a_database_that_can_only_be_read_is_not_ready(store: SqlMetadataStore, url: str) -> None:
    run_sql(url, f"ALTER DATABASE {urlsplit(url).path[1:]} SET default_transaction_read_only = on")
    disconnect_all(url)
    for work in (store.ping, lambda: add_model(store, "m")):
        with pytest.raises(Unavailable, match="can only be read"):
            work()


def test_a_free_connection_is_not_waited_for_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connections, "WAIT_SECONDS", 0.1)
    with closing(open_postgres(f"{url}?pool_size=1")) as store:

        def reading(_: Session) -> None:
            with pytest.raises(Unavailable, match=r"have been busy.*pool_size"):
                store.ping()

        store._engine.read(reading)
        store.ping()


def test_two_that_wait_for_each_other_both_get_their_way(store: SqlMetadataStore) -> None:
    both_have_one = Barrier(2)
    tries: list[str] = []

    def work(first: str, second: str) -> str:
        def locking(session: Session) -> str:
            session.alone(first)
            tries.append(first)
            if len(tries) <= 2:
                both_have_one.wait()
            session.alone(second)
            return first

        return store._engine.write(locking)

    assert at_once(lambda: work("a", "b"), lambda: work("b", "a")) == ["a", "b"]
    assert len(tries) == 3


def test_a_store_that_is_closed_says_so(url: str) -> None:
    store = open_postgres(url)
    store.close()
    for work in (store.ping, lambda: add_model(store, "m")):
        with pytest.raises(Unavailable, match="closed"):
            work()
