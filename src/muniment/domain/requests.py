"""Transition requests: somebody asks, others review, and the stage changes, or not.

               ┌── approve (enough, nothing blocks) ──> APPROVED   the stage is changed with it
create ─> OPEN ┼── reject ────────────────────────────> REJECTED
               ├── cancel (its requester) ────────────> CANCELLED
               └── its time is over ──────────────────> EXPIRED    as is one whose version was
                                                                   deleted or moved there
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import cast

from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json


class RequestState(StrEnum):
    """Where a request stands; see the module."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestAction(StrEnum):
    """What somebody may do to an open request."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes."""

    by: str
    at: datetime
    comment: str = ""

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {"by": self.by, "at": time_to_json(self.at), "comment": self.comment}

    @classmethod
    def from_json(cls, value: Json) -> Approval:
        """Read what `to_json` wrote."""
        v = as_object(value, "an approval")
        return cls(cast(str, v["by"]), time_from_json(cast(str, v["at"])), cast(str, v["comment"]))


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """A request to move a version to a stage. `from_stage` is where it was when it was asked for.

    `automation` says whether a token marked as such has asked; `closed_*` who ended it, when and
    with which comment. `id` is unique in the registry.
    """

    model: str
    version: int
    to_stage: str
    from_stage: str
    requested_by: str
    created_at: datetime
    comment: str = ""
    archive_existing: bool = False
    automation: bool = False
    expires_at: datetime | None = None
    state: RequestState = RequestState.OPEN
    approvals: tuple[Approval, ...] = ()
    closed_by: str = ""
    closed_at: datetime | None = None
    closing_comment: str = ""
    revision: int = 1
    id: int = 0
    model_id: int = 0

    def overdue(self, now: datetime) -> bool:
        """Say whether its time is over, though nobody has noted that yet."""
        return (
            self.state is RequestState.OPEN
            and self.expires_at is not None
            and self.expires_at <= now
        )

    def closed(
        self, state: RequestState, by: str, at: datetime, comment: str = ""
    ) -> TransitionRequest:
        """Return this request, ended."""
        return replace(
            self,
            state=state,
            closed_by=by,
            closed_at=at,
            closing_comment=comment,
            revision=self.revision + 1,
        )

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "to_stage": self.to_stage,
            "from_stage": self.from_stage,
            "state": self.state.value,
            "requested_by": self.requested_by,
            "created_at": time_to_json(self.created_at),
            "comment": self.comment,
            "archive_existing": self.archive_existing,
            "automation": self.automation,
            "expires_at": None if self.expires_at is None else time_to_json(self.expires_at),
            "approvals": [approval.to_json() for approval in self.approvals],
            "closed_by": self.closed_by,
            "closed_at": None if self.closed_at is None else time_to_json(self.closed_at),
            "closing_comment": self.closing_comment,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> TransitionRequest:
        """Read what `to_json` wrote."""
        v = as_object(value, "a transition request")
        return cls(
            id=cast(int, v["id"]),
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            to_stage=cast(str, v["to_stage"]),
            from_stage=cast(str, v["from_stage"]),
            state=RequestState(cast(str, v["state"])),
            requested_by=cast(str, v["requested_by"]),
            created_at=time_from_json(cast(str, v["created_at"])),
            comment=cast(str, v["comment"]),
            archive_existing=cast(bool, v["archive_existing"]),
            automation=cast(bool, v["automation"]),
            expires_at=_time(v["expires_at"]),
            approvals=tuple(Approval.from_json(a) for a in cast("list[Json]", v["approvals"])),
            closed_by=cast(str, v["closed_by"]),
            closed_at=_time(v["closed_at"]),
            closing_comment=cast(str, v["closing_comment"]),
            revision=cast(int, v["revision"]),
        )

    def to_record(self) -> Record:
        """Return what a store keeps. The model's name is not in it: that may change."""
        body = self.to_json()
        for key in ("id", "model", "version", "state", "created_at"):
            del body[key]
        return Record(
            kind=RecordKind.REQUEST,
            created_at=self.created_at,
            body=body,
            version=self.version,
            state=self.state.value,
            keys=(f"by:{self.requested_by}",),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> TransitionRequest:
        """Read a record of the model that is called `model` now."""
        document: JsonObject = {
            **record.body,
            "id": record.id,
            "model": model,
            "version": record.version,
            "state": record.state,
            "created_at": time_to_json(record.created_at),
        }
        return replace(cls.from_json(document), model_id=record.model_id)


def _time(value: Json) -> datetime | None:
    return None if value is None else time_from_json(cast(str, value))
