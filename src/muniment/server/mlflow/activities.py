"""Requests, what became of them, and comments, as Databricks shows them: one shape for all three.

id, activity_type, user_id, comment, creation_timestamp, last_updated_timestamp   always
from_stage, to_stage                                        requests, and what became of them
system_comment                                              an approval that was not enough
available_actions                                           of the caller, now
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from muniment.domain.comments import Comment
from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.domain.requirements import Requirement, blockers
from muniment.domain.values import to_millis

ACTIONS: Final = {
    RequestAction.APPROVE: "APPROVE_TRANSITION_REQUEST",
    RequestAction.REJECT: "REJECT_TRANSITION_REQUEST",
    RequestAction.CANCEL: "CANCEL_TRANSITION_REQUEST",
}
"""In the order of their numbers, from 1."""

_TYPES: Final = {
    RequestState.OPEN: "APPROVED_REQUEST",  # by one; it takes more
    RequestState.APPROVED: "APPROVED_REQUEST",
    RequestState.REJECTED: "REJECTED_REQUEST",
    RequestState.CANCELLED: "CANCELLED_REQUEST",
    RequestState.EXPIRED: "CANCELLED_REQUEST",
}


def request_document(
    asked: TransitionRequest, actions: Iterable[RequestAction]
) -> dict[str, object]:
    """Return an open request; `actions` are what the caller may do to it."""
    return {
        "id": str(asked.id),
        "activity_type": "REQUESTED_TRANSITION",
        **_said(asked.requested_by, asked.created_at, asked.comment),
        **_way(asked),
        "available_actions": [ACTIONS[action] for action in actions],
    }


def review_document(
    asked: TransitionRequest, requirements: Sequence[Requirement]
) -> dict[str, object]:
    """Return the last thing that was done to a request; `requirements` are of one still open."""
    by, at, comment = asked.closed_by, asked.closed_at, asked.closing_comment
    if at is None:
        approval = asked.approvals[-1]
        by, at, comment = approval.by, approval.at, approval.comment
    document: dict[str, object] = {
        "id": f"{asked.id}-{asked.revision}",
        "activity_type": _TYPES[asked.state],
        **_said(by, at, comment),
        **_way(asked),
    }
    if missing := blockers(requirements):
        document["system_comment"] = f"Not applied yet: {'; '.join(map(str, missing))}."
    return document


def comment_document(comment: Comment, *, may_change: bool) -> dict[str, object]:
    """Return a comment; `may_change`: whether the caller may edit and delete it."""
    document: dict[str, object] = {
        "id": str(comment.id),
        "activity_type": "NEW_COMMENT",
        **_said(comment.author, comment.created_at, comment.text),
        "available_actions": ["EDIT_COMMENT", "DELETE_COMMENT"] if may_change else [],
    }
    if comment.edited_at is not None:
        document["last_updated_timestamp"] = to_millis(comment.edited_at)
    return document


def _said(by: str, at: datetime, comment: str) -> dict[str, object]:
    return {
        "user_id": by,
        "comment": comment,
        "creation_timestamp": to_millis(at),
        "last_updated_timestamp": to_millis(at),
    }


def _way(asked: TransitionRequest) -> dict[str, object]:
    return {"from_stage": asked.from_stage, "to_stage": asked.to_stage}
