"""Patterns of names and tags: the star and the question mark, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from muniment.domain.patterns import carries, matches, shows
from muniment.domain.values import Value

few = st.text(st.sampled_from("ab.[\n"), max_size=12)
patterns = st.text(st.sampled_from("ab.[*?\n"), max_size=8)


def fits(pattern: str, text: str) -> bool:
    """Say what `matches` does, naively."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and fits(pattern[1:], text[1:])


@given(patterns, few)
@example("a*b*a", "aba")
@example("*ab*ab", "abab")
@example("**", "")
def test_a_pattern_fits_what_it_says(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fits(pattern, text)


def test_case_matters_and_all_of_the_text_counts() -> None:
    assert matches("fraud-*", "fraud-eu")
    assert not matches("fraud-*", "Fraud-eu")
    assert not matches("fraud", "fraud-eu")
    assert matches("fraud-??", "fraud-eu")


def test_no_pattern_takes_long() -> None:
    assert not matches("*a" * 100 + "b", "a" * 5_000)


@pytest.mark.parametrize(
    ("tags", "tag", "carried", "shown"),
    [
        ({"team": "risk"}, "team", True, True),
        ({"team": "risk"}, "team=risk", True, True),
        ({"team": "risk"}, "team=Risk", False, False),
        ({"team": ""}, "team=", True, True),
        ({"team": "a=b"}, "team=a=b", True, True),
        ({"team": "risk"}, "owner", False, False),
        ({}, "team=None", False, False),
        ({"ok": True}, "ok", True, True),
        ({"ok": True}, "ok=true", False, True),
        ({"ok": False}, "ok=false", False, True),
        ({"ok": True}, "ok=True", False, False),
        ({"ok": True}, "ok=1", False, False),
        ({"tier": 1}, "tier=1", False, True),
        ({"rate": 0.5}, "rate=0.5", False, True),
        ({"rate": 0.5}, "rate=0.50", False, False),
    ],
)
def test_a_tag_is_carried_exactly_and_shown_as_it_is_typed(
    tags: dict[str, Value], tag: str, carried: bool, shown: bool
) -> None:
    assert carries(tags, tag) is carried
    assert shows(tags, tag) is shown
