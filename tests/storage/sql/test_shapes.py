"""Statements that are made once per shape of a search, and versions that are made once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from muniment.domain.entities import ModelVersion
from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.query import Query, Target
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    add_version,
    alias_of,
    held,
    model_of,
    version_in,
    version_of,
)
from muniment.storage.metadata import ModelName, TakesLonger, Transaction
from muniment.storage.sql import search
from muniment.storage.sql.shapes import Shapes
from muniment.storage.sql.sqlite import SqliteEngine, open_sqlite
from muniment.storage.sql.store import SqlMetadataStore


def query(text: str, *order: str, **fields: Any) -> Query:
    where, keys = parse_filter(text, Target.VERSIONS), parse_order(order, Target.VERSIONS)
    return replace(Query(WORKSPACE, Target.VERSIONS, where, keys), **fields)


def found(store: SqlMetadataStore, text: str, *order: str, **fields: Any) -> list[ModelVersion]:
    return [version for version, _ in store.search_versions(query(text, *order, **fields))]


@pytest.fixture
def filled(store: SqlMetadataStore) -> SqlMetadataStore:
    for name in ("a", "b"):
        add_model(store, model_of(name))
        for number in range(1, 4):
            tags, metrics = {"run": f"{name}{number}", "n": number}, {"auc": number / 4}
            add_version(store, version_of(name, number, tags=tags, metrics=metrics))
    return store


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tags.run = 'a1'", "tags.run = 'b3'"),
        ("tags.n = 1", "tags.n = 3"),
        ("metrics.auc > 0.5", "metrics.auc > 0.3"),
        ("name = 'a' AND tags.run = 'a2'", "name = 'b' AND tags.run = 'b1'"),
        ("name = 'a'", "name = 'nobody'"),
        ("NOT (tags.run = 'a1' OR tags.n = 2)", "NOT (tags.run = 'b2' OR tags.n = 1)"),
    ],
)
def test_searches_of_one_shape_find_each_their_own(
    filled: SqlMetadataStore, one: str, other: str, tmp_path: Path
) -> None:
    assert Shapes().of(query(one)).query == Shapes().of(query(other)).query
    alone = open_sqlite(tmp_path / "muniment.db")  # which knows no shapes yet
    try:
        for text in (one, other, one):
            assert found(filled, text) == found(alone, text)
        assert found(filled, one) != found(filled, other)
    finally:
        alone.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tags.run = 'a1'", "tags.run != 'a1'"),
        ("tags.run = 'a1'", "tags.n = 1"),
        ("tags.run LIKE 'a%'", "tags.run LIKE '%a'"),
        ("name IN ('a')", "name IN ('a', 'b')"),
        ("tags.run = 'a1'", f"tags.run = '{'a' * 500}'"),
        ("run_id = 'a1'", "run_id = ''"),
        ("stage = 'None'", "stage = 'Production'"),
    ],
)
def test_what_decides_how_a_condition_is_written_is_of_the_shape(
    filled: SqlMetadataStore, one: str, other: str
) -> None:
    assert Shapes().of(query(one)).query != Shapes().of(query(other)).query
    for text in (one, other, one):  # and none takes the other's statement
        found(filled, text)


def test_a_page_goes_on_behind_any_row(filled: SqlMetadataStore) -> None:
    for order in ("metrics.auc DESC", "name", "id DESC"):
        everything = filled.search_versions(query("", order))
        for n, (_, cursor) in enumerate(everything):
            rest = filled.search_versions(query("", order, after=cursor))
            assert rest == everything[n + 1 :]


def test_what_a_search_keeps_is_never_out_of_date(filled: SqlMetadataStore, path: Path) -> None:
    def tag(tx: Transaction) -> None:
        version = version_in(tx, 1)
        tx.save_version(replace(version, tags={"x": "y"}, revision=version.revision + 1))

    def point(tx: Transaction) -> None:
        tx.save_reference(alias_of("champion", 2))
        tx.save_version(replace(version_in(tx, 2), revision=version_in(tx, 2).revision + 1))

    def rename(tx: Transaction) -> None:
        model = held(tx)
        tx.save_model(replace(model, name="c", slug="c", revision=model.revision + 1))
        tx.touch_versions(NOON + timedelta(hours=1))

    other = open_sqlite(path)  # another process, for what it knows
    try:
        assert found(filled, "") == found(other, "")
        for change in (tag, point, rename):
            before = found(filled, "")
            other.transact(ModelName(WORKSPACE, "a"), change)
            after = found(filled, "")
            assert after == found(other, "") != before
    finally:
        other.close()


def test_a_version_that_did_not_change_is_not_made_again(filled: SqlMetadataStore) -> None:
    first, again = found(filled, "name = 'a'"), found(filled, "tags.n < 10", model="a")
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_a_brief_read_ends_when_it_takes_longer(store: SqlMetadataStore) -> None:
    add_model(store, model_of("m"))
    for number in range(1, 101):
        add_version(store, version_of("m", number, tags={f"t{n}": n for n in range(5)}))
    absent = " OR ".join(f"tags.t{n % 5} != {n % 5}" for n in range(100))
    with store.briefly():
        assert len(found(store, "", limit=10)) == 10
        with pytest.raises(TakesLonger):
            found(store, absent)
    assert found(store, absent) == []


def looks(store: SqlMetadataStore, read: Callable[[], object]) -> int:
    """Return how many statements look for versions while something is searched."""
    seen: list[str] = []
    engine = cast(SqliteEngine, store._engine)

    def watch(callback: Callable[[str], None] | None) -> None:
        engine.read(lambda session: session.driver.set_trace_callback(callback))

    watch(seen.append)
    try:
        read()
    finally:
        watch(None)
    return sum("FROM versions" in statement for statement in seen)


def test_while_nothing_changes_the_same_page_is_not_looked_for_again(
    filled: SqlMetadataStore, path: Path
) -> None:
    def read() -> object:
        return found(filled, "tags.run = 'a1'"), found(filled, "", limit=2)

    def again() -> bool:
        first, second = looks(filled, read), looks(filled, read)
        assert second == 0
        return first > 0

    assert again()
    assert not again()
    add_version(filled, version_of("a", 4))
    assert again()
    other = open_sqlite(path)  # another process, for what it knows
    try:
        add_model(other, model_of("of-another"))
        assert again()
    finally:
        other.close()
    with sqlite3.connect(path) as anybody:
        anybody.execute("UPDATE versions SET description = 'by hand', revision = revision + 1")
    anybody.close()
    assert again()
    assert {version.description for version in found(filled, "")} == {"by hand"}


def test_few_and_short_pages_are_kept(
    filled: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SHORT", 2)
    monkeypatch.setattr(search, "_PAGES", 3)
    for _ in range(2):
        assert looks(filled, lambda: found(filled, "name = 'a'")) > 0  # three rows
    for name in ("a1", "a2", "a3", "b1"):
        found(filled, f"tags.run = '{name}'")
    assert looks(filled, lambda: found(filled, "tags.run = 'b1'")) == 0
    assert looks(filled, lambda: found(filled, "tags.run = 'a1'")) > 0


def test_a_call_that_changes_something_finds_it(filled: SqlMetadataStore) -> None:
    ended: Future[tuple[int, int]] = Future()

    def call() -> tuple[int, int]:
        before = len(found(filled, "name = 'a'"))
        add_version(filled, version_of("a", 4))
        return before, len(found(filled, "name = 'a'"))

    def done(result: tuple[int, int] | None, error: BaseException | None) -> None:
        ended.set_result(result or (0, 0))

    assert filled.submit(call, done)
    assert ended.result(30) == (3, 4)
