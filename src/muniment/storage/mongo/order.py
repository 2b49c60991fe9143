"""Orders and cursors: what rows are sorted by, and which of them stand behind a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Final

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    Cursor,
    CursorValue,
    FieldType,
    Namespace,
    OrderBy,
    Query,
    Scope,
)
from muniment.errors import InvalidPageToken
from muniment.storage.mongo.connection import Document

_NULLABLE: Final = frozenset({"label", "latest", "digest", "stage_since"})
_TYPES: Final[dict[FieldType, tuple[type, ...]]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.TIME: (int,),
    FieldType.NUMBER: (int, float),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An entity that was found, the document that it was read from, and its sort values."""

    entity: Any
    document: Document
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key; `field` is that of the document, None if it does not stand in it as such."""

    by: OrderBy
    field: str | None
    is_nullable: bool

    @property
    def direction(self) -> int:
        """1 or -1, as MongoDB has it."""
        return -1 if self.by.descending else 1

    def value(self, entity: RegisteredModel | ModelVersion, document: Document) -> CursorValue:
        """Return what an entity is sorted by; None if it lacks it."""
        if self.field is not None:
            found: CursorValue = document[self.field]
            return int(found) if isinstance(found, int) else found
        assert isinstance(entity, ModelVersion)  # noqa: S101  # models have it all in the document
        if self.by.field.namespace is Namespace.METRIC:
            return entity.metrics.get(self.by.field.name)
        return entity.model

    def compare(self, a: Any, b: Any) -> int:
        """Return what comes first: -1, 0 or 1. Lacking it comes last."""
        if a is None or b is None:
            return (a is None) - (b is None)
        return self.direction * (int(a > b) - int(a < b))

    def accepts(self, value: CursorValue) -> bool:
        """Say whether `value` can stand in a cursor for this key."""
        if value is None:
            return self.is_nullable
        return not isinstance(value, bool) and isinstance(value, _TYPES[self.by.field.type])


def keys_of(query: Query) -> list[Key]:
    """Return the sort keys of a query, once its cursor is checked. Raises InvalidPageToken."""
    keys = [_key(by) for by in query.order]
    if query.after is not None:
        fits = len(query.after) == len(keys) + 1 and all(map(Key.accepts, keys, query.after))
        last = query.after[-1] if query.after else None
        if not fits or not isinstance(last, int) or isinstance(last, bool):
            raise InvalidPageToken(
                "The page token was made for another order.",
                hint="Take tokens only from the answer to the same search.",
            )
    return keys


def _key(by: OrderBy) -> Key:
    field = by.field
    if field.namespace is Namespace.METRIC:
        return Key(by, None, is_nullable=True)
    if field.scope is Scope.VERSION and field.name in ("model", "version"):
        return Key(by, {"model": None, "version": "number"}[field.name], is_nullable=False)
    return Key(by, field.name, is_nullable=field.name in _NULLABLE)


def compare(keys: Sequence[Key], a: Cursor, b: Cursor) -> int:
    """Return what comes first, of two cursors for these keys: -1, 0 or 1."""
    for key, one, other in zip(keys, a, b, strict=False):
        found = key.compare(one, other)
        if found:
            return found
    return (a[-1] > b[-1]) - (a[-1] < b[-1])  # type: ignore[operator]  # ids


def in_order(keys: Sequence[Key], rows: Sequence[Row]) -> list[Row]:
    """Return the rows in the order of the keys."""

    def compared(a: Row, b: Row) -> int:
        return compare(keys, a.cursor, b.cursor)

    return sorted(rows, key=cmp_to_key(compared))
