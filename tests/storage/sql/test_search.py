"""Searches take one of two ways, by what an index says of the filter; both find the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.query import Cursor, Query, Target
from muniment.errors import InvalidPageToken
from muniment.storage.conformance.metadata.contract import (
    WORKSPACE,
    add_model,
    add_version,
    model_of,
    version_of,
)
from muniment.storage.conformance.metadata.search import SearchSuite
from muniment.storage.sql import candidates
from muniment.storage.sql.engine import Session
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.sql.store import SqlMetadataStore

VERSIONS, MODELS = Target.VERSIONS, Target.MODELS


class TestWithoutCandidates(SearchSuite):
    """As if every filter let many rows pass: the order's index is walked."""

    open_store = staticmethod(open_sqlite)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def few(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "FEW", -1)
            yield


class TestWithFewCandidates(SearchSuite):
    """As if the parts of a filter let sometimes few, sometimes many rows pass."""

    open_store = staticmethod(open_sqlite)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def few(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "FEW", 12)
            yield


def query(
    text: str = "", order: list[str] | None = None, target: Target = VERSIONS, **fields: Any
) -> Query:
    where, keys = parse_filter(text, target), parse_order(order or [], target)
    return Query(WORKSPACE, target, where, keys, **fields)


def plans(store: SqlMetadataStore, asked: Query) -> list[str]:
    """Return how SQLite runs the statements that choose a page."""
    statements: list[str] = []

    def work(session: Session) -> None:
        page = store._search._page_of_models, store._search._page_of_versions
        session.driver.set_trace_callback(statements.append)  # with the values in them
        page[asked.target is VERSIONS](session, store._search._shapes.of(asked))
        session.driver.set_trace_callback(None)

    store._engine.read(work)
    return store._engine.read(
        lambda session: [
            row[3]
            for statement in statements
            for row in session.driver.execute("EXPLAIN QUERY PLAN " + statement)
        ]
    )


@pytest.fixture
def few_versions(store: SqlMetadataStore) -> SqlMetadataStore:
    for name in ("a", "b"):
        add_model(store, model_of(name, tags={"team": "risk"}))
        add_version(
            store,
            version_of(
                name,
                1,
                tags={"team": "risk", "size": 3},
                params={"depth": 4},
                metrics={"auc": 0.9},
                stage="Production",
                run_id="run",
                label="1.0",
                digest="0" * 64,
            ),
        )
    return store


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("tags.team = 'risk'", "version_properties_by_text (workspace_id=? AND space=? AND key=?"),
        ("tags.team IN ('risk', 'x')", "version_properties_by_text (workspace_id=? AND space=?"),
        ("tags.team LIKE 'ri%'", "AND key=? AND prefix>? AND prefix<?)"),
        ("tags.size >= 3", "version_properties_by_number (workspace_id=? AND space=? AND key=?"),
        ("params.depth = 4", "version_properties_by_number (workspace_id=? AND space=? AND key=?"),
        ("metrics.auc > 0.5 AND metrics.auc < 1", "AND key=? AND number>?)"),
        ("stage = 'Production'", " (workspace_id=? AND stage=?)"),
        ("status = 'PENDING'", " (workspace_id=? AND status=?)"),
        ("framework = 'x'", "versions_by_framework (workspace_id=? AND framework=?)"),
        ("checks = 'failed'", "versions_by_checks (workspace_id=? AND checks=?)"),
        ("run_id = 'run'", "versions_by_run (run_id=?)"),
        ("label = '1.0'", "versions_by_label (label=?)"),
        (f"digest = '{'0' * 64}'", "versions_by_digest (digest=?)"),
        ("alias = 'champion'", "refs_by_name (name=? AND kind=?)"),
        ("name LIKE 'a%'", "models_by_name (workspace_id=? AND name>? AND name<?)"),
        ("created_at > '2026-11-01'", "versions_by_created_at (workspace_id=? AND created_at>?)"),
        ("model.tags.team = 'risk'", "model_properties_by_text (workspace_id=? AND space=?"),
        ("name = 'a' AND description = 'x'", "models_by_name (workspace_id=? AND name=?)"),
        ("tags.team = 'risk' OR tags.size = 3", "version_properties_by_number (workspace_id=?"),
    ],
)
@pytest.mark.parametrize("order", ["updated_at DESC", "name", "framework"])
def test_a_filter_on_what_has_an_index_uses_it(
    few_versions: SqlMetadataStore, text: str, index: str, order: str
) -> None:
    plan = plans(few_versions, query(text, [order]))
    assert any(index in step for step in plan)
    assert not any(step.startswith("SCAN") and "version" in step for step in plan)
    assert not any(step.startswith("SCAN") and "models" in step for step in plan)


@pytest.mark.parametrize(
    ("order", "index"),
    [
        ("created_at", "versions_by_created_at (workspace_id=?"),
        ("updated_at DESC", "versions_by_updated_at (workspace_id=?"),
        ("name", "models_by_name (workspace_id=?"),
        ("metrics.auc DESC", "version_properties_by_number (workspace_id=? AND space=? AND key=?"),
    ],
)
@pytest.mark.parametrize("text", ["", "tags.team = 'risk'", "NOT stage = 'Archived'"])
def test_a_page_of_many_rows_walks_the_index_of_its_order(
    few_versions: SqlMetadataStore,
    order: str,
    index: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "FEW", 1)  # two rows are many
    first = few_versions.search_versions(query(text, [order], limit=1))
    for after in (None, first[0][1]):
        plan = plans(few_versions, query(text, [order], after=after, limit=1))
        walked = [step for step in plan if "USING" in step][-4:]
        assert any(index in step for step in walked), plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize("order", ["id", "id DESC"])
