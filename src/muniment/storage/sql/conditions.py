"""Filter expressions as SQL conditions that are true or false, never NULL.

`domain.query` says what they mean. Numbers are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    exists,
    false,
    literal_column,
    not_,
    or_,
    true,
)
from sqlalchemy.sql.selectable import Exists

from muniment.domain.entities import ReferenceKind, Status
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
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
from muniment.storage.sql import patterns
from muniment.storage.sql.engine import Engine
from muniment.storage.sql.exact import EXACT, Number, on_doubles, on_integers
from muniment.storage.sql.normal import normal
from muniment.storage.sql.properties import Kind
from muniment.storage.sql.rows import NO_STAGE_KEY
from muniment.storage.sql.tables import (
    HAS_CHECKS,
    HAS_FRAMEWORK,
    HAS_RUN,
    PREFIX_CHARS,
    STAGED,
    UNREADY,
    model_properties,
    models,
    refs,
    version_properties,
    versions,
)

Condition: TypeAlias = ColumnElement[bool]

_m, _v, _r = models.c, versions.c, refs.c
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARE: dict[Op, Callable[[Any, Any], Condition]] = {
    Op.EQ: lambda a, b: a == b,
    Op.NE: lambda a, b: a != b,
    Op.LT: lambda a, b: a < b,
    Op.LE: lambda a, b: a <= b,
    Op.GT: lambda a, b: a > b,
    Op.GE: lambda a, b: a >= b,
}
_NAMED_OTHERWISE = {(Scope.VERSION, "model"): _m.name, (Scope.VERSION, "version"): _v.number}
NULLABLE = frozenset({"label", "latest", "digest", "stage_since"})


def hidden(*conditions: Condition) -> Condition:
    """Return the conditions in a form that no planner uses an index for.

    It is an inequality because PostgreSQL takes it that nearly all rows satisfy one, so that an
    index in the right order is walked, and not all of a table sorted for the few rows of a page.
    """
    return case((and_(true(), *conditions), literal_column("1")), else_=literal_column("0")) != (
        literal_column("0")
    )


def attribute_column(field: Field) -> ColumnElement[Any]:
    """Return the column of an attribute (not `alias`)."""
    named = _NAMED_OTHERWISE.get((field.scope, field.name))
    if named is not None:
        return named
    return (_m if field.scope is Scope.MODEL else _v)[field.name]


def property_table(scope: Scope) -> Table:
    """Return the table of the tags, params and metrics of a model or a version."""
    return model_properties if scope is Scope.MODEL else version_properties


class Conditions:
    """Compiles expressions over `models` and `versions` (which the query around joins).

    A property that is not there, or holds another type, has NULL in the columns that are compared;
    EXISTS takes that as false. Attributes that may be NULL say so.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(
        self, expression: Expression, workspace_id: int, *, versionless: bool = False
    ) -> Condition:
        """Return the condition on what is in a workspace.

        `versionless`: as if there were no version, so no field of it.
        """
        return self._of(normal(expression), workspace_id, versionless)

    def _of(self, expression: Expression, workspace_id: int, versionless: bool) -> Condition:
        match expression:
            case And(parts):
                return and_(*(self._of(part, workspace_id, versionless) for part in parts))
            case Or(parts):
                return or_(*(self._of(part, workspace_id, versionless) for part in parts))
            case Not(part):
                return not_(self._of(part, workspace_id, versionless))
            case Comparison() | InSet():
                if versionless and expression.field.scope is Scope.VERSION:
                    return false()
                return self._leaf(expression, workspace_id)

    def _leaf(self, leaf: Comparison | InSet, workspace_id: int) -> Condition:
        field = leaf.field
        if field.namespace is not Namespace.ATTRIBUTE:
            table = property_table(field.scope)
            owner = _m.id if field.scope is Scope.MODEL else _v.id
            # PostgreSQL may collect the owners first; the workspace is where their index begins.
            of_owner = table.c.owner_id == owner, table.c.workspace_id == workspace_id
            has_it = exists().where(*of_owner, *self.has_value(leaf))
            return _looked_up(has_it)
        if field.name == "alias":
            owned = _r.model_id == _m.id
            if field.scope is Scope.VERSION:
                owned = and_(_r.model_id == _v.model_id, _r.number == _v.number)
            return _looked_up(exists().where(owned, *self.is_alias(leaf)))
        return self.attribute(leaf)

    # -- the three places where a value can stand ------------------------------------------------

    def has_value(self, leaf: Comparison | InSet) -> tuple[Condition, ...]:
        """Return the conditions on a property row: the key, and what it holds."""
        field = leaf.field
        c = property_table(field.scope).c
        if isinstance(leaf, InSet):
            holds = _property_in(c, leaf.values)
        elif isinstance(leaf.value, str):
            holds = self._property_text(c, leaf.op, leaf.value)
        elif isinstance(leaf.value, bool):
            same = _COMPARE[leaf.op](c.number, float(leaf.value))
            holds = and_(c.kind == Kind.BOOLEAN.value, same)
        elif isinstance(leaf.value, int | float):
            is_metric = field.namespace is Namespace.METRIC
            holds = _property_number(c, leaf.op, leaf.value, is_metric=is_metric)
        else:
            holds = false()  # no property is a time
        return c.space == field.namespace.value, c.key == field.name, holds

    def is_alias(self, leaf: Comparison | InSet) -> tuple[Condition, ...]:
        """Return the conditions on a reference: that it is an alias, and what it is called."""
        return _r.kind == ReferenceKind.ALIAS.value, self._text_column(_r.name, leaf)

    def attribute(self, leaf: Comparison | InSet) -> Condition:
        """Return the condition on an attribute's column."""
        field, column = leaf.field, attribute_column(leaf.field)
        if field.type is FieldType.STRING:
            holds = and_(self._text_column(column, leaf), *(partial_index(leaf) or ()))
        else:
            holds = _integer_column(column, leaf)
        return and_(column.is_not(None), holds) if field.name in NULLABLE else holds

    # -- text ------------------------------------------------------------------------------------

    def _text_column(self, column: ColumnElement[str], leaf: Comparison | InSet) -> Condition:
        if isinstance(leaf, InSet):
            return column.in_([value for value in leaf.values if isinstance(value, str)])
        op, value = leaf.op, leaf.value
        if not isinstance(value, str):
            return false()
        if op is Op.LIKE:
            return and_(*_begins(column, value), self._engine.like(column, value))
        if op is Op.ILIKE:
            return self._engine.ilike(column, value)
        return _COMPARE[op](column, value)

    def _property_text(self, c: Any, op: Op, value: str) -> Condition:
        prefix, rest = value[:PREFIX_CHARS], value[PREFIX_CHARS:]
        match op:
            case Op.LIKE:
                return and_(
                    c.prefix.is_not(None),
                    *_begins(c.prefix, value),
                    self._engine.like(c.prefix + c.rest, value),
                )
            case Op.ILIKE:
                return and_(c.prefix.is_not(None), self._engine.ilike(c.prefix + c.rest, value))
            case Op.EQ:
                return and_(c.prefix == prefix, c.rest == rest)
            case Op.NE:
                return and_(c.prefix.is_not(None), or_(c.prefix != prefix, c.rest != rest))
            case Op.LT | Op.LE:
                bound = c.prefix <= prefix
                before = c.prefix < prefix
            case Op.GT | Op.GE:
                bound = c.prefix >= prefix
                before = c.prefix > prefix
        return and_(bound, or_(before, _COMPARE[op](c.rest, rest)))


