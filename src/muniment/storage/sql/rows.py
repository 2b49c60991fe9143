"""Row <-> entity. Rows are tuples in the order of the column lists below; one row, one entity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

import orjson

from muniment.domain.activities import Activity
from muniment.domain.checks import CheckState
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Signature,
    Status,
    Upload,
    Workspace,
)
from muniment.domain.replacing import maker
from muniment.domain.stages import stage_key
from muniment.domain.values import canonical_json, from_millis, to_millis
from muniment.storage.sql import properties
from muniment.storage.sql.engine import Cell, Row
from muniment.storage.sql.tables import activities, models, refs, uploads, versions, workspaces

Cells: TypeAlias = dict[str, Cell]

_m, _v, _r = models.c, versions.c, refs.c
MODEL_COLUMNS = (
    _m.id,
    _m.uuid,
    _m.name,
    _m.slug,
    _m.created_at,
    _m.updated_at,
    _m.created_by,
    _m.description,
    _m.tags,
    _m.aliases,
    _m.last_number,
    _m.latest,
    _m.version_count,
    _m.activity_count,
    _m.activity_head,
    _m.deleted_at,
    _m.revision,
)
VERSION_COLUMNS = (
    _v.id,
    _v.uuid,
    _m.name,
    _v.number,
    _v.created_at,
    _v.updated_at,
    _v.created_by,
    _v.status,
    _v.status_message,
    _v.label,
    _v.stage,
    _v.description,
    _v.tags,
    _v.params,
    _v.metrics,
    _v.framework,
    _v.signature,
    _v.source_uri,
    _v.run_id,
    _v.run_link,
    _v.digest,
    _v.size,
    _v.file_count,
    _v.snapshot,
    _v.parent,
    _v.aliases,
    _v.deleted_at,
    _v.revision,
    _v.location,
    _v.stage_since,
    _v.checks,
)
REFERENCE_COLUMNS = (
    _r.kind,
    _r.name,
    _r.number,
    _r.protected,
    _r.updated_at,
    _r.updated_by,
    _r.revision,
)
ACTIVITY_COLUMNS = tuple(c for c in activities.c if c.name not in ("model_id", "workspace_id"))
UPLOAD_COLUMNS = (
    uploads.c.id,
    workspaces.c.name,
    uploads.c.created_by,
    uploads.c.created_at,
    uploads.c.digest,
    uploads.c.size,
)
WORKSPACE_COLUMNS = (
    workspaces.c.id,
    workspaces.c.uuid,
    workspaces.c.name,
    workspaces.c.created_at,
)
NO_STAGE_KEY = "none"
_MODEL_NAMES = tuple(column.name for column in MODEL_COLUMNS)
_VERSION_NAMES = tuple(column.name for column in VERSION_COLUMNS)
_model, _version, _activity = maker(RegisteredModel), maker(ModelVersion), maker(Activity)
_STATUS = {status.value: status for status in Status}
_CHECKS = {state.value: state for state in CheckState}


def workspace_from(row: Row) -> Workspace:
    """Read a row of `WORKSPACE_COLUMNS`."""
    return Workspace(id=row[0], uuid=row[1], name=row[2], created_at=from_millis(row[3]))


def model_from(row: Row, workspace: str) -> RegisteredModel:
    """Read a row of `MODEL_COLUMNS`."""
    return _model(
        row[0],
        row[1],
        workspace,
        row[2],
        row[3],
        created_at=from_millis(row[4]),
        updated_at=from_millis(row[5]),
        created_by=row[6],
        description=row[7],
        tags=properties.from_json(row[8]),
        aliases={} if row[9] == "{}" else orjson.loads(row[9]),
        last_number=row[10],
        latest=row[11],
        version_count=row[12],
        activity_count=row[13],
        activity_head=row[14],
        deleted_at=None if row[15] is None else from_millis(row[15]),
        revision=row[16],
    )


def cells_of_model(row: Row) -> Cells:
    """Return a row of `MODEL_COLUMNS` by column."""
    return dict(zip(_MODEL_NAMES, row, strict=True))


def model_cells(model: RegisteredModel) -> Cells:
    """Return the columns of `models` that a save writes."""
    return {
        "name": model.name,
        "slug": model.slug,
        "created_at": to_millis(model.created_at),
        "updated_at": to_millis(model.updated_at),
        "created_by": model.created_by,
        "description": model.description,
        "tags": properties.to_json(model.tags),
        "last_number": model.last_number,
        "latest": model.latest,
        "version_count": model.version_count,
        "deleted_at": None if model.deleted_at is None else to_millis(model.deleted_at),
        "revision": model.revision,
    }


def version_from(row: Row, workspace: str) -> ModelVersion:
    """Read a row of `VERSION_COLUMNS`."""
    return _version(
        row[0],
        row[1],
        workspace,
        row[2],
        row[3],
        created_at=from_millis(row[4]),
        updated_at=from_millis(row[5]),
        created_by=row[6],
        status=_STATUS[row[7]],
        status_message=row[8],
        label=row[9],
        stage=row[10],
        description=row[11],
        tags=properties.from_json(row[12]),
        params=properties.from_json(row[13]),
        metrics={} if row[14] == "{}" else orjson.loads(row[14]),
        framework=row[15],
        signature=None if row[16] is None else Signature.from_json(orjson.loads(row[16])),
        source_uri=row[17],
        run_id=row[18],
        run_link=row[19],
        digest=row[20],
        size=row[21],
        file_count=row[22],
        snapshot=row[23],
        parent=row[24],
        aliases=() if row[25] == "[]" else tuple(orjson.loads(row[25])),
        deleted_at=None if row[26] is None else from_millis(row[26]),
        revision=row[27],
        location=row[28],
        stage_since=None if row[29] is None else from_millis(row[29]),
        checks=_CHECKS[row[30]],
    )


def cells_of_version(row: Row) -> Cells:
    """Return a row of `VERSION_COLUMNS` by column, and what goes with it."""
    cells: Cells = dict(zip(_VERSION_NAMES, row, strict=True))
    cells["stage_key"] = stage_key(row[10])
    return cells


def version_cells(version: ModelVersion) -> Cells:
    """Return the columns of `versions` that a save writes."""
    signature = version.signature
    return {
        "number": version.version,
        "created_at": to_millis(version.created_at),
        "updated_at": to_millis(version.updated_at),
        "created_by": version.created_by,
        "status": version.status.value,
        "status_message": version.status_message,
        "label": version.label,
        "stage": version.stage,
        "stage_key": stage_key(version.stage),
        "stage_since": None if version.stage_since is None else to_millis(version.stage_since),
        "description": version.description,
        "tags": properties.to_json(version.tags),
        "params": properties.to_json(version.params),
        "metrics": properties.to_json({k: float(n) for k, n in version.metrics.items()}),
        "framework": version.framework,
        "signature": None if signature is None else orjson.dumps(signature.to_json()).decode(),
        "source_uri": version.source_uri,
        "location": version.location,
        "run_id": version.run_id,
        "run_link": version.run_link,
        "digest": version.digest,
        "size": version.size,
        "file_count": version.file_count,
        "snapshot": version.snapshot,
        "parent": version.parent,
        "checks": version.checks.value,
        "deleted_at": None if version.deleted_at is None else to_millis(version.deleted_at),
        "revision": version.revision,
    }


def reference_from(row: Row) -> Reference:
    """Read a row of `REFERENCE_COLUMNS`."""
    return Reference(
        kind=ReferenceKind(row[0]),
        name=row[1],
        version=row[2],
        protected=bool(row[3]),
        updated_at=from_millis(row[4]),
        updated_by=row[5],
        revision=row[6],
    )


def reference_cells(reference: Reference) -> Cells:
    """Return the columns of `refs` but for the model."""
    return {
        "kind": reference.kind.value,
        "name": reference.name,
        "number": reference.version,
        "protected": int(reference.protected),
        "updated_at": to_millis(reference.updated_at),
        "updated_by": reference.updated_by,
        "revision": reference.revision,
    }


def activity_from(row: Row, model_uuid: str) -> Activity:
    """Read a row of `ACTIVITY_COLUMNS`."""
    return _activity(
        model_uuid=model_uuid,
        sequence=row[0],
        kind=row[1],
        actor=row[2],
        at=from_millis(row[3]),
        version=row[4],
        comment=row[5],
        details=json.loads(row[6]),  # not orjson: details may hold integers of any size
        previous=row[7],
        hash=row[8],
    )


def activity_cells(activity: Activity) -> Cells:
    """Return the columns of `activities` but for the workspace and the model."""
    return {
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


def upload_from(row: Row) -> Upload:
    """Read a row of `UPLOAD_COLUMNS`; the offset is with the bytes."""
    return Upload(
        id=row[0],
        workspace=row[1],
        created_by=row[2],
        created_at=from_millis(row[3]),
        digest=row[4],
        size=row[5],
    )


def changes(old: Mapping[str, Cell], new: Mapping[str, Cell]) -> Cells:
    """Return the cells of `new` that differ from `old`."""
    return {name: cell for name, cell in new.items() if old[name] != cell}
