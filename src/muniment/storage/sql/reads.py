"""The statements that the store always runs outside of transactions, each prepared once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    union,
)

from muniment.domain.entities import ReferenceKind, Status
from muniment.storage.sql import rows
from muniment.storage.sql.engine import Prepared, insert_new
from muniment.storage.sql.tables import (
    blobs,
    models,
    refs,
    uploads,
    versions,
    workspaces,
)

_b, _m, _r, _u, _v, _w = (
    blobs.c,
    models.c,
    refs.c,
    uploads.c,
    versions.c,
    workspaces.c,
)
_LIMIT: Any = bindparam("limit")
_live_version = _v.deleted_at.is_(None)
_in_workspace = _m.workspace_id == bindparam("workspace_id")
_named_model = (_in_workspace, _m.name == bindparam("name"), _m.deleted_at.is_(None))
_is_ready = _v.status == literal_column(f"'{Status.READY.value}'")
_is_alias = _r.kind == literal_column(f"'{ReferenceKind.ALIAS.value}'")

# -- workspaces ----------------------------------------------------------------------------------

_workspaces = select(*rows.WORKSPACE_COLUMNS)
WORKSPACE = Prepared(_workspaces.where(_w.name == bindparam("name")))
WORKSPACES = Prepared(_workspaces.order_by(_w.name))
ADD_WORKSPACE = Prepared(
    insert_new(workspaces).values(
        uuid=bindparam("uuid"), name=bindparam("name"), created_at=bindparam("created_at")
    )
)

# -- models --------------------------------------------------------------------------------------

_models = select(*rows.MODEL_COLUMNS)
MODEL = Prepared(_models.where(*_named_model))
MODEL_SIZE = Prepared(select(_m.id, _m.version_count).where(*_named_model))
MODEL_BY_ID = Prepared(_models.where(_m.id == bindparam("id"), _in_workspace))
MODEL_BY_SLUG = Prepared(
    _models.where(_in_workspace, _m.slug == bindparam("slug"), _m.deleted_at.is_(None))
)
ALL_MODELS = Prepared(
    select(_w.name, *rows.MODEL_COLUMNS)
    .join(workspaces, _w.id == _m.workspace_id)
    .where(_m.id > bindparam("after"))
    .order_by(_m.id)
    .limit(_LIMIT)
)
REFERENCES = Prepared(
    select(*rows.REFERENCE_COLUMNS)
    .join(models, _m.id == _r.model_id)
    .where(*_named_model)
    .order_by(_r.kind, _r.name)
)

# -- versions ------------------------------------------------------------------------------------

_versions = select(*rows.VERSION_COLUMNS).join(models, _m.id == _v.model_id).where(_live_version)
_of_model = _versions.where(*_named_model)
VERSION = Prepared(_of_model.where(_v.number == bindparam("number")))
VERSION_BY_LABEL = Prepared(_of_model.where(_v.label == bindparam("label")))
VERSION_BY_ALIAS = Prepared(
    _of_model.join(refs, (_r.model_id == _v.model_id) & (_r.number == _v.number)).where(
        _is_alias, _r.name == bindparam("alias")
    )
)
VERSION_BY_UUID = Prepared(
    _versions.where(_v.uuid == bindparam("uuid"), _in_workspace, _m.deleted_at.is_(None))
)


# Not joined by name: the one model must be known for its index to be in the order of numbers.
_the_model = select(_m.id).where(*_named_model).correlate(None).scalar_subquery()


def _newest(*conditions: ColumnElement[bool]) -> Prepared:
    newest = _versions.where(_v.model_id == _the_model, _is_ready, *conditions)
    return Prepared(newest.order_by(_v.number.desc()).limit(1))


_in_stage = _v.stage_key == bindparam("stage_key")
_with_digest = _v.digest == bindparam("digest")
NEWEST = {
    # (a stage is given, a digest is given)
    (False, False): _newest(),
    (False, True): _newest(_with_digest),
    (True, False): _newest(_in_stage),
    (True, True): _newest(_in_stage, _with_digest),
}
DIGESTS = Prepared(
    select(_v.digest)
    .distinct()
    .where(_v.digest > bindparam("after"))
    .order_by(_v.digest)
    .limit(_LIMIT)
)


def _purgeable() -> Prepared:
    columns = (_m.workspace_id, _v.model_id, _v.number)
    joined = select(*columns).join(models, _m.id == _v.model_id)
    both = union(
        joined.where(_v.deleted_at < bindparam("before")),
        joined.where(_m.deleted_at < bindparam("before")),
    ).subquery()
    return Prepared(
        select(_w.name, both.c.model_id, both.c.number)
        .join(workspaces, _w.id == both.c.workspace_id)
        .order_by(both.c.model_id, both.c.number)
        .limit(_LIMIT)
    )


PURGEABLE = _purgeable()

# -- uploads -------------------------------------------------------------------------------------

_uploads = select(*rows.UPLOAD_COLUMNS).join(workspaces, _w.id == _u.workspace_id)
_of_workspace = _w.name == bindparam("workspace")
UPLOAD = Prepared(_uploads.where(_of_workspace, _u.id == bindparam("id")))
OPEN_UPLOADS = Prepared(
    _uploads.where(
        _of_workspace,
        _u.created_by == bindparam("created_by"),
        _u.digest == bindparam("digest"),
    ).order_by(_u.created_at.desc(), _u.id)
)
STALE_UPLOADS = Prepared(
    _uploads.where(_u.created_at < bindparam("before")).order_by(_u.created_at, _u.id).limit(_LIMIT)
)
ADD_UPLOAD = Prepared(insert(uploads).values({c: bindparam(c.name) for c in _u}))
DROP_UPLOAD = Prepared(delete(uploads).where(_u.id == bindparam("id")))

# -- totals --------------------------------------------------------------------------------------


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)  # else it would be a decimal


COUNT_MODELS = Prepared(select(func.count()).select_from(models).where(_m.deleted_at.is_(None)))
COUNT_VERSIONS = Prepared(
    select(func.count(), _sum(_v.size)).where(
        _live_version, _v.model_id.not_in(select(_m.id).where(_m.deleted_at.is_not(None)))
    )
)
COUNT_BLOBS = Prepared(select(func.count(), _sum(_b.size)))
