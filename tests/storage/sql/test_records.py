"""Whatever is asked for of records, uses and histories, an index is walked in the right order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from muniment.domain.activities import ActivityKind
from muniment.domain.records import RecordKind, RecordQuery
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    add_version,
    apply,
    later,
    version_of,
)
from muniment.storage.conformance.metadata.records import file_record, record_of
from muniment.storage.records import Place
from muniment.storage.sql.engine import Cell, Prepared, Row, Session
from muniment.storage.sql.store import SqlMetadataStore

KIND = RecordKind.REQUEST
KINDS = frozenset({ActivityKind.STAGE_CHANGED.value, ActivityKind.ALIAS_SET.value})


@pytest.fixture
def plans(store: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that fills with how SQLite runs every prepared query."""
    add_model(store, "m")
    add_version(store, version_of("m", 1))
    file_record(store, "m", record_of(version=1, state="open", keys=("k",)))
    steps: list[str] = []
    run = Prepared.all

    def explained(self: Prepared, session: Session, **parameters: Cell) -> Sequence[Row]:
        sql = "EXPLAIN QUERY PLAN " + self.sql(session.dialect)
        compiled = self._for(session.dialect)
        rows: Any = session.driver.execute(sql, compiled.bind(parameters))
        steps.extend(row[3] for row in rows)
        return run(self, session, **parameters)

    monkeypatch.setattr(Prepared, "all", explained)
    return steps


def scans(plan: list[str]) -> list[str]:
    """Return the steps that read a whole table, or sort more than ties."""
    inner = ("SCAN anon_", "SCAN wanted")
    return [
        step
        for step in plan
        if (step.startswith("SCAN") and not step.startswith(inner))
        or step == "USE TEMP B-TREE FOR ORDER BY"
    ]


@pytest.mark.parametrize("more", [{}, {"after": 5}, {"after": 5, "newest_first": True}])
@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({}, "records_by_kind (workspace_id=? AND kind=?"),
        ({"state": "open"}, "records_by_state (workspace_id=? AND kind=? AND state=?"),
        ({"model_id": 1}, "model_records_by_kind (model_id=? AND kind=?"),
        (
            {"model_id": 1, "state": "open"},
            "model_records_by_state (model_id=? AND kind=? AND state=?",
        ),
        ({"model_id": 1, "version": 1}, "model_records_by_version (model_id=? AND kind=? AND num"),
        (
            {"model_id": 1, "version": 1, "state": "open"},
            "model_records_by_version (model_id=? AND kind=? AND number=?",
        ),
        ({"key": "k"}, "record_keys USING PRIMARY KEY (workspace_id=? AND kind=? AND key=?"),
        ({"key": "k", "state": "open"}, "record_keys_by_state (workspace_id=? AND kind=? AND key="),
        ({"key": "k", "model_id": 1}, "record_keys_by_model (model_id=? AND kind=? AND key=?"),
        (
            {"key": "k", "model_id": 1, "version": 1, "state": "open"},
            "record_keys_by_model (model_id=? AND kind=? AND key=?",
        ),
    ],
)
def test_every_search_for_records_walks_an_index(
    store: SqlMetadataStore,
    plans: list[str],
    fields: dict[str, Any],
    index: str,
    more: dict[str, Any],
) -> None:
    store.find_records(RecordQuery(WORKSPACE, KIND, **fields, **more))
    walked = next(step for step in plans if index in step)
    assert scans(plans) == []
    if more:
        assert "id<?" in walked or "id>?" in walked


@pytest.mark.parametrize("fields", [{}, {"version": 1}, {"state": "open"}])
def test_a_transaction_finds_the_records_of_its_model_by_index(
    store: SqlMetadataStore, plans: list[str], fields: dict[str, Any]
) -> None:
    apply(store, "m", lambda tx: tx.records(KIND, **fields))
    assert any("model_records_by_" in step for step in plans)
    assert scans(plans) == []


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({}, "uses_by_time (workspace_id=?"),
        ({"since": NOON}, "uses_by_time (workspace_id=? AND last_at>?)"),
        ({"consumer": "c"}, "uses_by_consumer (workspace_id=? AND consumer=?)"),
        ({"consumer": "c", "since": NOON}, "uses_by_consumer (workspace_id=? AND consumer=? AND"),
    ],
)
def test_uses_of_all_models_are_found_by_index(
    store: SqlMetadataStore, plans: list[str], fields: dict[str, Any], index: str
) -> None:
    store.uses(WORKSPACE, limit=10, **fields)
    assert any(index in step for step in plans)
    assert scans(plans) == []


@pytest.mark.parametrize("fields", [{}, {"version": 1}, {"version": 1, "consumer": "c"}])
def test_uses_of_a_model_are_read_from_its_own(
    store: SqlMetadataStore, plans: list[str], fields: dict[str, Any]
) -> None:
    store.uses(WORKSPACE, model_id=1, limit=10, **fields)
    asked = "model_id=?" + (" AND number=?" if fields else "")
    assert any(f"uses USING PRIMARY KEY ({asked}" in step for step in plans)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("until", [None, later(5)])
@pytest.mark.parametrize("after", [0, 5])
def test_kinds_of_a_history_are_read_alone(
    store: SqlMetadataStore, plans: list[str], after: int, until: Any, newest_first: bool
) -> None:
    store.activities(1, after=after, limit=10, newest_first=newest_first, kinds=KINDS, until=until)
    index = "model_activities_by_kind (model_id=? AND kind=?"
    assert sum(index in step for step in plans) == len(KINDS)
    assert not [step for step in plans if step.startswith("SCAN activities")]


@pytest.mark.parametrize("kinds", [None, KINDS])
@pytest.mark.parametrize("before", [None, Place(NOON, 1, 1)])
@pytest.mark.parametrize(
    ("actor", "index"),
    [
        (None, "activities_by_kind (workspace_id=? AND kind=?"),
        ("ann", "activities_by_actor (workspace_id=? AND actor=? AND kind=?"),
    ],
)
def test_what_happened_is_read_lane_by_lane(
    store: SqlMetadataStore,
    plans: list[str],
    kinds: frozenset[str] | None,
    before: Place | None,
    actor: str | None,
    index: str,
) -> None:
    store.happened(WORKSPACE, kinds=kinds, before=before, actor=actor, limit=10)
    lanes = [step for step in plans if index in step]
    assert len(lanes) == (len(ActivityKind) if kinds is None else len(KINDS))
    assert all("COVERING" in step for step in lanes)
    if before is not None:
        assert all("(at,model_id,sequence)<(?,?,?)" in step for step in lanes)
    assert not [step for step in plans if step.startswith(("SCAN activities", "SCAN models"))]
