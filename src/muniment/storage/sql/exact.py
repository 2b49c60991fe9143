"""Comparisons of integers with doubles, exactly: a literal becomes a bound of the column's type."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final, TypeAlias

from muniment.domain.query import Op

Number: TypeAlias = int | float | Fraction
EXACT: Final = 2.0**53
"""Below it, the nearest double of an integer is the integer."""
_INT64 = range(-(2**63), 2**63)


def on_integers(op: Op, value: Number) -> tuple[Op, int] | bool:
    """Return the comparison that holds for the same 64-bit integers as `op value`.

    True or False if it holds for all or none.

    >>> on_integers(Op.LT, 2.5)
    (<Op.LT: '<'>, 3)
    """
    bound = math.ceil(value) if op in (Op.LT, Op.GE) else math.floor(value)
    if op in (Op.EQ, Op.NE) and bound != value:
        return op is Op.NE
    if bound in _INT64:
        return op, bound
    return op in ((Op.NE, Op.LT, Op.LE) if bound > 0 else (Op.NE, Op.GT, Op.GE))


def on_doubles(op: Op, value: float) -> tuple[Op, float] | bool:
    """Return the comparison that holds for the same doubles as `op value`, a 64-bit number.

    >>> on_doubles(Op.LE, 2**53 + 1)
    (<Op.LE: '<='>, 9007199254740992.0)
    """
    near = float(value)
    if near == value:
        return op, near
    if op in (Op.EQ, Op.NE):
        return op is Op.NE
    if op in (Op.LT, Op.LE):  # no double lies between the value and the one nearest to it
        return (Op.LT if near > value else Op.LE), near
    return (Op.GE if near > value else Op.GT), near
