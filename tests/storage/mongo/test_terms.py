"""Terms: texts in the order of the values that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.query import Namespace, Op
from muniment.storage.mongo import terms

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def term(value: str | float | bool) -> str:
    (found,) = terms.terms(Namespace.TAG, {"k": value})
    return found


def admits(op: Op, value: str | float, held: str | float) -> bool:
    """Say whether a search for `op value` looks at what holds `held`."""
    condition = terms.compared(Namespace.TAG, "k", op, value)
    if "$in" in condition:
        return term(held) in condition["$in"]
    bounds = condition["$elemMatch"]
    below = bounds["$lt"] > term(held) if "$lt" in bounds else bounds["$lte"] >= term(held)
    return bool(below and bounds["$gte"] <= term(held))


@given(NUMBERS, NUMBERS)
def test_terms_of_numbers_are_in_their_order(a: float, b: float) -> None:
    assert (term(a) < term(b)) == (float(a) < float(b))
    assert (term(a) == term(b)) == (float(a) == float(b))


@given(st.one_of(st.tuples(NUMBERS, NUMBERS), st.tuples(TEXTS, TEXTS)))
def test_nothing_that_fits_is_left_out(pair: tuple[str, str]) -> None:
    low, high = sorted(pair)
    assert admits(Op.EQ, low, low)
    assert admits(Op.LE, high, low)
    assert admits(Op.GE, low, high)
    assert admits(Op.NE, low, high)
    assert low == high or (admits(Op.LT, high, low) and admits(Op.GT, low, high))


@given(TEXTS, TEXTS)
def test_texts_that_begin_alike_are_in_one_range(prefix: str, rest: str) -> None:
    end = terms.after(prefix)
    assert end is None or prefix <= prefix + rest < end
    bounds = terms.beginning(Namespace.TAG, "k", prefix)["$elemMatch"]
    assert bounds["$gte"] <= term(prefix + rest) < bounds["$lt"]


def test_values_of_other_types_are_not_looked_at() -> None:
    assert not admits(Op.GE, "", 1)
    assert not admits(Op.LT, 1e308, "")
    assert not admits(Op.NE, 1, True)
    assert not admits(Op.EQ, "1", 1)
