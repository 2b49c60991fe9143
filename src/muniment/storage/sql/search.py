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

Statements are made once per shape of a search (`shapes`), and versions that were found before are
not made again (`recent`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, not_, or_, select

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    And,
    Comparison,
    Cursor,
    Expression,
    InSet,
    Namespace,
    Not,
    Op,
    Or,
    Query,
    Scope,
    Target,
    attribute,
)
from muniment.storage.sql import candidates, reads, rows
from muniment.storage.sql.candidates import Candidates
from muniment.storage.sql.conditions import Condition, Conditions, hidden
from muniment.storage.sql.engine import Cell, Engine, Row, Session
from muniment.storage.sql.in_lists import PreparedIn, listed, places
from muniment.storage.sql.leading import leading
from muniment.storage.sql.order import Segment, keys_of, segments
from muniment.storage.sql.recent import STATE, Recent
from muniment.storage.sql.shapes import Searched, Shapes
from muniment.storage.sql.tables import models, version_properties, versions

_m, _v = models.c, versions.c
# What has an index to walk: among all versions, among those of one model, among all models.
_WALKED_IN_WORKSPACE = frozenset({"id", "created_at", "updated_at"})
_WALKED_IN_MODELS = frozenset({"id", "name", "slug", "created_at", "updated_at"})
_ANY: Final = sys.maxsize  # how many versions there may be in a workspace
_Found: TypeAlias = tuple[Cursor, Row]
"""A row of a page: its cursor; its id, and of a version all of its `STATE`."""

