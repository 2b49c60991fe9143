"""Patterns of names: `*` stands for any characters, `?` for one; the rest stands for itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from muniment.domain.values import Value
from muniment.errors import InvalidInput

MAX_PATTERN_CHARS: Final = 500


def matches(pattern: str, text: str) -> bool:
    """Say whether all of `text` fits `pattern`; case matters.

    >>> matches("fraud-*", "fraud-eu")
    True
    """
    return pattern == "*" or _compiled(pattern).fullmatch(text) is not None


def check_pattern(pattern: str, field: str) -> str:
    """Return a pattern of at most 500 characters; an empty one is refused: it is not "all"."""
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise InvalidInput(
            f"{field} must be a pattern such as 'fraud-*', not {pattern!r:.80}.",
            hint=f"Write * for all; at most {MAX_PATTERN_CHARS} characters.",
            details={"field": field},
        )
    return pattern


def carries(tags: Mapping[str, Value], tag: str) -> bool:
    """Say whether `tags` hold `key=value`, or any value of the `key` if no value is named."""
    key, equals, value = tag.partition("=")
    return tags.get(key) == value if equals else key in tags


def shows(tags: Mapping[str, Value], tag: str) -> bool:
    """Say what `carries` does, but take a value that is no text as it is typed.

    >>> shows({"reviewed": True, "tier": 1}, "reviewed=true")
    True
    """
    key, _, value = tag.partition("=")
    found = tags.get(key)
    if isinstance(found, bool):
        return carries({key: "true" if found else "false"}, tag)
    return carries(tags, tag) or (found is not None and str(found) == value)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern for `fullmatch`.

    What stands between two stars is looked for once, from the left, and never again (`(?>…)`), so
    that no pattern takes more time than its length times that of the text.
    """
    first, *middle = (
        "".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*")
    )
    last = f".*{middle.pop()}" if middle else ""
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + last, re.DOTALL)
