"""What is written into cells of spreadsheets."""

from __future__ import annotations

import pytest

from muniment.domain.sheets import cell
from muniment.domain.values import Json


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (3, "3"),
        ("a,b", "a,b"),
        ({"ü": 1}, '{"ü": 1}'),
        *((text, f"'{text}") for text in ("=1", "+1", "-1", "@x", "\t=1", "\r1", "\n1", "＝1")),
        (-1, "'-1"),
    ],
)
def test_no_cell_is_a_formula(value: Json, shown: str) -> None:
    assert cell(value) == shown
