"""Small sets of ids that hold every entity that a filter can find: what an index can say of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Select, bindparam, select

from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    InSet,
    Literal,
    Namespace,
    Not,
    Op,
    Or,
    Scope,
    Target,
    attribute,
    conjunction,
)
from muniment.storage.sql import patterns
from muniment.storage.sql.conditions import (
    Condition,
    Conditions,
    hidden,
    partial_index,
    property_table,
)
from muniment.storage.sql.engine import Row, Session
from muniment.storage.sql.in_lists import PreparedIn
from muniment.storage.sql.shapes import Searched
from muniment.storage.sql.tables import models, refs, versions

FEW: Final = 1_000
"""How many candidates are worth looking at one by one, for a page of about 100."""

_m, _r, _v = models.c, refs.c, versions.c
_LIMIT: Any = bindparam("limit")
_VERSIONS_OF = PreparedIn(lambda ids: select(_v.id).where(_v.model_id.in_(ids)).limit(_LIMIT))
_MODELS_OF = PreparedIn(
    lambda ids: select(_v.model_id).distinct().where(_v.id.in_(ids)).limit(_LIMIT)
)
_TABLES = {Scope.MODEL: models, Scope.VERSION: versions}
_RANGES = frozenset({Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE})
_PREFIXES = _RANGES | {Op.LIKE}
_EQUAL = frozenset({Op.EQ})
# The attributes that have an index: the comparisons that it serves, and whether the workspace
# stands before the attribute in it.
_INDEXED: dict[tuple[Scope, str], tuple[frozenset[Op], bool]] = {
    (Scope.MODEL, "id"): (_EQUAL, False),
    (Scope.MODEL, "name"): (_PREFIXES, True),
    (Scope.MODEL, "slug"): (_PREFIXES, True),
    (Scope.MODEL, "created_by"): (_EQUAL, True),
    (Scope.MODEL, "created_at"): (_RANGES, True),
    (Scope.MODEL, "updated_at"): (_RANGES, True),
    (Scope.VERSION, "id"): (_EQUAL, False),
    (Scope.VERSION, "label"): (_EQUAL, False),
    (Scope.VERSION, "stage"): (_EQUAL, True),
    (Scope.VERSION, "status"): (_EQUAL, True),
    (Scope.VERSION, "framework"): (_EQUAL, True),
    (Scope.VERSION, "checks"): (_EQUAL, True),
    (Scope.VERSION, "run_id"): (_EQUAL, False),
    (Scope.VERSION, "digest"): (_EQUAL, False),
    (Scope.VERSION, "created_at"): (_RANGES, True),
    (Scope.VERSION, "updated_at"): (_RANGES, True),
}


class Candidates:
    """Looks for candidates of one query, on the connection and snapshot that will answer it."""

    def __init__(
        self, session: Session, conditions: Conditions, searched: Searched, workspace_id: int
    ) -> None:
        self._session = session
        self._conditions = conditions
        self._searched = searched
        self._scope = Scope.MODEL if searched.query.target is Target.MODELS else Scope.VERSION
        self._deleted = searched.query.deleted
        self._workspace_id = workspace_id

    def among(self, where: Expression) -> tuple[set[int], Expression | None] | None:
        """Return ids of searched entities among which are all that fit; None if not few.

        Beside them, what of the filter is still to be tested on each.
        """
        parts = where.parts if isinstance(where, And) else (where,)
        for part in sorted(parts, key=_rank):
            found = self.of(part)
            if found is not None:
                left = [other for other in parts if other is not part]
                return found, where if self._is_to_be_tested(part) else conjunction(left)
        return None

    def _is_to_be_tested(self, part: Expression) -> bool:
        """Say whether candidates may not fit; of a model, one version must fit the whole filter."""
        if self._scope is Scope.MODEL or isinstance(part, And | Not):
            return True
        return isinstance(part, Or) and any(map(self._is_to_be_tested, part.parts))

    def of(self, expression: Expression) -> set[int] | None:
        """Return ids of searched entities among which are all that fit; None if not few."""
        match expression:
            case And():
                found = self.among(expression)
                return None if found is None else found[0]
            case Or(parts):
                return self._union(parts)
            case Not():
                return None
            case InSet(field, values):
                same = [InSet(field, kind) for kind in _by_type(values)]
                return self._union(same) if len(same) > 1 else self._leaf(expression)
            case Comparison():
                return self._leaf(expression)

    def _union(self, parts: Iterable[Expression]) -> set[int] | None:
        together: set[int] = set()
        for part in parts:
            found = self.of(part)
            if found is None or len(together := together | found) > FEW:
                return None
        return together

    def _leaf(self, leaf: Comparison | InSet) -> set[int] | None:
        if leaf.field == attribute(Target.VERSIONS, "model"):
            leaf = replace(leaf, field=attribute(Target.MODELS, "name"))
        if not self._is_indexed(leaf):
            return None
        statement = partial(self._statement, leaf)
        limit = FEW + 1
        found = self._searched.all(self._session, ("candidates", leaf), statement, limit=limit)
        ids = _few(found)
        if not ids or leaf.field.scope is self._scope:
            return ids
        others = _VERSIONS_OF if self._scope is Scope.VERSION else _MODELS_OF
        return _few(others.all(self._session, ids, limit=limit))

    def _is_indexed(self, leaf: Comparison | InSet) -> bool:
        """Say whether an index can tell of the field's own scope."""
        field, op = leaf.field, leaf.op if isinstance(leaf, Comparison) else Op.EQ
        if field.namespace is not Namespace.ATTRIBUTE:
            return True
        if field.name == "alias":
            return op is Op.EQ
        served, _ = _INDEXED.get((field.scope, field.name), (frozenset(), False))
        if self._deleted or op not in served or (op is Op.LIKE and not _has_prefix(leaf)):
            return False
        return partial_index(leaf) is not None

    def _statement(self, leaf: Comparison | InSet) -> Select[Any]:
        """Return what the index says, and one too many if they are not few."""
        field, table = leaf.field, _TABLES[leaf.field.scope]
        if field.namespace is not Namespace.ATTRIBUTE:
            c = property_table(field.scope).c
            has_it = c.workspace_id == self._workspace_id, *self._conditions.has_value(leaf)
            return select(c.owner_id).where(*has_it).limit(_LIMIT)
        in_workspace = table.c.workspace_id == self._workspace_id
        if field.name == "alias":
            owner = _m.id == _r.model_id
            if field.scope is Scope.VERSION:
                owner = (_v.model_id == _r.model_id) & (_v.number == _r.number)
            return (
                select(table.c.id)
                .distinct()
                .join_from(refs, table, owner)
                .where(hidden(in_workspace), *self._conditions.is_alias(leaf))
                .limit(_LIMIT)
            )
        _, behind_workspace = _INDEXED[field.scope, field.name]
        where: list[Condition] = [self._conditions.attribute(leaf), table.c.deleted_at.is_(None)]
        where.append(in_workspace if behind_workspace else hidden(in_workspace))
        return select(table.c.id).where(*where).limit(_LIMIT)


def _few(rows: list[Row]) -> set[int] | None:
    return None if len(rows) > FEW else {row[0] for row in rows}


def _has_prefix(leaf: Comparison | InSet) -> bool:
    return isinstance(leaf, Comparison) and bool(patterns.literal_prefix(str(leaf.value)))


def _rank(expression: Expression) -> int:
    """Return what to try first: the comparisons that are likely to leave little."""
    if isinstance(expression, Comparison):
        attribute_first = expression.field.namespace is not Namespace.ATTRIBUTE
        return (0 if expression.op is Op.EQ else 2) + attribute_first
    return 1 if isinstance(expression, InSet) else 4


def _by_type(values: tuple[Literal, ...]) -> list[tuple[Literal, ...]]:
    """Return the values in groups that one index holds."""
    texts = tuple(value for value in values if isinstance(value, str))
    others = tuple(value for value in values if not isinstance(value, str))
    return [group for group in (texts, others) if group]
