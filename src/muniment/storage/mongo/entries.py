"""Document <-> entity, for what is filed beside models and versions; see `documents` for those."""

from __future__ import annotations

import json

from muniment.domain.activities import Activity
from muniment.domain.entities import RegisteredModel, Upload, Workspace
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import canonical_json, from_millis, to_millis
from muniment.storage.mongo.connection import Document
from muniment.storage.wholes import Remembered


def activity_document(activity: Activity, model: RegisteredModel) -> Document:
    """Return the document of an activity."""
    return {
        "_id": f"{model.id}/{activity.sequence}",
        "model_id": model.id,
        "model_uuid": activity.model_uuid,
        "workspace": model.workspace,
        "sequence": activity.sequence,
        "kind": activity.kind,
        "actor": activity.actor,
        "at": to_millis(activity.at),
        "version": activity.version,
        "comment": activity.comment,
        "details": canonical_json(activity.details).decode(),
        "previous": activity.previous,
        "hash": activity.hash,
    }


def activity_from(d: Document) -> Activity:
    """Read a document of `activities`."""
    return Activity(
        model_uuid=d["model_uuid"],
        sequence=int(d["sequence"]),
        kind=d["kind"],
        actor=d["actor"],
        at=from_millis(d["at"]),
        version=None if d["version"] is None else int(d["version"]),
        comment=d["comment"],
        details=json.loads(d["details"]),  # not orjson: details may hold integers of any size
        previous=d["previous"],
        hash=d["hash"],
    )


def record_document(record: Record, workspace: str) -> Document:
    """Return the fields of a record, but for `seq`."""
    return {
        "_id": str(record.id),
        "id": record.id,
        "workspace": workspace,
        "model_id": record.model_id,
        "kind": record.kind.value,
        "number": record.version,
        "state": record.state,
        "created_at": to_millis(record.created_at),
        "keys": list(record.keys),
        "body": canonical_json(record.body).decode(),
    }


def record_from(d: Document) -> Record:
    """Read a document of `records`."""
    return Record(
        kind=RecordKind(d["kind"]),
        created_at=from_millis(d["created_at"]),
        body=json.loads(d["body"]),  # not orjson: a body may hold integers of any size
        version=None if d["number"] is None else int(d["number"]),
        state=d["state"],
        keys=tuple(d["keys"]),
        id=d["id"],
        model_id=d["model_id"],
    )


def remembered_document(model_id: int, remembered: Remembered) -> Document:
    """Return the document of an idempotency key."""
    return {
        "_id": f"{model_id}/{remembered.key}",
        "model_id": model_id,
        "key": remembered.key,
        "request": remembered.request,
        "number": remembered.number,
        "at": to_millis(remembered.at),
    }


def remembered_from(d: Document) -> Remembered:
    """Read a document of `remembered`."""
    return Remembered(
        d["key"],
        d["request"],
        None if d["number"] is None else int(d["number"]),
        from_millis(d["at"]),
    )


def upload_document(upload: Upload) -> Document:
    """Return the document of an upload session."""
    return {
        "_id": upload.id,
        "workspace": upload.workspace,
        "created_by": upload.created_by,
        "created_at": to_millis(upload.created_at),
        "digest": upload.digest,
        "size": upload.size,
    }


def upload_from(d: Document) -> Upload:
    """Read a document of `uploads`; the offset is with the bytes."""
    return Upload(
        id=d["_id"],
        workspace=d["workspace"],
        created_by=d["created_by"],
        created_at=from_millis(d["created_at"]),
        digest=d["digest"],
        size=None if d["size"] is None else int(d["size"]),
    )


def workspace_from(d: Document) -> Workspace:
    """Read a document of `workspaces`."""
    return Workspace(
        id=d["id"], uuid=d["uuid"], name=d["_id"], created_at=from_millis(d["created_at"])
    )
