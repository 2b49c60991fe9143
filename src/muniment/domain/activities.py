"""A model's history: one entry per change, each holding the hash of the entry before it.

    entry 1              entry 2              entry 3
    previous = ""    ┌── previous = h1    ┌── previous = h2
    hash = h1 ───────┘   hash = h2 ───────┘   hash = h3   <- activity_head of the model

    hash = SHA-256 of the canonical JSON of everything in the entry but the hash

An entry that was changed, removed or moved breaks the chain at its place; a chain that was cut at
its end no longer fits `activity_count` and `activity_head` of the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Final, cast

from muniment.domain.replacing import replace
from muniment.domain.values import (
    Json,
    JsonObject,
    as_object,
    canonical_json,
    sha256_hex,
    time_from_json,
    time_to_json,
)
from muniment.errors import Corrupt


class ActivityKind(StrEnum):
    """What happened."""

    MODEL_CREATED = "model.created"
    MODEL_UPDATED = "model.updated"
    MODEL_RENAMED = "model.renamed"
    MODEL_DELETED = "model.deleted"
    MODEL_RESTORED = "model.restored"
    VERSION_CREATED = "version.created"
    VERSION_SEALED = "version.sealed"
    VERSION_FAILED = "version.failed"
    VERSION_UPDATED = "version.updated"
    VERSION_DELETED = "version.deleted"
    VERSION_RESTORED = "version.restored"
    VERSION_PURGED = "version.purged"
    ALIAS_SET = "alias.set"
    ALIAS_DELETED = "alias.deleted"
    STAGE_CHANGED = "stage.changed"
    REQUEST_CREATED = "request.created"
    REQUEST_APPROVED = "request.approved"  # by one approver; `details` say whether that was enough
    REQUEST_REJECTED = "request.rejected"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_EXPIRED = "request.expired"
    COMMENT_ADDED = "comment.added"
    COMMENT_EDITED = "comment.edited"
    COMMENT_DELETED = "comment.deleted"
    CHECK_REPORTED = "check.reported"
    SIGNATURE_ADDED = "signature.added"
    SIGNATURE_REMOVED = "signature.removed"
    LINEAGE_ADDED = "lineage.added"
    LINEAGE_REMOVED = "lineage.removed"
    DEPLOYMENT_DECLARED = "deployment.declared"
    DEPLOYMENT_CHANGED = "deployment.changed"
    DEPLOYMENT_RETIRED = "deployment.retired"
    # In the audit log
    SIGNED_IN = "sign_in"
    SIGNED_OUT = "sign_out"
    SIGN_IN_FAILED = "sign_in.failed"
    REFUSED = "refused"
    ARTIFACT_READ = "artifact.read"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password.reset"  # noqa: S105
    TOKEN_CREATED = "token.created"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    GRANT_ADDED = "grant.added"
    GRANT_DROPPED = "grant.dropped"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_DELETED = "webhook.deleted"
    STAGE_DEFINED = "stage.defined"  # with its policies
    STAGE_DROPPED = "stage.dropped"
    CHECKS_CONFIGURED = "checks.configured"
    KEY_TRUSTED = "key.trusted"
    KEY_DROPPED = "key.dropped"
    GARBAGE_COLLECTED = "garbage.collected"
    AUDIT_PRUNED = "audit.pruned"


OF_MODELS: Final = tuple(takewhile(lambda kind: kind is not ActivityKind.SIGNED_IN, ActivityKind))
"""The kinds that stand in the histories of models; the others stand in the audit log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a service records: an activity before it has its place in the chain."""

    kind: ActivityKind
    actor: str
    at: datetime
    version: int | None = None
    comment: str = ""
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of a model's history, in its place: `sequence` counts from 1."""

    model_uuid: str
    sequence: int
    kind: str
    actor: str
    at: datetime
    version: int | None
    comment: str
    details: JsonObject
    previous: str
    hash: str

    def to_json(self) -> JsonObject:
        """Return the API's form: what is hashed, and the hash."""
        return {**_hashed(self), "hash": self.hash}

    @classmethod
    def from_json(cls, value: Json) -> Activity:
        """Read what `to_json` wrote."""
        v = as_object(value, "an activity")
        return cls(
            model_uuid=cast(str, v["model_uuid"]),
            sequence=cast(int, v["sequence"]),
            kind=cast(str, v["kind"]),
            actor=cast(str, v["actor"]),
            at=time_from_json(cast(str, v["at"])),
            version=cast(int | None, v["version"]),
            comment=cast(str, v["comment"]),
            details=cast(JsonObject, v["details"]),
            previous=cast(str, v["previous"]),
            hash=cast(str, v["hash"]),
        )


@dataclass(frozen=True, slots=True)
class Happened:
    """An activity, and the model in whose history it stands (by the name that it has now)."""

    model: str
    model_id: int
    activity: Activity

    def to_json(self) -> JsonObject:
        """Return the API's form: the activity's, and the model's name."""
        return {"model": self.model, **self.activity.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Happened:
        """Read what `to_json` wrote; the id is not in it."""
        v = as_object(value, "an activity of a model")
        return cls(cast(str, v["model"]), 0, Activity.from_json(value))


def _hashed(activity: Activity) -> JsonObject:
    return {
        "model_uuid": activity.model_uuid,
        "sequence": activity.sequence,
        "kind": activity.kind,
        "actor": activity.actor,
        "at": time_to_json(activity.at),
        "version": activity.version,
        "comment": activity.comment,
        "details": activity.details,
        "previous": activity.previous,
    }


def chain(entry: Entry, *, model_uuid: str, sequence: int, previous: str) -> Activity:
    """Return `entry` as the activity number `sequence`, after the one with the hash `previous`."""
    draft = Activity(
        model_uuid=model_uuid,
        sequence=sequence,
        kind=entry.kind.value,
        actor=entry.actor,
        at=entry.at,
        version=entry.version,
        comment=entry.comment,
        details=entry.details,
        previous=previous,
        hash="",
    )
    return replace(draft, hash=digest_of(draft))


def digest_of(activity: Activity) -> str:
    """Return the hash that `activity` must have."""
    return sha256_hex(canonical_json(_hashed(activity)))


def verify_chain(
    activities: Iterable[Activity], *, count: int, head: str, first: int = 1, base: str = ""
) -> None:
    """Check a model's whole history, in order, against its `activity_count` and `activity_head`.

    Of a chain whose beginning was cut off, `first` is the sequence of the first entry that is left
    and `base` the hash of the one before it.

    Raises:
        Corrupt: naming the first entry that was changed, removed, moved or cut off.
    """
    previous, sequence = base, first - 1
    for activity in activities:
        sequence += 1
        if activity.sequence != sequence:
            raise Corrupt(
                f"History: entry {sequence} is missing; entry {activity.sequence} stands there.",
                details={"sequence": sequence},
            )
        if activity.previous != previous:
            raise Corrupt(
                f"History: entry {sequence} does not follow the entry before it.",
                details={"sequence": sequence},
            )
        if digest_of(activity) != activity.hash:
            raise Corrupt(
                f"History: entry {sequence} ({activity.kind} by {activity.actor}) was changed.",
                details={"sequence": sequence},
            )
        previous = activity.hash
    if (sequence, previous) != (count, head):
        raise Corrupt(
            f"History: {count} entries were recorded, {sequence} are here.",
            details={"sequence": min(sequence, count) + 1},
        )
