"""What the database can say of a filter, by its indexes: too much, but never too little.

Whether a filter holds is decided by `domain.evaluate`, for each entity that comes back. Here a
filter becomes a query that finds all of those, and as few others as an index makes possible:

    stage = 'Production' AND NOT tags.team = 'risk'   ──>   {stage_key: "production", stage: …}

Of a field that belongs to the other of model and version, the ids are looked up, if they are few.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    FieldType,
    InSet,
    Literal,
    Namespace,
    Not,
    Op,
    Or,
    Scope,
)
from muniment.domain.stages import stage_key
from muniment.storage.mongo import terms
from muniment.storage.mongo.connection import Connection, Document

FEW: Final = 1_000
"""How many ids of the other kind are worth naming."""
_INT64: Final = range(-(2**63), 2**63)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RANGES: Final = {Op.LT: "$lte", Op.LE: "$lte", Op.GT: "$gte", Op.GE: "$gte"}
_PIECE: Final = re.compile(r"\\([%_\\])|([%_])|([^%_\\]+|\\)")
_NOTHING: Final[Document] = {"$in": []}
_COLLECTIONS: Final = {Scope.MODEL: "models", Scope.VERSION: "versions"}


class Narrowing:
    """Narrows searches of one workspace for entities of one scope."""

    def __init__(self, connection: Connection, workspace: str, scope: Scope) -> None:
        self._db = connection
        self._workspace = workspace
        self._scope = scope

    def of(self, expression: Expression) -> Document | None:
        """Return a query that finds at least all that fits; None if that would be everything."""
        match expression:
            case And(parts):
                return self._all_of(parts)
            case Or(parts):
                return self._any_of(parts)
            case Not():
                return None
            case Comparison() | InSet():
                return self._own(expression) or self._others(expression)

    def _all_of(self, parts: Iterable[Expression]) -> Document | None:
        narrowed: list[Document] = []
        for part in sorted(parts, key=_rank):
            if narrowed and not self._is_own(part):
                continue  # looking up costs more than it saves
            found = self.of(part)
            if found is not None:
                narrowed.append(found)
        return {"$and": narrowed} if narrowed else None

    def _any_of(self, parts: Iterable[Expression]) -> Document | None:
        narrowed: list[Document] = []
        for part in parts:
            found = self.of(part)
            if found is None:
                return None
            narrowed.append(found)
        return {"$or": narrowed}

    def _is_own(self, part: Expression) -> bool:
        return not isinstance(part, Comparison | InSet) or _scope_of(part) is self._scope

    def _own(self, leaf: Comparison | InSet) -> Document | None:
        return _narrowed(leaf) if _scope_of(leaf) is self._scope else None

    def _others(self, leaf: Comparison | InSet) -> Document | None:
        scope = _scope_of(leaf)
        narrowed = _narrowed(leaf) if scope is not self._scope else None
        if narrowed is None:
            return None
        # Deleted ones, too: what of them is found is left out later.
        theirs, ours = ("id", "model_id") if scope is Scope.MODEL else ("model_id", "id")
        where = {"workspace": self._workspace, **narrowed}
        with self._db.guarded():
            found = self._db[_COLLECTIONS[scope]].find(where, {"_id": 0, theirs: 1})
            ids = [entity[theirs] for entity in found.limit(FEW + 1)]
        return None if len(ids) > FEW else {ours: {"$in": sorted(set(ids))}}


def _scope_of(leaf: Comparison | InSet) -> Scope:
    """Return whose document a field stands in: a version's aliases and name are its model's."""
    field = leaf.field
    if field.namespace is Namespace.ATTRIBUTE and field.name in ("alias", "model"):
        return Scope.MODEL
    return field.scope


def _rank(expression: Expression) -> int:
    """Return what to try first: the comparisons that are likely to leave little."""
    if isinstance(expression, Comparison):
        return 0 if expression.op is Op.EQ else 2
    return 1 if isinstance(expression, InSet) else 3


def _narrowed(leaf: Comparison | InSet) -> Document | None:
    field = leaf.field
    if field.namespace is not Namespace.ATTRIBUTE:
        return {"terms": _property(leaf)}
    if field.type is not FieldType.STRING:
        number = _integer(leaf)
        name = "number" if field.name == "version" else field.name
        return None if number is None else {name: number}
    text = _text(leaf)
    if text is None:
        return None
    if field.name == "stage" and isinstance(leaf, Comparison) and leaf.op is Op.EQ:
        return {"stage_key": stage_key(str(leaf.value)), "stage": text}
    return {{"model": "name", "alias": "refs.name"}.get(field.name, field.name): text}


def _property(leaf: Comparison | InSet) -> Document:
    space, key = leaf.field.namespace, leaf.field.name
    if isinstance(leaf, InSet):
        return terms.with_value(space, key, leaf.values)
    if leaf.op in (Op.LIKE, Op.ILIKE):
        prefix = _literal_prefix(str(leaf.value)) if leaf.op is Op.LIKE else ""
        return terms.beginning(space, key, prefix)
    return terms.compared(space, key, leaf.op, leaf.value)


def _literals(leaf: Comparison | InSet) -> tuple[Literal, ...]:
    return leaf.values if isinstance(leaf, InSet) else (leaf.value,)


# -- text ----------------------------------------------------------------------------------------


def _text(leaf: Comparison | InSet) -> Any:
    """Return the condition on a text; None if there is none."""
    if isinstance(leaf, InSet):
        return {"$in": [value for value in leaf.values if isinstance(value, str)]}
    op, value = leaf.op, leaf.value
    if not isinstance(value, str):
        return _NOTHING
    if op is Op.EQ:
        return value
    if op is Op.LIKE:
        return _begins(value)
    return {_RANGES[op]: value} if op in _RANGES else None


def _begins(pattern: str) -> Document | None:
    prefix = _literal_prefix(pattern)
    if not prefix:
        return None
    end = terms.after(prefix)
    return {"$gte": prefix} if end is None else {"$gte": prefix, "$lt": end}


def _literal_prefix(pattern: str) -> str:
    """Return the text that everything that fits a LIKE pattern begins with."""
    prefix = ""
    for escaped, wild, plain in _PIECE.findall(pattern):
        if wild:
            break
        prefix += escaped or plain
    return prefix


# -- numbers -------------------------------------------------------------------------------------


def _integer(leaf: Comparison | InSet) -> Any:
    """Return the condition on a 64-bit integer, or a time; None if there is none."""
    numbers = [*_numbers(_literals(leaf))]
    if isinstance(leaf, InSet) or leaf.op is Op.EQ:
        whole = [int(n) for n in numbers if n == math.floor(n)]
        return {"$in": [n for n in whole if n in _INT64]}
    if not numbers:
        return _NOTHING
    if leaf.op not in _RANGES:
        return None
    up = leaf.op in (Op.LT, Op.LE)
    bound = math.ceil(numbers[0]) if up else math.floor(numbers[0])
    return {_RANGES[leaf.op]: bound} if bound in _INT64 else None


def _numbers(values: Iterable[Literal]) -> Iterator[int | float | Fraction]:
    """Yield the numbers, and times as milliseconds, among literals."""
    for value in values:
        if isinstance(value, datetime):
            yield Fraction((value - _EPOCH) // timedelta(microseconds=1), 1000)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value
