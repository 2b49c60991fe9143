"""Transition requests: their time, their end, and how they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muniment.domain.records import RecordKind
from muniment.domain.requests import Approval, RequestState, TransitionRequest
from tests.domain.making import NOON, later

OPEN = TransitionRequest("fraud", 3, "Production", "Staging", "ada", NOON, id=7, model_id=2)
FULL = replace(
    OPEN,
    comment="please",
    archive_existing=True,
    expires_at=later(60),
    approvals=(Approval("grace", later(1), "fine"), Approval("joan", later(2))),
).closed(RequestState.APPROVED, "joan", later(2), "at last")


@pytest.mark.parametrize(
    ("expires_at", "state", "overdue"),
    [
        (None, RequestState.OPEN, False),
        (later(1), RequestState.OPEN, False),
        (NOON, RequestState.OPEN, True),
        (later(-1), RequestState.OPEN, True),
        (later(-1), RequestState.EXPIRED, False),
        (later(-1), RequestState.APPROVED, False),
    ],
)
def test_only_an_open_request_can_be_overdue(
    expires_at: object, state: RequestState, overdue: bool
) -> None:
    request = replace(OPEN, expires_at=expires_at, state=state)  # type: ignore[arg-type]
    assert request.overdue(NOON) is overdue


def test_closing_says_who_when_and_why() -> None:
    closed = OPEN.closed(RequestState.REJECTED, "grace", later(1), "too slow")
    assert closed.state is RequestState.REJECTED
    assert (closed.closed_by, closed.closed_at, closed.closing_comment) == (
        "grace",
        later(1),
        "too slow",
    )
    assert closed.revision == OPEN.revision + 1


@pytest.mark.parametrize("request_", [OPEN, FULL])
def test_a_request_survives_json_and_the_store(request_: TransitionRequest) -> None:
    assert replace(TransitionRequest.from_json(request_.to_json()), model_id=2) == request_
    record = request_.to_record()
    assert TransitionRequest.from_record(record, "fraud") == request_
    assert TransitionRequest.from_record(record, "renamed") == replace(request_, model="renamed")


def test_a_request_is_found_by_version_state_and_requester() -> None:
    record = FULL.to_record()
    assert (record.kind, record.version, record.state) == (RecordKind.REQUEST, 3, "approved")
    assert record.keys == ("by:ada",)
    assert (record.id, record.model_id, record.created_at) == (7, 2, NOON)
    assert not record.body.keys() & {"id", "model", "version", "state", "created_at"}
