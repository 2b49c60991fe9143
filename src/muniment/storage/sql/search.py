"""Searches: a `Query` becomes the cursors of a page, then its rows.

The database can't know how many rows a filter will leave, and keeps no statistics of it, so we
look:

    candidates   what an index can say of a part of the filter is read, up to `FEW` ids; if that
                 is all, the page is taken from those                                (selective)
    walk         else the index of the order is walked, testing the whole filter on each row,
                 until the page is full                                          (not selective)

Which index leads is fixed by hiding all other conditions from the planner. Orders that no index
serves (`framework`, a second key, …) sort what is found.

A first order key that rows may lack (a metric, `label`) makes two segments, first the rows that
have it, then the others; a page may begin in one and end in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, not_, or_, select

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    And,
    Comparison,
    Cursor,
    Expression,
    InSet,
    Not,
    Op,
    Or,
    Query,
    Scope,
    Target,
    attribute,
)
from muniment.storage.sql import reads, rows
from muniment.storage.sql.blobs import pieces
from muniment.storage.sql.candidates import Candidates
from muniment.storage.sql.conditions import Condition, Conditions, hidden
from muniment.storage.sql.engine import Engine, Row, Session
from muniment.storage.sql.order import Segment, keys_of, segments
from muniment.storage.sql.tables import models, versions

_m, _v = models.c, versions.c
# What has an index to walk: among all versions, among those of one model, among all models.
_WALKED_IN_WORKSPACE = frozenset({"id", "created_at", "updated_at"})
_ROWS_AT_ONCE: Final = 1_000  # SQLite takes 32,766 parameters
_WALKED_IN_MODELS = frozenset({"id", "name", "slug", "created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where rows are taken from: conditions for the index that leads, and tests of each row."""

    leads: Sequence[Condition]
    tests: Sequence[Condition]


