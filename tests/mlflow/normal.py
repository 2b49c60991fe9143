"""Answers in a form in which two servers' can be compared.

Times become the calls in which they were taken, which says more than their order: `created in call
3, changed in call 5`. For that no two calls may fall into one millisecond. What a server made up
(ids, page tokens) becomes a label, and the text of an error counts only as being there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.mlflow.twin import Exchange

LABELS = {
    "next_page_token": "<token>",
    "message": "<message>",
}
HEADERS = ("content-range", "accept-ranges")
"""The headers that are part of an answer, beside the type of its content."""


class Times:
    """When the calls of one test to one server were made, in milliseconds."""

    def __init__(self) -> None:
        self._calls: list[tuple[int, int]] = []

    @contextmanager
    def call(self) -> Iterator[None]:
        """Note a call's time, after the last call's millisecond is over."""
        while self._calls and _now() <= self._calls[-1][1]:
            time.sleep(0.0002)
        start = _now()
        try:
            yield
        finally:
            self._calls.append((start, _now()))

    def place(self, stamp: int) -> str:
        """Say in which call a time was taken; as it is, if in none."""
        for number, (start, end) in enumerate(self._calls):
            if start <= stamp <= end:
                return f"<call {number}>"
        return str(stamp)


def _now() -> int:
    return time.time_ns() // 1_000_000


def normal(
    exchange: Exchange, times: Times, known: Mapping[str, str], ignored: Set[str]
) -> dict[str, Any]:
    """Return what of an answer is compared."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(item, name) for name, item in value.items() if name not in ignored}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and _is_time(key):
            return times.place(value)
        if value and key in LABELS:
            return LABELS[key]
        if isinstance(value, str):
            for own, label in known.items():
                value = value.replace(own, label)
        return value

    found: dict[str, Any] = {"status": exchange.status}
    found["body"] = walk(exchange.body)
    if exchange.status < 300:
        kind = exchange.headers.get("content-type", "")
        found["type"] = kind.partition(";")[0]
        found |= {name: exchange.headers[name] for name in HEADERS if name in exchange.headers}
        disposition = exchange.headers.get("content-disposition", "")
        found["disposition"] = disposition.partition(";")[0]
    return {name: value for name, value in found.items() if name not in ignored}


def _is_time(key: str) -> bool:
    return key.endswith(("timestamp", "timestamp_ms", "_time"))


def difference(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Return lines that say where two answers differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            line
            for name in {**theirs, **ours}
            for line in difference(
                theirs.get(name, "<absent>"), ours.get(name, "<absent>"), f"{path}.{name}"
            )
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line
            for number, (one, other) in enumerate(zip(theirs, ours, strict=True))
            for line in difference(one, other, f"{path}[{number}]")
        ]
    if theirs == ours and type(theirs) is type(ours):
        return []
    return [f"{path or '.'}: MLflow {_short(theirs)} · ours {_short(ours)}"]


def _short(value: Any) -> str:
    return f"{value!r:.400}"