def _looked_up(has_it: Exists) -> Condition:
    """Return what is looked up for one row, and never made a join.

    A filter may have hundreds of these, and the order of as many joins takes hours to plan.
    """
    return hidden(has_it.correlate(models, versions))


def _begins(column: ColumnElement[str], pattern: str) -> Iterable[Condition]:
    """Return the range, for an index, of all that can fit a pattern."""
    prefix = patterns.literal_prefix(pattern)[:PREFIX_CHARS]
    if prefix:
        yield column >= prefix
        end = patterns.after_prefix(prefix)
        if end is not None:
            yield column < end


# Attributes whose index leaves out what most versions have: is a value in it, and how to say so.
_PARTIAL: dict[str, tuple[Callable[[str], bool], Condition]] = {
    "stage": (lambda stage: stage_key(stage) != NO_STAGE_KEY, STAGED),
    "status": (lambda status: status != Status.READY.value, UNREADY),
    "run_id": (bool, HAS_RUN),
    "framework": (bool, HAS_FRAMEWORK),
    "checks": (bool, HAS_CHECKS),
}


def partial_index(leaf: Comparison | InSet) -> list[Condition] | None:
    """Return what follows from an equality, but tells of a partial index that it will do.

    None if the attribute's index is partial and can't hold all that is looked for.
    """
    field = leaf.field
    partial = _PARTIAL.get(field.name) if field.scope is Scope.VERSION else None
    if partial is None:
        return []
    wanted: tuple[Literal, ...] = ()
    if isinstance(leaf, InSet):
        wanted = leaf.values
    elif leaf.op is Op.EQ:
        wanted = (leaf.value,)
    holds, condition = partial
    if not wanted or not all(isinstance(value, str) and holds(value) for value in wanted):
        return None
    if field.name == "stage":
        keys = {stage_key(str(value)) for value in wanted}
        return [condition, _v.stage_key.in_(keys) if len(keys) > 1 else _v.stage_key == keys.pop()]
    return [condition]


