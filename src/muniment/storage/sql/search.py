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

Statements are made once per shape of a search (`shapes`), versions that were found before are not
made again (`recent`), and while nothing at all changes, the same page is not looked for again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
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
    Field,
    InSet,
    Namespace,
    Not,
    Op,
    Or,
    Query,
    Scope,
    Target,
    attribute,
    conjunction,
)
from muniment.storage.sql import candidates, reads, rows
from muniment.storage.sql.candidates import Candidates
from muniment.storage.sql.conditions import Condition, Conditions, hidden
from muniment.storage.sql.engine import Cell, Engine, Row, Session
from muniment.storage.sql.in_lists import PreparedIn, listed, places
from muniment.storage.sql.leading import leading
from muniment.storage.sql.order import Key, Segment, keys_of, segments
from muniment.storage.sql.recent import STATE, Recent
from muniment.storage.sql.shapes import Searched, Shapes
from muniment.storage.sql.tables import models, version_properties, versions

_m, _v = models.c, versions.c
# What has an index to walk: among all versions, among those of one model, among all models.
_WALKED_IN_WORKSPACE = frozenset({"id", "created_at", "updated_at"})
_WALKED_IN_MODELS = frozenset({"id", "name", "slug", "created_at", "updated_at"})
_PAGES: Final = 128  # that one connection keeps; some 40 kB each
_SHORT: Final = 200  # rows; longer ones are not kept
_ANY: Final = sys.maxsize  # how many versions there may be in a workspace
_Page: TypeAlias = tuple[list[Row], list[Cursor]]
"""The rows of a page, each its id, and of a version all of its `STATE`; and their cursors."""
_NONE: _Page = ([], [])
_NAME: Any = bindparam("model_name", type_=_m.name.type)  # of the one model that is searched
_SHARED_STATE: Final = tuple(_NAME.label("name") if c is _m.name else c for c in STATE)

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
            ids, cursors = self._kept(session, searched, self._page_of_models)
            found = {row[0]: row for row in _MODELS.all(session, (model_id for (model_id,) in ids))}
            models = [rows.model_from(found[model_id], query.workspace) for (model_id,) in ids]
            return list(zip(models, cursors, strict=True))

        return self._engine.snapshot(work)

    def versions(self, query: Query) -> list[tuple[ModelVersion, Cursor]]:
        """See `MetadataStore.search_versions`."""
        searched = self._shapes.of(query)

        def work(session: Session) -> list[tuple[ModelVersion, Cursor]]:
            states, cursors = self._kept(session, searched, self._page_of_versions)
            found = self._recent.versions(session, query.workspace, states)
            return list(zip(found, cursors, strict=True))

        return self._engine.snapshot(work)

    def _kept(
        self, session: Session, searched: Searched, find: Callable[[Session, Searched], _Page]
    ) -> _Page:
        """Return the page of a search: what was found before, if nothing at all has changed."""
        kept, key = self._engine.unchanged(session), searched.key
        if kept is None or key is None:
            return find(session, searched)
        page: _Page | None = kept.get(key)
        if page is None:
            page = find(session, searched)
            if len(page[0]) <= _SHORT:
                if len(kept) >= _PAGES:
                    kept.clear()
                kept[key] = page
        return page

    def _workspace_id(self, session: Session, name: str) -> int | None:
        found = self._workspaces.get(name)
        if found is None:
            found = reads.WORKSPACE.scalar(session, name=name)
            if found is not None:
                self._workspaces[name] = found
        return found

    # -- models ----------------------------------------------------------------------------------

    def _page_of_models(self, session: Session, searched: Searched) -> _Page:
        query = searched.query
        workspace_id = self._workspace_id(session, query.workspace)
        if workspace_id is None:
            return _NONE
        few = None
        if query.where is not None:
            few = Candidates(session, self._conditions, searched, workspace_id).of(query.where)
        if few is not None and not few:
            return _NONE
        among = _Among(few)

        def plan(segment: Segment) -> _Plan:
            here = (_m.workspace_id == workspace_id, _is_deleted(_m, query.deleted))
            fits = [] if query.where is None else [self._fits_model(query.where, workspace_id)]
            if few is not None:
                return _Plan([_m.id.in_(among.places)], [*here, *fits])
            if query.deleted or not segment.is_walked(_WALKED_IN_MODELS):
                return _Plan([*here, *fits], [])
            return _Plan(here, fits)

        keys = keys_of(query)
        return _page(session, searched, keys, _m.id, _select_models, plan, among)

    def _fits_model(self, where: Expression, workspace_id: int) -> Condition:
        """Return the condition that the filter holds for a model with one of its versions."""
        if all(field.scope is Scope.MODEL for field in _fields_of(where)):
            return self._conditions.of(where, workspace_id)
        a_version = and_(_v.model_id == _m.id, _v.deleted_at.is_(None))
        fits = self._conditions.of(where, workspace_id)
        fits_without = self._conditions.of(where, workspace_id, versionless=True)
        with_one = exists().where(a_version, fits).correlate(models)
        without = not_(exists().where(a_version).correlate(models))
        return or_(with_one, and_(without, fits_without))

    # -- versions --------------------------------------------------------------------------------

    def _page_of_versions(self, session: Session, searched: Searched) -> _Page:
        query = searched.query
        workspace_id = self._workspace_id(session, query.workspace)
        if workspace_id is None:
            return _NONE
        name, where = _of_one_model(query)
        model_id, size = None, _ANY
        if name is not None:
            name = searched.value(name)
            model = reads.MODEL_SIZE.one(session, workspace_id=workspace_id, name=name)
            if model is None:
                return _NONE
            model_id, size = model
        keys = keys_of(query, None if name is None else _NAME)
        few, by_all = None, Segment(keys, None)
        is_led = not query.deleted and leading(where, by_all, of_model=name is not None) is where
        # Those of a small model are few; and if one index has all that is asked for, that's it.
        if where is not None and size > candidates.FEW and not is_led:
            found = Candidates(session, self._conditions, searched, workspace_id).among(where)
            if found is not None:
                few, where = found
        if few is not None and not few:
            return _NONE
        among = _Among(few, where, model_id, name)

        def plan(segment: Segment) -> _Plan:
            here = _v.workspace_id == workspace_id
            alive = _is_deleted(_v, query.deleted)
            of_live_model = [] if model_id is not None else [_m.deleted_at.is_(None)]
            of_model = [] if model_id is None else [_v.model_id == bindparam("model_id")]
            fits = [] if where is None else [self._conditions.of(where, workspace_id)]
            metric = segment.leading_metric
            part = None if query.deleted else leading(where, segment, of_model=name is not None)
            if few is not None:
                tests = [here, alive, *of_live_model, *of_model, *fits]
                return _Plan([_v.id.in_(among.places)], tests)
            if model_id is not None and metric is not None:
                return _Plan(metric.of_model(bindparam("model_id")), [*of_model, alive, *fits])
            if model_id is not None:
                first = [] if part is None else [self._conditions.attribute(part)]
                by_number = segment.is_walked({"version"})
                return _Plan([*of_model, alive, *first], fits, ties=not by_number)
            if query.deleted:
                return _Plan([_v.id.in_(_DELETED)], [here, *of_live_model, *fits])
            if part is not None and part.field.namespace is not Namespace.ATTRIBUTE:
                has_it = self._conditions.has_value(part)
                p = version_properties.c
                return _Plan(
                    [p.workspace_id == workspace_id, p.owner_id == _v.id, *has_it],
                    [here, alive, *of_live_model, *fits],
                    ids=p.owner_id,
                )
            if part is not None:
                first = [self._conditions.attribute(part)]
                return _Plan([here, alive, *first], [*of_live_model, *fits])
            if metric is not None:
                return _Plan(metric.anywhere(workspace_id), [alive, *of_live_model, *fits])
            if segment.is_walked({"model"}):
                return _Plan([_m.workspace_id == workspace_id, *of_live_model, alive], fits)
            if segment.is_walked(_WALKED_IN_WORKSPACE):
                return _Plan([here, alive], [*of_live_model, *fits])
            return _Plan([here, alive, *fits], of_live_model)

        joined = name is None or _reads_models(where)
        select_keys = _select_versions if joined else _select_versions_of_one_model
        return _page(session, searched, keys, _v.id, select_keys, plan, among)


