"""What a search asks for: a tree of comparisons, an order and a place to go on from.

`filters.parse_filter` makes the tree from text; every store compiles it into its own language; this
module says what it means, so that all of them agree:

- A comparison is true or false, never unknown. A field that an entity lacks (a missing tag, metric
  or param, a null attribute) makes every comparison with it false, also `!=`. So
  `tags.team != 'risk'` finds entities that have the tag with another value, and
  `NOT tags.team = 'risk'` finds those without the tag, too.
- Strings compare by code point, and only with strings; numbers only with numbers; booleans take
  only `=` and `!=`. A tag that holds another type than the literal makes the comparison false.
- LIKE is case-sensitive, ILIKE folds the case of ASCII letters; both match the whole value, with
  `%` for any characters, `_` for one, and `\\` before either (or before itself) to mean itself.
- Searching models, a field of a version (`stage`, `metrics.auc`, `version.tags.x`, …) may stand in
  the filter: a model is found if the whole filter holds for it together with at least one of its
  versions (or on its own, if it has none).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from muniment.domain.names import DEFAULT_PAGE_SIZE


class Target(StrEnum):
    """What is searched."""

    MODELS = "models"
    VERSIONS = "versions"


class Scope(StrEnum):
    """Whose field it is."""

    MODEL = "model"
    VERSION = "version"


class Namespace(StrEnum):
    """Where in the entity a field stands."""

    ATTRIBUTE = "attribute"
    TAG = "tags"
    PARAM = "params"
    METRIC = "metrics"


class FieldType(StrEnum):
    """The type of an attribute. Tags and params are DYNAMIC: each value brings its own."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    DYNAMIC = "dynamic"


MODEL_ATTRIBUTES: dict[str, FieldType] = {
    "id": FieldType.INTEGER,
    "name": FieldType.STRING,
    "slug": FieldType.STRING,
    "description": FieldType.STRING,
    "created_by": FieldType.STRING,
    "created_at": FieldType.TIME,
    "updated_at": FieldType.TIME,
    "latest": FieldType.INTEGER,
    "version_count": FieldType.INTEGER,
    "alias": FieldType.STRING,  # true if any alias of the model fits
}
VERSION_ATTRIBUTES: dict[str, FieldType] = {
    "id": FieldType.INTEGER,
    "model": FieldType.STRING,
    "version": FieldType.INTEGER,
    "label": FieldType.STRING,
    "status": FieldType.STRING,
    "checks": FieldType.STRING,
    "stage": FieldType.STRING,
    "stage_since": FieldType.TIME,
    "description": FieldType.STRING,
    "framework": FieldType.STRING,
    "source_uri": FieldType.STRING,
    "run_id": FieldType.STRING,
    "digest": FieldType.STRING,
    "size": FieldType.INTEGER,
    "file_count": FieldType.INTEGER,
    "created_by": FieldType.STRING,
    "created_at": FieldType.TIME,
    "updated_at": FieldType.TIME,
    "alias": FieldType.STRING,  # true if any alias of the version fits
}


class Op(StrEnum):
    """A comparison operator. IN is expressed with `InSet`."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"


Literal: TypeAlias = str | int | float | bool | datetime
"""Times are compared as `datetime`; the parser has already converted them."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity; `name` is the attribute's name or the tag's, param's, metric's key."""

    scope: Scope
    namespace: Namespace
    name: str
    type: FieldType


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field op value`; type and operator are known to fit."""

    field: Field
    op: Op
    value: Literal


@dataclass(frozen=True, slots=True)
class InSet:
    """`field IN (value, …)`; at least one value."""

    field: Field
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Expression


Expression: TypeAlias = Comparison | InSet | And | Or | Not


def conjunction(parts: Sequence[Expression]) -> Expression | None:
    """Return what holds where all parts do; None, which holds everywhere, if there are none."""
    return And(tuple(parts)) if len(parts) > 1 else (parts[0] if parts else None)


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One sort key. Entities without the field come last, whichever direction is asked for."""

    field: Field
    descending: bool = False


CursorValue: TypeAlias = str | int | float | bool | None
Cursor: TypeAlias = tuple[CursorValue, ...]
"""The sort values of the last row of a page: one per `OrderBy` (None: lacks it), then its id."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search as a store executes it.

    Rows are ordered by `order`, ties by ascending id. `after` asks for the rows behind that
    cursor. At most `limit` rows come back. With `deleted`, soft-deleted entities are searched
    instead of live ones. `model` narrows a search of versions to one live model by name.
    """

    workspace: str
    target: Target
    where: Expression | None = None
    order: tuple[OrderBy, ...] = ()
    after: Cursor | None = None
    limit: int = DEFAULT_PAGE_SIZE
    deleted: bool = False
    model: str | None = None


def attribute(target: Target, name: str) -> Field:
    """Return the field for the attribute `name` of the searched entity."""
    if target is Target.MODELS:
        return Field(Scope.MODEL, Namespace.ATTRIBUTE, name, MODEL_ATTRIBUTES[name])
    return Field(Scope.VERSION, Namespace.ATTRIBUTE, name, VERSION_ATTRIBUTES[name])
