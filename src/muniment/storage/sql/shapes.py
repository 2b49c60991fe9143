"""Statements of searches, made once per shape of a search and run with its values.

To write a search in SQL takes longer than to run it. Most searches are like one before but for the
texts and numbers in them: these are their values, the rest is their shape. A statement is written
for a shape with a token in the place of each value, and compiled; wherever a token has become a
parameter, later searches of that shape bind their value.

Values are only what is compared as it is; what decides how a condition is written (a pattern, a
stage, a list, …) belongs to the shape. A shape that few searches would share is not kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Select

from muniment.domain.query import (
    And,
    Comparison,
    Cursor,
    CursorValue,
    Expression,
    FieldType,
    InSet,
    Namespace,
    Not,
    Op,
    Or,
    Query,
)
from muniment.storage.sql.engine import Cell, Prepared, Row, Session
from muniment.storage.sql.exact import EXACT
from muniment.storage.sql.tables import PREFIX_CHARS

Statement: TypeAlias = Select[Any]

_SHAPES: Final = 256
# As many statements of a shape as there are sizes of candidate lists, and some more.
_STATEMENTS: Final = 32
# Attributes whose texts never decide how a condition is written.
_PLAIN: Final = frozenset({"name", "model", "slug", "label", "digest"})
_FEW_VALUES: Final = frozenset({"stage", "status", "framework", "checks"})
_SECRET: Final = secrets.token_hex(16)  # so that no text of a search is a token by chance


class Tokens:
    """What stands for the values of a search: tokens of the same type, each for one value."""

    def __init__(self) -> None:
        self.values: list[Cell] = []

    def text(self, value: str) -> str:
        """Keep a text; return the token for it."""
        self.values.append(value)
        return _text_token(len(self.values) - 1)

    def number(self, value: int | float) -> int | float:
        """Keep an integer or a double; return the token for it."""
        self.values.append(value)
        n = len(self.values) - 1
        return _FIRST_DOUBLE + n if isinstance(value, float) else _FIRST_INTEGER + n


@lru_cache(maxsize=1024)
def _text_token(n: int) -> str:
    return f"{_SECRET}{n}"


_FIRST_INTEGER: Final = 2**60 + secrets.randbits(50)
_FIRST_DOUBLE: Final = float(2**50 + secrets.randbits(49))  # less than EXACT, so each is a number
_MOST: Final = 10_000


def _place_of(value: object) -> int | None:
    """Return which value a parameter stands for; None if for none."""
    if isinstance(value, str):
        return int(value[len(_SECRET) :]) if value.startswith(_SECRET) else None
    first = _FIRST_DOUBLE if isinstance(value, float) else _FIRST_INTEGER
    if isinstance(value, int | float) and first <= value < first + _MOST:
        return int(value - first)
    return None


class Searched:
    """One search: its query with tokens for the values, and what runs its statements."""

    def __init__(self, query: Query, values: list[Cell], statements: Statements | None) -> None:
        self.query = query
        self._values = values
        self._statements = statements

    @property
    def key(self) -> Hashable:
        """What it has in common with the same search alone; None for one of no kept shape."""
        return None if self._statements is None else (self._statements, *self._values)

    def value(self, text: str) -> str:
        """Return what a text of the query stands for."""
        n = _place_of(text)
        return text if n is None else cast(str, self._values[n])

    def all(
        self,
        session: Session,
        role: Hashable,
        make: Callable[[], Statement],
        **parameters: Cell,
    ) -> list[Row]:
        """Run the statement that `make` makes for this query; return its rows.

        Of two searches of one shape, those with the same `role` make the same statement.
        `parameters` are what it has of its own.
        """
        if self._statements is None:
            return list(session.core.execute(make(), parameters))
        return self._statements.of(role, session, make).all(session, self._values, parameters)


class Statements:
    """The statements of one shape, by what they are for."""

    def __init__(self) -> None:
        self._by_role: dict[Hashable, _Written] = {}

    def of(self, role: Hashable, session: Session, make: Callable[[], Statement]) -> _Written:
        """Return the statement for a role; made, if this is the first time."""
        written = self._by_role.get(role)
        if written is None:
            if len(self._by_role) >= _STATEMENTS:
                self._by_role.clear()
            written = self._by_role[role] = _Written(make(), session)
        return written


class _Written:
    def __init__(self, statement: Statement, session: Session) -> None:
        self._prepared = Prepared(statement)
        places = {
            name: _place_of(value)
            for name, value in self._prepared.constants(session.dialect).items()
        }
        self._places = [(name, n) for name, n in places.items() if n is not None]

    def all(self, session: Session, values: list[Cell], parameters: dict[str, Cell]) -> list[Row]:
        bound = {name: values[n] for name, n in self._places}
        return self._prepared.all(session, **bound, **parameters)


class Shapes:
    """Knows the shapes of the searches before."""

    def __init__(self) -> None:
        self._statements_of = lru_cache(maxsize=_SHAPES)(lambda shape: Statements())

    def of(self, query: Query) -> Searched:
        """Return a query, ready to be run."""
        tokens = Tokens()
        where = None if query.where is None else _shape(query.where, tokens)
        if where is None and query.where is not None:
            return Searched(query, [], None)
        shape = replace(
            query,
            where=where,
            model=None if query.model is None else tokens.text(query.model),
            after=None if query.after is None else _shape_of_cursor(query.after, tokens),
        )
        return Searched(shape, tokens.values, self._statements_of(shape))


def _shape_of_cursor(after: Cursor, tokens: Tokens) -> Cursor:
    def shape(value: CursorValue) -> CursorValue:
        if value is None or isinstance(value, bool):
            return value
        return tokens.text(value) if isinstance(value, str) else tokens.number(value)

    return tuple(shape(value) for value in after)


def _shape(expression: Expression, tokens: Tokens) -> Expression | None:
    """Return the expression with tokens for its values; None if its shape is not worth keeping."""
    match expression:
        case And(parts) | Or(parts):
            shapes = [_shape(part, tokens) for part in parts]
            if None in shapes:
                return None
            return type(expression)(tuple(cast("list[Expression]", shapes)))
        case Not(part):
            shape = _shape(part, tokens)
            return None if shape is None else Not(shape)
        case InSet():
            return None
        case Comparison():
            return _shape_of_comparison(expression, tokens)


def _shape_of_comparison(leaf: Comparison, tokens: Tokens) -> Comparison | None:
    field, value = leaf.field, leaf.value
    is_property = field.namespace is not Namespace.ATTRIBUTE
    if isinstance(value, bool):
        return leaf
    if isinstance(value, str):
        if leaf.op is not Op.EQ or len(value) > PREFIX_CHARS:
            return None
        if is_property or field.name in _PLAIN or (field.name == "run_id" and value):
            return replace(leaf, value=tokens.text(value))
        return leaf if field.name in _FEW_VALUES else None
    if isinstance(value, int | float) and is_property and abs(value) < EXACT:
        return replace(leaf, value=tokens.number(float(value)))
    return leaf if field.type is FieldType.INTEGER and value in (0, 1) else None