class _Among:
    """What is known before a page is looked for.

    Args:
        few: ids of candidates, if they are few.
        left: what of the filter of versions is still to be tested.
        model_id: the one model whose versions are searched, if it is one; with its name.
    """

    def __init__(
        self,
        few: set[int] | None,
        left: Expression | None = None,
        model_id: int | None = None,
        model_name: str | None = None,
    ) -> None:
        self.parameters: dict[str, Cell] = {}
        if few is not None:
            self.parameters |= listed(list(few))
        self.places = places(len(self.parameters))
        self.kind = (len(self.places), left, model_id is None)
        if model_id is not None:
            self.parameters |= {"model_id": model_id, "model_name": model_name}


def _is_deleted(columns: Any, deleted: bool) -> Condition:
    column: ColumnElement[int] = columns.deleted_at
    return column.is_not(None) if deleted else column.is_(None)


def _fields_of(expression: Expression) -> Iterator[Field]:
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _fields_of(part)
        case Not(part):
            yield from _fields_of(part)
        case Comparison() | InSet():
            yield expression.field


def _reads_models(where: Expression | None) -> bool:
    """Say whether a filter of versions looks at the rows of models, where their names stand."""
    fields = () if where is None else _fields_of(where)
    return any(field.scope is Scope.MODEL or field in _MODEL_NAMES for field in fields)


