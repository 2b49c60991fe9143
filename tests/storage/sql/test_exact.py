"""Bounds mean the same as the literals that they stand for."""

from __future__ import annotations

import operator
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from muniment.domain.query import Op
from muniment.storage.sql.exact import on_doubles, on_integers

OPERATORS = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
ops = st.sampled_from(list(OPERATORS))
int64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3).map(lambda n: 2**53 + n)
doubles = st.floats(allow_nan=False, allow_infinity=False) | int64.map(float)


def holds(comparison: tuple[Op, int] | tuple[Op, float] | bool, value: float) -> bool:
    if isinstance(comparison, bool):
        return comparison
    op, bound = comparison
    return bool(OPERATORS[op](value, bound))


@given(ops, doubles | int64 | st.fractions(), int64)
@example(Op.LE, float(2**63), 2**63 - 1)
@example(Op.GE, -1e300, -(2**63))
def test_a_bound_for_integers_means_the_same(op: Op, literal: float | Fraction, value: int) -> None:
    assert holds(on_integers(op, literal), value) == OPERATORS[op](Fraction(value), literal)


@given(ops, int64 | doubles, doubles)
@example(Op.LT, 2**53 + 1, 2.0**53)
@example(Op.GE, 2**63 - 1, 2.0**63)
def test_a_bound_for_doubles_means_the_same(op: Op, literal: float, value: float) -> None:
    assert holds(on_doubles(op, literal), value) == OPERATORS[op](Fraction(value), literal)
