"""What webhooks cost in SQLite: next to nothing where there are none, one index where there are."""

from __future__ import annotations

import pytest

from muniment.storage.sql import webhook_statements
from muniment.storage.sql.engine import Prepared, Session
from muniment.storage.sql.store import SqlMetadataStore


def plan(store: SqlMetadataStore, statement: Prepared) -> list[str]:
    """Return the steps in which SQLite runs a statement."""

    def explain(session: Session) -> list[str]:
        sql = statement.sql(session.dialect)
        cursor = session.driver.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
        return [row[3] for row in cursor.fetchall()]

    return store._engine.read(explain)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("WEBHOOK", "(uuid=?)"),
        ("WEBHOOKS", "webhooks_by_workspace"),
        ("WEBHOOKS_BEFORE", "webhooks_by_workspace"),
        ("ANY_BEHIND", "models_undispatched"),
        ("UNDISPATCHED", "models_undispatched"),
        ("FIRST_PENDING", "deliveries_pending"),
        ("DUE", "deliveries_due"),
        ("DELIVERIES", "deliveries_by_time"),
        ("DELIVERIES_BEFORE", "deliveries_by_time"),
    ],
)
def test_what_is_looked_for_is_found_by_its_index_and_in_its_order(
    store: SqlMetadataStore, name: str, index: str
) -> None:
    first, *others = plan(store, getattr(webhook_statements, name))
    assert index in first
    assert not [step for step in others if "ORDER BY" in step]


def test_what_is_due_is_looked_for_webhook_by_webhook(store: SqlMetadataStore) -> None:
    steps = plan(store, webhook_statements.ANY_DUE)
    assert any("deliveries_due (webhook_id=? AND next_at<?)" in step for step in steps), steps


def test_what_to_prune_is_found_by_its_index(store: SqlMetadataStore) -> None:
    steps = plan(store, webhook_statements.PRUNE)
    assert any("deliveries_finished" in step for step in steps), steps