def _of_one_model(query: Query) -> tuple[str | None, Expression | None]:
    """Return the one model whose versions are searched, by name, and what is left of the filter."""
    if query.model is not None:
        return query.model, query.where
    parts = query.where.parts if isinstance(query.where, And) else (query.where,)
    for n, part in enumerate(parts):
        if isinstance(part, Comparison) and part.op is Op.EQ and part.field in _MODEL_NAMES:
            others = [p for p in (*parts[:n], *parts[n + 1 :]) if p is not None]
            return str(part.value), conjunction(others)
    return None, query.where


_MODEL_NAMES = (attribute(Target.MODELS, "name"), attribute(Target.VERSIONS, "model"))


# -- pages ---------------------------------------------------------------------------------------


def _select_models(segment: Segment) -> Select[Any]:
    return select(_m.id, *(key.column for key in segment.keys))


def _select_versions(segment: Segment) -> Select[Any]:
    columns = (*STATE, *(key.column for key in segment.keys))
    return _with_metrics(
        select(*columns).join_from(versions, models, _m.id == _v.model_id), segment
    )


def _select_versions_of_one_model(segment: Segment) -> Select[Any]:
    columns = (*_SHARED_STATE, *(key.column for key in segment.keys))
    return _with_metrics(select(*columns).select_from(versions), segment)


def _with_metrics(statement: Select[Any], segment: Segment) -> Select[Any]:
    for key in segment.keys:
        if key.properties is not None:
            statement = statement.join(key.properties, key.belongs, isouter=key.nullable)
    return statement


def _page(
    session: Session,
    searched: Searched,
    keys: Sequence[Key],
    tie: ColumnElement[int],
    select_keys: Callable[[Segment], Select[Any]],
    plan_of: Callable[[Segment], _Plan],
    among: _Among,
) -> _Page:
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
    page: list[Row] = []
    cursors: list[Cursor] = []
    for segment in segments(keys, query.after):
        limit = query.limit - len(page)
        if limit > 0:
            role = ("page", segment.having is None, segment.lacking is None, among.kind)
            make = partial(statement, segment)
            found = searched.all(session, role, make, limit=limit, **among.parameters)
            width = len(found[0]) - len(segment.keys) if found else 0
            page += [row[:width] for row in found]
            cursors += segment.cursors([(*row[width:], row[0]) for row in found])
    return page, cursors
