from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.values import Value
from muniment.errors import InvalidInput
from muniment.server.web.tagging import changes_in, lines_of

KEYS = st.text("abc._-/: xyz", min_size=1).map(str.strip).filter(bool)
VALUES = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(st.dictionaries(KEYS, VALUES))
def test_a_form_that_nobody_touched_changes_nothing(tags: dict[str, Value]) -> None:
    assert changes_in(lines_of(tags).replace("\n", "\r\n"), tags) == {}


@given(st.dictionaries(KEYS, VALUES))
def test_lines_say_all_of_the_tags_types_and_all(tags: dict[str, Value]) -> None:
    read = changes_in(lines_of(tags), {})
    assert {key: (type(v), v) for key, v in read.items()} == {
        key: (type(v), v) for key, v in tags.items()
    }


def test_only_what_differs_is_changed() -> None:
    tags: dict[str, Value] = {"team": "risk", "depth": 7, "live": True, "old": "x"}
    text = "team = risk\n\n  depth=8 \nlive = true\nnew = a = b\nempty ="
    assert changes_in(text, tags) == {"old": None, "depth": 8, "new": "a = b", "empty": ""}


def test_a_value_of_another_type_is_another_value() -> None:
    assert changes_in("live = 1", {"live": True}) == {"live": 1}
    assert changes_in('zip = "10115"', {"zip": 10115}) == {"zip": "10115"}


@pytest.mark.parametrize("text", ["team", "= risk", "a = 1\na = 2"])
def test_what_is_no_tag_is_said_at_the_field(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        changes_in(text, {})
    assert raised.value.details["field"] == "tags"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[1]", "{}", "null", "[" * 9_000])
def test_what_reads_as_no_scalar_is_text(text: str) -> None:
    assert changes_in(f"x = {text}", {}) == {"x": text}
