"""Tags, params and metrics: as JSON in the entity's row, and as rows that can be searched."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias, cast

import orjson
from sqlalchemy import Table, bindparam, delete, insert

from muniment.domain.query import Namespace
from muniment.domain.values import EMPTY, Value
from muniment.storage.sql.engine import Cell, Prepared, Session
from muniment.storage.sql.tables import PREFIX_CHARS, model_properties, version_properties


class Kind(StrEnum):
    """The type of a value."""

    TEXT = "s"
    INTEGER = "i"
    DOUBLE = "d"
    BOOLEAN = "b"


Key: TypeAlias = tuple[Namespace, str]
Cells: TypeAlias = tuple[str, str | None, str | None, float | None, int | None]
Properties: TypeAlias = Mapping[Key, Cells]


def to_json(values: Mapping[str, Value]) -> str:
    """Return the JSON that keeps every type and every bit."""
    return orjson.dumps(dict(values)).decode() if values else "{}"


def from_json(text: str) -> Mapping[str, Value]:
    """Return what `to_json` wrote."""
    return EMPTY if text == "{}" else cast("dict[str, Value]", orjson.loads(text))


def cells(value: Value) -> Cells:
    """Return (kind, prefix, rest, number, integer) of a value."""
    if isinstance(value, str):
        return Kind.TEXT.value, value[:PREFIX_CHARS], value[PREFIX_CHARS:], None, None
    if isinstance(value, bool):
        return Kind.BOOLEAN.value, None, None, float(value), None
    if isinstance(value, int):
        return Kind.INTEGER.value, None, None, float(value), value
    return Kind.DOUBLE.value, None, None, value, None


def of(
    tags: Mapping[str, Value],
    params: Mapping[str, Value] = EMPTY,
    metrics: Mapping[str, float] = EMPTY,  # type: ignore[assignment]  # empty of anything
) -> Properties:
    """Return an entity's searchable values."""
    found = {(Namespace.TAG, key): cells(value) for key, value in tags.items()}
    for key, value in params.items():
        found[Namespace.PARAM, key] = cells(value)
    for key, number in metrics.items():
        found[Namespace.METRIC, key] = cells(float(number))
    return found


class PropertyTable:
    """Keeps the property rows of an owner up to date by difference."""

    def __init__(self, table: Table) -> None:
        self._insert = Prepared(insert(table).values({c: bindparam(c.name) for c in table.c}))
        c = table.c
        self._delete = Prepared(
            delete(table).where(
                c.owner_id == bindparam("owner_id"),
                c.space == bindparam("space"),
                c.key == bindparam("key"),
            )
        )
        self._delete_all = Prepared(delete(table).where(c.owner_id == bindparam("owner_id")))

    def replace(
        self,
        session: Session,
        workspace_id: int,
        owner_id: int,
        old: Properties,
        new: Properties,
        *,
        model_id: int | None = None,
    ) -> None:
        """Turn the rows of `old` into those of `new`; `model_id` is that of a version."""
        gone = [key for key, value in old.items() if new.get(key) != value]
        added = [key for key, value in new.items() if old.get(key) != value]
        if gone:
            self._delete.many(
                session,
                [{"owner_id": owner_id, "space": s.value, "key": k} for s, k in gone],
            )
        if added:
            self._insert.many(
                session, [row(workspace_id, owner_id, key, new[key], model_id) for key in added]
            )

    def clear(self, session: Session, owner_id: int) -> None:
        """Remove all rows of an owner."""
        self._delete_all.run(session, owner_id=owner_id)


def row(
    workspace_id: int, owner_id: int, key: Key, value: Cells, model_id: int | None
) -> dict[str, Cell]:
    """Return the row of one searchable value."""
    kind, prefix, rest, number, integer = value
    return {
        "owner_id": owner_id,
        "space": key[0].value,
        "key": key[1],
        "workspace_id": workspace_id,
        "kind": kind,
        "prefix": prefix,
        "rest": rest,
        "number": number,
        "integer": integer,
        "model_id": model_id if key[0] is Namespace.METRIC else None,
    }


MODEL_PROPERTIES = PropertyTable(model_properties)
VERSION_PROPERTIES = PropertyTable(version_properties)
