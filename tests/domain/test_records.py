"""Records: what all entities have in common that are filed with a model."""

from __future__ import annotations

import pytest

from muniment.domain.records import MAX_KEY_BYTES, Record, RecordQuery
from tests.domain import test_comments, test_deployments, test_lineage, test_requests

RECORDS = [
    test_requests.FULL.to_record(),
    test_comments.PLAIN.to_record(),
    test_lineage.EDGE.to_record(),
    test_deployments.OF_ALIAS.to_record(),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_a_body_does_not_repeat_what_may_change_under_it(record: Record) -> None:
    assert record.id > 0
    assert record.model_id == 2
    assert not record.body.keys() & {"id", "model", "model_id", "target", "created_at"}
    assert record.keys
    assert all(len(key.encode()) <= MAX_KEY_BYTES for key in record.keys)


def test_kinds_are_told_apart() -> None:
    assert len({record.kind for record in RECORDS}) == len(RECORDS)


def test_a_query_asks_for_everything_of_its_kind_unless_told() -> None:
    query = RecordQuery("default", RECORDS[0].kind)
    assert (query.model_id, query.version, query.state, query.key) == (None, None, None, None)
