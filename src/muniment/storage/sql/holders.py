"""Who may name a blob: those who claimed it, and the models that hold it.

digest ──> blobs ──> manifest_blobs ──> manifests ──digest──> versions ──> models
   └───────────────────────────────────────────────digest──────┘
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union,
)

from muniment.storage.sql.account_tables import claims
from muniment.storage.sql.engine import Prepared, insert_new
from muniment.storage.sql.in_lists import PreparedIn
from muniment.storage.sql.tables import (
    blobs,
    manifest_blobs,
    manifests,
    models,
    versions,
    workspaces,
)

_b, _c, _ma, _mb = blobs.c, claims.c, manifests.c, manifest_blobs.c
_m, _v, _w = models.c, versions.c, workspaces.c

# -- claims --------------------------------------------------------------------------------------

_by_actor = (_c.workspace == bindparam("workspace"), _c.actor == bindparam("actor"))
CLAIM = Prepared(
    select(literal_column("1"))
    .select_from(claims)
    .where(_c.digest == bindparam("digest"), *_by_actor)
)
ADD_CLAIM = Prepared(insert_new(claims).values({c: bindparam(c.name) for c in _c}))


def _claimed(digests: list[ColumnElement[str]]) -> Select[tuple[str]]:
    return select(_c.digest).where(_c.digest.in_(digests), *_by_actor)


CLAIMED = PreparedIn(_claimed)

# -- models --------------------------------------------------------------------------------------


def _holding(digests: list[ColumnElement[str]]) -> CompoundSelect[Any]:
    """Return the query for (digest, model id), each pair once."""
    workspace_id = select(_w.id).where(_w.name == bindparam("workspace")).scalar_subquery()
    live = (
        _v.deleted_at.is_(None),
        _m.deleted_at.is_(None),
        # No index on the workspace may serve: it would lead through all models of the workspace.
        func.coalesce(_m.workspace_id, 0) == workspace_id,
    )
    listed = (
        select(_b.digest, _v.model_id)
        .join(manifest_blobs, _mb.blob_id == _b.id)
        .join(manifests, _ma.id == _mb.manifest_id)
        .join(versions, _v.digest == _ma.digest)
        .join(models, _m.id == _v.model_id)
        .where(_b.digest.in_(digests), *live)
    )
    itself = (
        select(_v.digest, _v.model_id)
        .join(models, _m.id == _v.model_id)
        .where(_v.digest.in_(digests), *live)
    )
    return union(listed, itself)


HOLDING = PreparedIn(_holding)