_DELETED = select(_v.id).where(_v.deleted_at.is_not(None)).correlate(None)
_MODELS = PreparedIn(lambda ids: select(*rows.MODEL_COLUMNS).where(_m.id.in_(ids)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where rows are taken from: conditions for the index that leads, and tests of each row."""

    leads: Sequence[Condition]
    tests: Sequence[Condition]
    ids: ColumnElement[int] | None = None
    """The ids as the index has them that leads, for an order by id."""
    ties: bool = True
    """Whether rows may be alike in the first key; SQLite must not think so where they are not."""


class Search:
    """Answers the searches of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conditions = Conditions(engine)
        self._shapes = Shapes()
        self._recent = Recent()
        self._workspaces: dict[str, int] = {}  # they are never removed

    def models(self, query: Query) -> list[tuple[RegisteredModel, Cursor]]:
        """See `MetadataStore.search_models`."""
        searched = self._shapes.of(query)

        def work(session: Session) -> list[tuple[RegisteredModel, Cursor]]:
            page = self._page_of_models(session, searched)
            found = {row[0]: row for row in _MODELS.all(session, (state[0] for _, state in page))}
            return [
                (rows.model_from(found[state[0]], query.workspace), cursor)
                for cursor, state in page
            ]

        return self._engine.snapshot(work)

    def versions(self, query: Query) -> list[tuple[ModelVersion, Cursor]]:
        """See `MetadataStore.search_versions`."""
        searched = self._shapes.of(query)

        def work(session: Session) -> list[tuple[ModelVersion, Cursor]]:
            page = self._page_of_versions(session, searched)
            states = [state for _, state in page]
            found = self._recent.versions(session, query.workspace, states)
            return [(version, cursor) for version, (cursor, _) in zip(found, page, strict=True)]

        return self._engine.snapshot(work)

    def _workspace_id(self, session: Session, name: str) -> int | None:
        found = self._workspaces.get(name)
        if found is None:
            found = reads.WORKSPACE.scalar(session, name=name)
            if found is not None:
                self._workspaces[name] = found
        return found

    # -- models ----------------------------------------------------------------------------------

    def _page_of_models(self, session: Session, searched: Searched) -> list[_Found]:
        query = searched.query
        workspace_id = self._workspace_id(session, query.workspace)
        if workspace_id is None:
            return []
        few = None
        if query.where is not None:
            few = Candidates(session, self._conditions, searched, workspace_id).of(query.where)
        if few is not None and not few:
            return []
        among = _Among(few)

        def plan(segment: Segment) -> _Plan:
            here = (_m.workspace_id == workspace_id, _is_deleted(_m, query.deleted))
            fits = [] if query.where is None else [self._fits_model(query.where)]
            if few is not None:
                return _Plan([_m.id.in_(among.places)], [*here, *fits])
            if query.deleted or not segment.is_walked(_WALKED_IN_MODELS):
                return _Plan([*here, *fits], [])
            return _Plan(here, fits)

        return _page(session, searched, _m.id, _select_models, plan, among)

    def _fits_model(self, where: Expression) -> Condition:
        """Return the condition that the filter holds for a model with one of its versions."""
        if not _speaks_of_versions(where):
            return self._conditions.of(where)
        a_version = and_(_v.model_id == _m.id, _v.deleted_at.is_(None))
        with_one = exists().where(a_version, self._conditions.of(where)).correlate(models)
        without = not_(exists().where(a_version).correlate(models))
        return or_(with_one, and_(without, self._conditions.of(where, versionless=True)))

    # -- versions --------------------------------------------------------------------------------

    def _page_of_versions(self, session: Session, searched: Searched) -> list[_Found]:
        query = searched.query
        workspace_id = self._workspace_id(session, query.workspace)
        if workspace_id is None:
            return []
        name, where = _of_one_model(query)
        model_id, size = None, _ANY
        if name is not None:
            model = reads.MODEL_SIZE.one(
                session, workspace_id=workspace_id, name=searched.value(name)
            )
            if model is None:
                return []
            model_id, size = model
        few, by_all = None, Segment(keys_of(query), None)
        is_led = not query.deleted and leading(where, by_all, of_model=name is not None) is where
        # Those of a small model are few; and if one index has all that is asked for, that's it.
        if where is not None and size > candidates.FEW and not is_led:
            few = Candidates(session, self._conditions, searched, workspace_id).of(where)
        if few is not None and not few:
            return []
        among = _Among(few, model_id)

        def plan(segment: Segment) -> _Plan:
            here = _v.workspace_id == workspace_id
            alive = _is_deleted(_v, query.deleted)
            of_live_model = _m.deleted_at.is_(None)
            of_model = [] if model_id is None else [_v.model_id == bindparam("model_id")]
            fits = [] if where is None else [self._conditions.of(where)]
            metric = segment.leading_metric
            part = None if query.deleted else leading(where, segment, of_model=name is not None)
            if few is not None:
                tests = [here, alive, of_live_model, *of_model, *fits]
                return _Plan([_v.id.in_(among.places)], tests)
            if model_id is not None and metric is not None:
                return _Plan(metric.of_model(bindparam("model_id")), [*of_model, alive, *fits])
            if model_id is not None:
                first = [] if part is None else [self._conditions.attribute(part)]
                by_number = segment.is_walked({"version"})
                return _Plan([*of_model, alive, *first], fits, ties=not by_number)
            if query.deleted:
                return _Plan([_v.id.in_(_DELETED)], [here, of_live_model, *fits])
            if part is not None and part.field.namespace is not Namespace.ATTRIBUTE:
                has_it = self._conditions.has_value(part)
                p = version_properties.c
                return _Plan(
                    [p.workspace_id == workspace_id, p.owner_id == _v.id, *has_it],
                    [here, alive, of_live_model, *fits],
                    ids=p.owner_id,
                )
            if part is not None:
                first = [self._conditions.attribute(part)]
                return _Plan([here, alive, *first], [of_live_model, *fits])
            if metric is not None:
                return _Plan(metric.anywhere(workspace_id), [alive, of_live_model, *fits])
            if segment.is_walked({"model"}):
                return _Plan([_m.workspace_id == workspace_id, of_live_model, alive], fits)
            if segment.is_walked(_WALKED_IN_WORKSPACE):
                return _Plan([here, alive], [of_live_model, *fits])
            return _Plan([here, alive, *fits], [of_live_model])

        return _page(session, searched, _v.id, _select_versions, plan, among)


class _Among:
    """What is known before a page is looked for: ids of candidates, if they are few; the model."""

    def __init__(self, few: set[int] | None, model_id: int | None = None) -> None:
        self.parameters: dict[str, Cell] = {}
        if few is not None:
            self.parameters |= listed(list(few))
        self.places = places(len(self.parameters))
        self.kind = (len(self.places), model_id is None)
        if model_id is not None:
            self.parameters["model_id"] = model_id


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


# -- pages ---------------------------------------------------------------------------------------


def _select_models(segment: Segment) -> Select[Any]:
    return select(*(key.column for key in segment.keys), _m.id)


def _select_versions(segment: Segment) -> Select[Any]:
    statement = (
        select(*(key.column for key in segment.keys), *STATE)
        .select_from(versions)
        .join(models, _m.id == _v.model_id)
    )
    for key in segment.keys:
        if key.properties is not None:
            statement = statement.join(key.properties, key.belongs, isouter=key.nullable)
    return statement


def _page(
    session: Session,
    searched: Searched,
    tie: ColumnElement[int],
    select_keys: Callable[[Segment], Select[Any]],
    plan_of: Callable[[Segment], _Plan],
    among: _Among,
) -> list[_Found]:
    """Return the rows of a page, in order."""

    def statement(segment: Segment) -> Select[Any]:
        plan = plan_of(segment)
        walked = segment if plan.ids is None else segment.by(plan.ids)
        last = tie if plan.ids is None else plan.ids
        return (
            select_keys(walked)
            .where(*plan.leads, *walked.begins(), hidden(*plan.tests, *walked.tests(last)))
            .order_by(*walked.ordering(last if plan.ties else None))
            .limit(bindparam("limit"))
        )

    query = searched.query
    page: list[_Found] = []
    for segment in segments(keys_of(query), query.after):
        limit = query.limit - len(page)
        if limit > 0:
            role = ("page", segment.having is None, segment.lacking is None, among.kind)
            make = partial(statement, segment)
            found = searched.all(session, role, make, limit=limit, **among.parameters)
            keys = len(segment.keys)
            page += [(segment.cursor(row[: keys + 1]), row[keys:]) for row in found]
    return page
