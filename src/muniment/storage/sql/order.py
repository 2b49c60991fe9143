"""Orders and cursors: what a page is sorted by, and the condition to go on behind its last row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, exists, false, not_, or_

from muniment.domain.query import (
    Cursor,
    CursorValue,
    FieldType,
    Namespace,
    OrderBy,
    Query,
    Target,
    attribute,
)
from muniment.errors import InvalidPageToken
from muniment.storage.sql.conditions import NULLABLE, Condition, attribute_column
from muniment.storage.sql.tables import version_properties, versions

_MODEL = attribute(Target.VERSIONS, "model")
_TYPES: dict[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.TIME: (int,),
    FieldType.NUMBER: (int, float),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A sort key: its column; for a metric also the properties that it stands in, and how.

    Rows that are alike in it, as those of one model are in its name, need no sorting by it.
    """

    by: OrderBy
    column: ColumnElement[Any]
    nullable: bool
    properties: FromClause | None = None
    alike: bool = False

    @property
    def belongs(self) -> Condition:
        """The condition that a property row is this metric of the version."""
        assert self.properties is not None  # noqa: S101  # asked of metrics only
        return and_(self.properties.c.owner_id == versions.c.id, *self._is_metric)

    def anywhere(self, workspace_id: int) -> Sequence[Condition]:
        """Return the conditions that a property row is this metric of some version."""
        assert self.properties is not None  # noqa: S101
        c = self.properties.c
        return c.workspace_id == workspace_id, c.number.is_not(None), *self._is_metric

    def of_model(self, model_id: ColumnElement[int]) -> Sequence[Condition]:
        """Return the conditions that a property row is this metric of a model's versions."""
        assert self.properties is not None  # noqa: S101
        c = self.properties.c
        return c.model_id == model_id, c.key == self.by.field.name

    def missing(self) -> Condition:
        """Return the condition that a row lacks the key."""
        if self.properties is None:
            return self.column.is_(None)
        return not_(exists(self.properties.select().where(self.belongs).correlate(versions)))

    @property
    def _is_metric(self) -> tuple[Condition, ...]:
        assert self.properties is not None  # noqa: S101
        c = self.properties.c
        return c.space == Namespace.METRIC.value, c.key == self.by.field.name

    def ordering(self) -> list[ColumnElement[Any]]:
        """Return what ORDER BY says: rows without the key last."""
        if self.alike:
            return []
        column = self.column.desc() if self.by.descending else self.column.asc()
        return [self.column.is_(None), column] if self.nullable else [column]

    def behind(self, value: CursorValue) -> Condition:
        """Return the condition that a row's key comes after `value`."""
        if value is None:
            return false()
        beyond = self.column < value if self.by.descending else self.column > value
        return or_(beyond, self.column.is_(None)) if self.nullable else beyond

    def equal(self, value: CursorValue) -> Condition:
        """Return the condition that a row's key is `value`."""
        return self.column.is_(None) if value is None else self.column == value

    def bound(self, value: CursorValue) -> Condition:
        """Return what lets an index begin at `value`."""
        return self.column <= value if self.by.descending else self.column >= value

    def accepts(self, value: CursorValue) -> bool:
        """Say whether `value` can stand in a cursor for this key."""
        if value is None:
            return self.nullable
        return not isinstance(value, bool) and isinstance(value, _TYPES[self.by.field.type])


def keys_of(query: Query, model_name: ColumnElement[str] | None = None) -> list[Key]:
    """Return the sort keys of a query; `model_name` is that of all its rows, if they share it."""
    return [_key(by, model_name) for by in query.order]


def _key(by: OrderBy, model_name: ColumnElement[str] | None) -> Key:
    if model_name is not None and by.field == _MODEL:
        return Key(by, model_name, nullable=False, alike=True)
    if by.field.namespace is Namespace.METRIC:
        properties = version_properties.alias()
        return Key(by, properties.c.number, nullable=True, properties=properties)
    return Key(by, attribute_column(by.field), nullable=by.field.name in NULLABLE)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the whole result: all of it, or the rows that have, or lack, the first key.

    `having` is the first key if its rows have it, `lacking` if they lack it.
    """

    keys: Sequence[Key]
    after: Cursor | None
    having: Key | None = None
    lacking: Key | None = None

    def ordering(self, tie: ColumnElement[int] | None) -> list[ColumnElement[Any]]:
        """Return the terms of ORDER BY; `tie` is the id, or None if the first key decides."""
        if tie is None:
            return self.keys[0].ordering()
        return [*(term for key in self.keys for term in key.ordering()), tie]

    @property
    def leading_metric(self) -> Key | None:
        """The first key, if it is a metric that all rows of the segment have."""
        key = self.having
        return key if key is not None and key.properties is not None else None

    def is_walked(self, attributes: Collection[str]) -> bool:
        """Say whether the first key, or the id if there is none, is one of the attributes."""
        if not self.keys:
            return "id" in attributes
        field = self.keys[0].by.field
        return field.namespace is Namespace.ATTRIBUTE and field.name in attributes

    def by(self, ids: ColumnElement[int]) -> Segment:
        """Return this segment, which is ordered by id, with other columns for the ids."""
        return replace(self, keys=[replace(key, column=ids) for key in self.keys])

    def begins(self) -> list[Condition]:
        """Return the bound at which an index may begin."""
        if self.after is None or not self.keys or self.keys[0].nullable:
            return []
        return [self.keys[0].bound(self.after[0])]

    def tests(self, tie: ColumnElement[int]) -> list[Condition]:
        """Return the conditions that a row is of this segment, and behind the cursor."""
        tests: list[Condition] = []
        if self.having is not None and self.having.properties is None:
            tests.append(self.having.column.is_not(None))
        if self.lacking is not None:
            tests.append(self.lacking.missing())
        if self.after is not None:
            *values, last_id = self.after
            equal = [key.equal(value) for key, value in zip(self.keys, values, strict=True)]
            ways = [
                and_(*equal[:n], key.behind(value))
                for n, (key, value) in enumerate(zip(self.keys, values, strict=True))
            ]
            tests.append(or_(*ways, and_(*equal, tie > last_id)))
        return tests

    def cursors(self, rows: list[Cursor]) -> list[Cursor]:
        """Return the cursors of rows, of which each is the values of `keys` and the id."""
        return rows if self.lacking is None else [(None, *row) for row in rows]


def segments(keys: Sequence[Key], after: Cursor | None) -> list[Segment]:
    """Return the segments that are left behind a cursor.

    Raises:
        InvalidPageToken: the cursor was not made for these keys.
    """
    if after is not None:
        _check(keys, after)
    if not keys or not keys[0].nullable:
        return [Segment(keys, after)]
    first, *others = keys
    lacking_from = after[1:] if after is not None and after[0] is None else None
    left = [Segment(others, lacking_from, lacking=first)]
    if lacking_from is None:
        present = Key(first.by, first.column, nullable=False, properties=first.properties)
        left.insert(0, Segment([present, *others], after, having=present))
    return left


def _check(keys: Sequence[Key], after: Cursor) -> None:
    fits = len(after) == len(keys) + 1 and all(map(Key.accepts, keys, after))
    last = after[-1] if after else None
    if not fits or not isinstance(last, int) or isinstance(last, bool):
        raise InvalidPageToken(
            "The page token was made for another order.",
            hint="Take tokens only from the answer to the same search.",
        )