# -- numbers -------------------------------------------------------------------------------------


def _compared(column: ColumnElement[Any], bound: tuple[Op, float] | bool) -> Condition:
    if isinstance(bound, bool):
        return true() if bound else false()
    return _COMPARE[bound[0]](column, bound[1])


def _integer_column(column: ColumnElement[int], leaf: Comparison | InSet) -> Condition:
    if isinstance(leaf, InSet):
        bounds = [on_integers(Op.EQ, number) for number in _numbers(leaf.values)]
        return column.in_([bound[1] for bound in bounds if not isinstance(bound, bool)])
    for number in _numbers([leaf.value]):
        return _compared(column, on_integers(leaf.op, number))
    return false()


def _numbers(values: Iterable[Literal]) -> Iterable[Number]:
    """Yield the numbers, and times as milliseconds, among literals."""
    for value in values:
        if isinstance(value, datetime):
            yield Fraction((value - _EPOCH) // timedelta(microseconds=1), 1000)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value


def _property_number(c: Any, op: Op, value: float, *, is_metric: bool) -> Condition:
    if abs(value) < EXACT and is_metric:  # a double, whatever it is: the index alone will do
        return _COMPARE[op](c.number, float(value))
    if abs(value) < EXACT:
        return and_(c.kind != Kind.BOOLEAN.value, _COMPARE[op](c.number, float(value)))
    exact = or_(
        and_(c.kind == Kind.DOUBLE.value, _compared(c.number, on_doubles(op, value))),
        and_(c.kind == Kind.INTEGER.value, _compared(c.integer, on_integers(op, value))),
    )
    if op is Op.NE:
        return and_(c.number.is_not(None), exact)
    inclusive = {Op.LT: Op.LE, Op.GT: Op.GE}.get(op, op)
    return and_(_COMPARE[inclusive](c.number, float(value)), exact)  # the first is for the index


def _property_in(c: Any, values: tuple[Literal, ...]) -> Condition:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [n for n in _numbers(values) if not isinstance(n, Fraction)]
    booleans = [float(value) for value in values if isinstance(value, bool)]
    found: list[Condition] = []
    if texts:  # the prefixes alone are for the index
        whole = [and_(c.rest == "", c.prefix.in_([t for t in texts if len(t) <= PREFIX_CHARS]))]
        whole += [
            and_(c.prefix == value[:PREFIX_CHARS], c.rest == value[PREFIX_CHARS:])
            for value in texts
            if len(value) > PREFIX_CHARS
        ]
        found.append(and_(c.prefix.in_([t[:PREFIX_CHARS] for t in texts]), or_(*whole)))
    if numbers:
        doubles = [b[1] for n in numbers if not isinstance(b := on_doubles(Op.EQ, n), bool)]
        integers = [b[1] for n in numbers if not isinstance(b := on_integers(Op.EQ, n), bool)]
        exact = or_(
            and_(c.kind == Kind.DOUBLE.value, c.number.in_(doubles)),
            and_(c.kind == Kind.INTEGER.value, c.integer.in_(integers)),
        )
        found.append(and_(c.number.in_([float(n) for n in numbers]), exact))
    if booleans:
        found.append(and_(c.kind == Kind.BOOLEAN.value, c.number.in_(booleans)))
    return or_(false(), *found)
