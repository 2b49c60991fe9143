"""Tags as lines of a form: `team = risk`. A value keeps its type, there and back.

team = risk           text
depth = 7             a number, as is 0.5; true and false are booleans
zip = "10115"         text that would else be read as a number; so are line breaks written
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from muniment.domain.values import Value
from muniment.errors import InvalidInput


def lines_of(tags: Mapping[str, Value]) -> str:
    """Return tags as lines, by their keys.

    >>> lines_of({"zip": "10115", "team": "risk", "depth": 7})
    'depth = 7\\nteam = risk\\nzip = "10115"'
    """
    return "\n".join(f"{key} = {_written(tags[key])}" for key in sorted(tags))


def changes_in(text: str, tags: Mapping[str, Value]) -> dict[str, Value | None]:
    """Return what lines change in `tags`: None for a key that is not in them any more.

    Raises:
        InvalidInput: a line without `=`, or a key that stands twice.
    """
    read: dict[str, Value] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not key:
            raise _fault(f"Line {number}, {line.strip()!r:.100}, is no tag.", "Write key = value.")
        if key in read:
            raise _fault(f"The tag {key!r:.100} stands twice.", "Keep one of the two lines.")
        read[key] = _read(value)
    gone = dict.fromkeys(tags.keys() - read.keys())
    changed = {k: v for k, v in read.items() if k not in tags or _differ(tags[k], v)}
    return {**gone, **changed}


def _differ(one: Value, other: Value) -> bool:
    return (type(one), one) != (type(other), other)  # Python calls 1 and True equal


def _written(value: Value) -> str:
    if isinstance(value, str) and value.isprintable() and value == value.strip():
        read = _read(value)
        if not _differ(read, value):
            return value
    return json.dumps(value, ensure_ascii=not str(value).isprintable())


def _read(text: str) -> Value:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, str | int | float) else text


def _fault(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, hint=hint, details={"field": "tags"})
