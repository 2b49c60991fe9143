"""LIKE patterns in the ways that databases write them."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.storage.sql.patterns import after_prefix, literal_prefix, to_glob, to_like

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def sqlite_says(expression: str, *parameters: str) -> bool:
    database = sqlite3.connect(":memory:")
    (said,) = database.execute(f"SELECT {expression}", parameters).fetchone()
    database.close()
    return bool(said)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("fraud%", ["fraud", "fraud-1"], ["Fraud", "a fraud"]),
        ("a_c", ["abc", "a🙂c"], ["ac", "abbc", "aBBc"]),
        (r"100\%", ["100%"], ["1000", r"100\%"]),
        (r"a\_b%", ["a_b", "a_bc"], ["aXb"]),
        (r"a\b", [r"a\b"], ["ab"]),
        ("a\\", ["a\\"], ["a"]),
        ("[a]*?", ["[a]*?"], ["a", "axy"]),
        ("%", ["", "anything"], []),
    ],
)
def test_a_pattern_fits_whole_values(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    for value in fits + fits_not:
        assert sqlite_says("? GLOB ?", value, to_glob(pattern)) is (value in fits)
    for value in fits:
        assert sqlite_says("? LIKE ? ESCAPE '\\'", value.upper(), to_like(pattern))


@given(texts, texts)
def test_what_begins_with_a_prefix_lies_before_what_comes_after_it(prefix: str, rest: str) -> None:
    end = after_prefix(prefix)
    assert end is None or prefix + rest < end
    assert end is None or not end.startswith(prefix)


def test_nothing_comes_after_the_last_code_point() -> None:
    assert after_prefix("") is None
    assert after_prefix("\U0010ffff") is None
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\ud7ff") == "\ue000"


@given(texts)
def test_the_literal_prefix_ends_at_the_first_wild_card(text: str) -> None:
    escaped = text.replace("%", r"\%").replace("_", r"\_")
    if "\\" not in text:
        assert literal_prefix(escaped + "%x") == text
