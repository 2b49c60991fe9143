"""Whether a filter holds, in plain Python: what `muniment.domain.query` says, executed.

Stores compile filters into their own language and must agree with this (the conformance suite
compares); it also serves where an entity is at hand already.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
    InSet,
    Literal,
    Namespace,
    Not,
    Op,
    Or,
    Scope,
)

_COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


def model_matches(
    expression: Expression, model: RegisteredModel, versions: Collection[ModelVersion]
) -> bool:
    """Say whether a search of models finds `model`, whose live versions are `versions`."""
    if not versions:
        return matches(expression, model, None)
    return any(matches(expression, model, version) for version in versions)


def matches(expression: Expression, model: RegisteredModel, version: ModelVersion | None) -> bool:
    """Say whether the filter holds for a model together with one of its versions (or none)."""
    match expression:
        case And(parts):
            return all(matches(part, model, version) for part in parts)
        case Or(parts):
            return any(matches(part, model, version) for part in parts)
        case Not(part):
            return not matches(part, model, version)
        case Comparison(field, op, literal):
            return any(_holds(value, op, literal) for value in _values(field, model, version))
        case InSet(field, literals):
            return any(
                _holds(value, Op.EQ, literal)
                for value in _values(field, model, version)
                for literal in literals
            )


def _values(
    field: Field, model: RegisteredModel, version: ModelVersion | None
) -> Collection[Literal]:
    """Return the values of a field: none if it is lacking, several for aliases."""
    entity = model if field.scope is Scope.MODEL else version
    if entity is None:
        return ()
    if field.namespace is not Namespace.ATTRIBUTE:
        pairs = getattr(entity, field.namespace.value)
        return (pairs[field.name],) if field.name in pairs else ()
    if field.name == "alias":
        return tuple(entity.aliases)
    value = getattr(entity, field.name)
    return () if value is None else (value,)


def _holds(value: Literal, op: Op, literal: Literal) -> bool:
    """Compare two values; those of different types are neither equal, unequal nor ordered."""
    if _kind(value) is not _kind(literal):
        return False
    if op in (Op.LIKE, Op.ILIKE):
        return bool(_pattern(str(literal), op is Op.ILIKE).fullmatch(str(value)))
    return _COMPARE[op](value, literal)


def _kind(value: Literal) -> type:
    for kind in (bool, str, datetime):
        if isinstance(value, kind):
            return kind
    return float


@lru_cache(maxsize=256)
def _pattern(like: str, ignore_case: bool) -> re.Pattern[str]:
    r"""Return the regular expression that a LIKE pattern means, for `fullmatch`.

    What stands between two `%` is looked for once, from the left, and never again (`(?>…)`), so
    that no pattern takes more time than its length times that of the text.
    """
    pieces = [""]
    for part in re.findall(r"\\[%_\\]|[\s\S]", like):
        if part == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if part == "_" else re.escape(part[-1])
    first, *middle = pieces
    last = f".*{middle.pop()}" if middle else ""
    text = first + "".join(f"(?>.*?{piece})" for piece in middle) + last
    return re.compile(text, re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else re.NOFLAG))
