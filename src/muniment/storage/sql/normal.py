"""A filter in the form that databases can parse however deep it is.

SQLite's parser holds 100 symbols at a time. Negations therefore go down to the comparisons (which
is exact, for they are true or false, never unknown), and of the parts of an AND or OR the deepest
comes first: then an open parenthesis is all that the parser must keep of each level.
"""

from __future__ import annotations

from collections.abc import Iterable

from muniment.domain.query import And, Comparison, Expression, InSet, Not, Or


def normal(expression: Expression, *, negated: bool = False) -> Expression:
    """Return what means the same as `expression` (or its negation)."""
    match expression:
        case Not(part):
            return normal(part, negated=not negated)
        case And(parts) | Or(parts):
            conjunction = isinstance(expression, And) is not negated
            return _joined((normal(part, negated=negated) for part in parts), conjunction)
        case Comparison() | InSet():
            return Not(expression) if negated else expression


def _joined(parts: Iterable[Expression], conjunction: bool) -> Expression:
    kind = And if conjunction else Or
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else [part]
    return kind(tuple(sorted(flat, key=_depth, reverse=True)))


def _depth(expression: Expression) -> int:
    if isinstance(expression, And | Or):
        return 1 + max(_depth(part) for part in expression.parts)
    return 0
