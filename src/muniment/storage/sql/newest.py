"""The highest version in each stage, of one model or of a page of them.

The index (model, stage, number) is leapt along, from one stage of a model to its next, so that the
cost is that of the stages, whatever the number of versions:

    (a, archived) ──> (a, production) ──> (a, none) ──> end        each: highest, and lowest number
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from muniment.domain.entities import ModelVersion
from muniment.storage.sql import rows
from muniment.storage.sql.engine import Session
from muniment.storage.sql.in_lists import PreparedIn
from muniment.storage.sql.tables import models, versions, workspaces

_m, _v, _w = models.c, versions.c, workspaces.c
_live = _v.deleted_at.is_(None)


def newest_in_stages(
    session: Session, workspace: str, model_ids: Iterable[int]
) -> list[ModelVersion]:
    """See `MetadataStore.newest_in_stages`."""
    found = map(tuple, _IN_STAGES.all(session, model_ids, workspace=workspace))
    newest = [version_id for _, _, version_id in sorted(found)]
    by_id = {row[0]: row for row in _VERSIONS.all(session, newest)}
    return [rows.version_from(by_id[version_id], workspace) for version_id in newest]


def _in_stages(ids: list[ColumnElement[Any]]) -> Select[Any]:
    """Return the query for model, lowest number and highest id of each stage."""
    first = select(func.min(_v.stage_key)).where(_v.model_id == _m.id, _live).correlate(models)
    stages = (
        select(_m.id.label("model_id"), first.scalar_subquery().label("stage_key"))
        .join(workspaces, _w.id == _m.workspace_id)
        .where(_m.id.in_(ids), _w.name == bindparam("workspace"), _m.deleted_at.is_(None))
        .cte("stages_of", recursive=True)
    )
    here = stages.c
    following = (
        select(func.min(_v.stage_key))
        .where(_v.model_id == here.model_id, _v.stage_key > here.stage_key, _live)
        .correlate(stages)
    )
    stages = stages.union_all(
        select(here.model_id, following.scalar_subquery()).where(here.stage_key.is_not(None))
    )
    return select(
        stages.c.model_id,
        _edge(stages, _v.number, _v.number.asc()),
        _edge(stages, _v.id, _v.number.desc()),
    ).where(stages.c.stage_key.is_not(None))


def _edge(stages: Any, column: ColumnElement[Any], order: ColumnElement[Any]) -> Any:
    return (
        select(column)
        .where(_v.model_id == stages.c.model_id, _v.stage_key == stages.c.stage_key, _live)
        .order_by(order)
        .limit(literal_column("1"))
        .correlate(stages)
        .scalar_subquery()
    )


def _of_ids(ids: list[ColumnElement[Any]]) -> Select[Any]:
    return select(*rows.VERSION_COLUMNS).join(models, _m.id == _v.model_id).where(_v.id.in_(ids))


_IN_STAGES = PreparedIn(_in_stages)
_VERSIONS = PreparedIn(_of_ids)