@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("", "versions_by_id (workspace_id=?"),
        ("NOT stage = 'Archived'", "versions_by_id (workspace_id=?"),
        ("stage = 'Production'", "versions_in_stage (workspace_id=? AND stage=?"),
        ("status = 'PENDING'", "versions_in_status (workspace_id=? AND status=?"),
        ("framework = 'x'", "versions_by_framework (workspace_id=? AND framework=?"),
        ("checks = 'failed'", "versions_by_checks (workspace_id=? AND checks=?"),
        ("tags.team = 'risk'", "version_properties_by_text (workspace_id=? AND space=? AND key=?"),
        ("params.depth = 4", "version_properties_by_number (workspace_id=? AND space=? AND key=?"),
        ("NOT label = 'x' AND params.depth = 4", "version_properties_by_number (workspace_id=?"),
    ],
)
def test_by_id_the_index_of_an_equality_is_walked(
    few_versions: SqlMetadataStore,
    order: str,
    text: str,
    index: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "FEW", 1)
    for after in (None, (2, 2)):
        plan = plans(few_versions, query(text, [order], after=after, limit=1))
        assert any(index in step for step in plan), plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize(
    ("order", "index"),
    [
        ("updated_at DESC", "versions_by_stage (workspace_id=? AND stage=?"),
        ("stage_since", "versions_by_tenure (workspace_id=? AND stage=?"),
    ],
)
def test_a_stage_is_walked_in_the_order_of_its_indexes(
    few_versions: SqlMetadataStore, order: str, index: str
) -> None:
    plan = plans(few_versions, query("stage = 'Production'", [order], limit=1))
    assert any(index in step for step in plan), plan


def test_the_best_of_one_model_are_walked_and_so_is_its_stage(
    few_versions: SqlMetadataStore,
) -> None:
    plan = plans(few_versions, query("", ["metrics.auc DESC"], model="a", limit=1))
    assert any("version_metrics_by_model (model_id=? AND key=?" in step for step in plan), plan
    in_stage = query("stage = 'Production'", ["version DESC"], model="a", limit=1)
    plan = plans(few_versions, in_stage)
    assert any("model_versions_by_stage (model_id=? AND stage_key=?" in step for step in plan), plan


def test_what_is_deleted_is_all_that_is_looked_at(few_versions: SqlMetadataStore) -> None:
    plan = plans(few_versions, query("", ["id DESC"], deleted=True))
    assert any("versions_by_deleted_at" in step for step in plan), plan
    assert not any(step.startswith("SCAN") for step in plan)


@pytest.mark.parametrize(
    "order", ["id", "id DESC", "version DESC", "created_at", "updated_at DESC"]
)
def test_the_versions_of_one_model_are_walked_in_order(
    few_versions: SqlMetadataStore, order: str
) -> None:
    for asked in (query("name = 'a'", [order]), query("", [order], model="a")):
        plan = plans(few_versions, asked)
        assert any("model_id=?" in step for step in plan)
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize("order", ["id", "name", "slug DESC", "created_at", "updated_at DESC"])
def test_a_page_of_models_walks_the_index_of_its_order(
    few_versions: SqlMetadataStore, order: str
) -> None:
    plan = plans(few_versions, query("NOT tags.team = 'x'", [order], MODELS))
    column = order.split()[0]
    assert any(f"models_by_{column} (workspace_id=?" in step for step in plan)
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


def test_texts_longer_than_what_is_indexed_compare_by_their_ends(
    store: SqlMetadataStore,
) -> None:
    add_model(store, "m")
    texts = ["x" * 200, "x" * 200 + "a", "x" * 200 + "b", "x" * 199 + "y", "x" * 199]
    for number, text in enumerate(texts):
        add_version(store, version_of("m", number + 1, tags={"t": text}))

    def found(condition: str) -> list[str]:
        rows = store.search_versions(query(f"tags.t {condition}"))
        return sorted(str(version.tags["t"]) for version, _ in rows)

    for pivot in texts:
        assert found(f"= '{pivot}'") == [pivot]
        assert found(f"IN ('{pivot}', 'z')") == [pivot]
        assert found(f"LIKE '{pivot}%'") == sorted(t for t in texts if t.startswith(pivot))
        assert found(f"!= '{pivot}'") == sorted(t for t in texts if t != pivot)
        assert found(f"< '{pivot}'") == sorted(t for t in texts if t < pivot)
        assert found(f"<= '{pivot}'") == sorted(t for t in texts if t <= pivot)
        assert found(f"> '{pivot}'") == sorted(t for t in texts if t > pivot)
        assert found(f">= '{pivot}'") == sorted(t for t in texts if t >= pivot)


@pytest.mark.parametrize(
    ("order", "after"),
    [
        ([], ()),
        ([], ("a",)),
        ([], (True,)),
        (["name"], (1,)),
        (["name"], ("a", "b")),
        (["name"], (None, 1)),
        (["created_at"], ("2026-11-21", 1)),
        (["metrics.auc"], ("0.5", 1)),
        (["metrics.auc"], (0.5, 1, 2)),
    ],
)
def test_a_cursor_that_does_not_fit_the_order_is_refused(
    store: SqlMetadataStore, order: list[str], after: Cursor
) -> None:
    with pytest.raises(InvalidPageToken, match="another order"):
        store.search_versions(query("", order, after=after))
