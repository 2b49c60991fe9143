"""Document <-> entity. One document is one entity; what a search asks for stands in it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import orjson

from muniment.domain.checks import CheckState
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Signature,
    Status,
)
from muniment.domain.query import Namespace
from muniment.domain.stages import stage_key
from muniment.domain.values import EMPTY, Value, from_millis, to_millis
from muniment.storage.mongo.connection import Document
from muniment.storage.mongo.terms import terms

_STATUS = {status.value: status for status in Status}
_CHECKS = {state.value: state for state in CheckState}

# -- models --------------------------------------------------------------------------------------


def model_document(model: RegisteredModel, references: Sequence[Reference]) -> Document:
    """Return the fields of a model, but for `seq`."""
    return {
        "_id": str(model.id),
        "id": model.id,
        "uuid": model.uuid,
        "workspace": model.workspace,
        "name": model.name,
        "slug": model.slug,
        "created_at": to_millis(model.created_at),
        "updated_at": to_millis(model.updated_at),
        "created_by": model.created_by,
        "description": model.description,
        "tags": _json(model.tags),
        "terms": [*terms(Namespace.TAG, model.tags)],
        "refs": [_reference_document(reference) for reference in references],
        "last_number": model.last_number,
        "latest": model.latest,
        "version_count": model.version_count,
        "activity_count": model.activity_count,
        "activity_head": model.activity_head,
        "deleted_at": None if model.deleted_at is None else to_millis(model.deleted_at),
        "live": model.deleted_at is None,
        "revision": model.revision,
    }


def model_from(d: Document) -> RegisteredModel:
    """Read a document of `models`."""
    return RegisteredModel(
        d["id"],
        d["uuid"],
        d["workspace"],
        d["name"],
        d["slug"],
        created_at=from_millis(d["created_at"]),
        updated_at=from_millis(d["updated_at"]),
        created_by=d["created_by"],
        description=d["description"],
        tags=_values(d["tags"]),
        aliases={
            ref["name"]: int(ref["number"])
            for ref in d["refs"]
            if ref["kind"] == ReferenceKind.ALIAS.value
        },
        last_number=int(d["last_number"]),
        latest=None if d["latest"] is None else int(d["latest"]),
        version_count=int(d["version_count"]),
        activity_count=int(d["activity_count"]),
        activity_head=d["activity_head"],
        deleted_at=None if d["deleted_at"] is None else from_millis(d["deleted_at"]),
        revision=int(d["revision"]),
    )


def _reference_document(reference: Reference) -> Document:
    return {
        "kind": reference.kind.value,
        "name": reference.name,
        "number": reference.version,
        "protected": reference.protected,
        "updated_at": to_millis(reference.updated_at),
        "updated_by": reference.updated_by,
        "revision": reference.revision,
    }


def references_of(model: Document) -> list[Reference]:
    """Return a model's references, by kind and name."""
    return [
        Reference(
            kind=ReferenceKind(ref["kind"]),
            name=ref["name"],
            version=int(ref["number"]),
            protected=ref["protected"],
            updated_at=from_millis(ref["updated_at"]),
            updated_by=ref["updated_by"],
            revision=int(ref["revision"]),
        )
        for ref in model["refs"]
    ]


# -- versions ------------------------------------------------------------------------------------


def version_id(model_id: int, number: int) -> str:
    """Return the `_id` of a version."""
    return f"{model_id}/{number}"


def version_document(version: ModelVersion, model_id: int) -> Document:
    """Return the fields of a version, but for `seq`; its model's name and aliases are not in it."""
    signature = version.signature
    return {
        "_id": version_id(model_id, version.version),
        "id": version.id,
        "uuid": version.uuid,
        "workspace": version.workspace,
        "model_id": model_id,
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
        "tags": _json(version.tags),
        "params": _json(version.params),
        "metrics": _json({key: float(number) for key, number in version.metrics.items()}),
        "terms": [
            *terms(Namespace.TAG, version.tags),
            *terms(Namespace.PARAM, version.params),
            *terms(Namespace.METRIC, version.metrics),
        ],
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
        "live": version.deleted_at is None,
        "revision": version.revision,
    }


def version_from(d: Document, model: RegisteredModel) -> ModelVersion:
    """Read a document of `versions`; `model` is the model that it belongs to."""
    number, signature = int(d["number"]), d["signature"]
    return ModelVersion(
        d["id"],
        d["uuid"],
        d["workspace"],
        model.name,
        number,
        created_at=from_millis(d["created_at"]),
        updated_at=from_millis(d["updated_at"]),
        created_by=d["created_by"],
        status=_STATUS[d["status"]],
        status_message=d["status_message"],
        label=d["label"],
        stage=d["stage"],
        stage_since=None if d["stage_since"] is None else from_millis(d["stage_since"]),
        description=d["description"],
        tags=_values(d["tags"]),
        params=_values(d["params"]),
        metrics={} if d["metrics"] == "{}" else orjson.loads(d["metrics"]),
        framework=d["framework"],
        signature=None if signature is None else Signature.from_json(orjson.loads(signature)),
        source_uri=d["source_uri"],
        location=d["location"],
        run_id=d["run_id"],
        run_link=d["run_link"],
        digest=d["digest"],
        size=int(d["size"]),
        file_count=int(d["file_count"]),
        snapshot=d["snapshot"],
        parent=d["parent"],
        aliases=aliases_of(model, number),
        checks=_CHECKS[d.get("checks", "")],  # an older Muniment beside this one leaves it out
        deleted_at=None if d["deleted_at"] is None else from_millis(d["deleted_at"]),
        revision=int(d["revision"]),
    )


def aliases_of(model: RegisteredModel, number: int) -> tuple[str, ...]:
    """Return the aliases of a version, sorted."""
    return tuple(sorted(alias for alias, at in model.aliases.items() if at == number))


def within(version: ModelVersion, model: RegisteredModel) -> ModelVersion:
    """Return the version with what its model says of it."""
    return replace(
        version,
        workspace=model.workspace,
        model=model.name,
        aliases=aliases_of(model, version.version),
    )


# -- tags, params, metrics -----------------------------------------------------------------------


def _json(values: Mapping[str, Value]) -> str:
    return orjson.dumps(dict(values)).decode() if values else "{}"


def _values(text: str) -> Mapping[str, Value]:
    return EMPTY if text == "{}" else cast("dict[str, Value]", orjson.loads(text))


# -- what is gone --------------------------------------------------------------------------------


def stone(document_id: str, model_id: int) -> Document:
    """Return what is left of a version or record that was removed for good."""
    return {"_id": document_id, "model_id": model_id, "gone": True}