class Search:
    """Answers the searches of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conditions = Conditions(engine)

    def models(self, query: Query) -> list[tuple[RegisteredModel, Cursor]]:
        """See `MetadataStore.search_models`."""

        def work(session: Session) -> list[tuple[RegisteredModel, Cursor]]:
            cursors = self._page_of_models(session, query)
            found = _rows(session, select(*rows.MODEL_COLUMNS), _m.id, cursors)
            return [(rows.model_from(row, query.workspace), cursor) for row, cursor in found]

        return self._engine.snapshot(work)

    def versions(self, query: Query) -> list[tuple[ModelVersion, Cursor]]:
        """See `MetadataStore.search_versions`."""

        def work(session: Session) -> list[tuple[ModelVersion, Cursor]]:
            cursors = self._page_of_versions(session, query)
            statement = select(*rows.VERSION_COLUMNS).join(models, _m.id == _v.model_id)
            found = _rows(session, statement, _v.id, cursors)
            return [(rows.version_from(row, query.workspace), cursor) for row, cursor in found]

        return self._engine.snapshot(work)

    # -- models ----------------------------------------------------------------------------------

    def _page_of_models(self, session: Session, query: Query) -> list[Cursor]:
        workspace_id = reads.WORKSPACE.scalar(session, name=query.workspace)
        if workspace_id is None:
            return []
        here = (_m.workspace_id == workspace_id, _is_deleted(_m, query.deleted))
        few, fits = None, []
        if query.where is not None:
            fits = [self._fits_model(query.where)]
            few = Candidates(session, self._conditions, query, workspace_id).of(query.where)
        if few is not None and not few:
            return []

        def plan(segment: Segment) -> _Plan:
            if few is not None:
                return _Plan([_m.id.in_(few)], [*here, *fits])
            if query.deleted or not segment.is_walked(_WALKED_IN_MODELS):
                return _Plan([*here, *fits], [])
            return _Plan(here, fits)

        return _page(session, query, _m.id, _select_models, plan)

    def _fits_model(self, where: Expression) -> Condition:
        """Return the condition that the filter holds for a model with one of its versions."""
        if not _speaks_of_versions(where):
            return self._conditions.of(where)
        a_version = and_(_v.model_id == _m.id, _v.deleted_at.is_(None))
        with_one = exists().where(a_version, self._conditions.of(where)).correlate(models)
        without = not_(exists().where(a_version).correlate(models))
        return or_(with_one, and_(without, self._conditions.of(where, versionless=True)))

    # -- versions --------------------------------------------------------------------------------

    def _page_of_versions(self, session: Session, query: Query) -> list[Cursor]:
        workspace_id = reads.WORKSPACE.scalar(session, name=query.workspace)
        if workspace_id is None:
            return []
        name, where = _of_one_model(query)
        model_id: int | None = None
        if name is not None:
            model_id = reads.MODEL_ID.scalar(session, workspace_id=workspace_id, name=name)
            if model_id is None:
                return []
        few, fits = None, []
        if where is not None:
            fits = [self._conditions.of(where)]
            whole = where if name is None else And((_named(name), where))
            few = Candidates(session, self._conditions, query, workspace_id).of(whole)
        if few is not None and not few:
            return []
        here = _v.workspace_id == workspace_id
        alive = _is_deleted(_v, query.deleted)
        of_live_model = _m.deleted_at.is_(None)

        def plan(segment: Segment) -> _Plan:
            metric = segment.leading_metric
            if few is not None:
                of_model = [] if model_id is None else [_v.model_id == model_id]
                return _Plan([_v.id.in_(few)], [here, alive, of_live_model, *of_model, *fits])
            if model_id is not None:
                return _Plan([_v.model_id == model_id, alive], fits)
            if query.deleted:
                return _Plan([here, alive, of_live_model, *fits], [])
            if metric is not None:
                return _Plan(metric.anywhere(workspace_id), [alive, of_live_model, *fits])
            if segment.is_walked({"model"}):
                return _Plan([_m.workspace_id == workspace_id, of_live_model, alive], fits)
            if segment.is_walked(_WALKED_IN_WORKSPACE):
                return _Plan([here, alive], [of_live_model, *fits])
            return _Plan([here, alive, *fits], [of_live_model])

        return _page(session, query, _v.id, _select_versions, plan)


def _is_deleted(columns: Any, deleted: bool) -> Condition:
    column: ColumnElement[int] = columns.deleted_at
    return column.is_not(None) if deleted else column.is_(None)


def _speaks_of_versions(expression: Expression) -> bool:
    match expression:
        case And(parts) | Or(parts):
            return any(map(_speaks_of_versions, parts))
        case Not(part):
            return _speaks_of_versions(part)
        case Comparison() | InSet():
            return expression.field.scope is Scope.VERSION


def _of_one_model(query: Query) -> tuple[str | None, Expression | None]:
    """Return the one model whose versions are searched, by name, and what is left of the filter."""
    if query.model is not None:
        return query.model, query.where
    parts = query.where.parts if isinstance(query.where, And) else (query.where,)
    for n, part in enumerate(parts):
        if isinstance(part, Comparison) and part.op is Op.EQ and part.field in _MODEL_NAMES:
            others = tuple(p for p in (*parts[:n], *parts[n + 1 :]) if p is not None)
            where = And(others) if len(others) > 1 else (others[0] if others else None)
            return str(part.value), where
    return None, query.where


_MODEL_NAMES = (attribute(Target.MODELS, "name"), attribute(Target.VERSIONS, "model"))


def _named(name: str) -> Comparison:
    return Comparison(attribute(Target.MODELS, "name"), Op.EQ, name)


# -- pages ---------------------------------------------------------------------------------------


def _select_models(segment: Segment) -> Select[Any]:
    return select(*(key.column for key in segment.keys), _m.id)


def _select_versions(segment: Segment) -> Select[Any]:
    statement = (
        select(*(key.column for key in segment.keys), _v.id)
        .select_from(versions)
        .join(models, _m.id == _v.model_id)
    )
    for key in segment.keys:
        if key.properties is not None:
            statement = statement.join(key.properties, key.belongs, isouter=key.nullable)
    return statement


def _page(
    session: Session,
    query: Query,
    tie: ColumnElement[int],
    select_keys: Callable[[Segment], Select[Any]],
    plan_of: Callable[[Segment], _Plan],
) -> list[Cursor]:
    """Return the cursors of the rows of a page, in order."""
    page: list[Cursor] = []
    for segment in segments(keys_of(query), query.after):
        if len(page) < query.limit:
            plan = plan_of(segment)
            statement = (
                select_keys(segment)
                .where(*plan.leads, *segment.begins(), hidden(*plan.tests, *segment.tests(tie)))
                .order_by(*segment.ordering(tie))
                .limit(query.limit - len(page))
            )
            page += [segment.cursor(row) for row in session.core.execute(statement)]
    return page


def _rows(
    session: Session, statement: Select[Any], id_column: ColumnElement[int], cursors: list[Cursor]
) -> list[tuple[Row, Cursor]]:
    """Return the rows that the cursors stand for, each with its own."""
    by_id: dict[Any, Row] = {}
    for piece in pieces((cursor[-1] for cursor in cursors), _ROWS_AT_ONCE):
        found = session.core.execute(statement.where(id_column.in_(piece)))
        by_id |= {row[0]: row for row in found}
    return [(by_id[cursor[-1]], cursor) for cursor in cursors]
