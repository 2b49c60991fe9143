"""Laying out a graph from left to right: each node behind all that it came from.

column 0      column 1     column 2
data set ───> fraud/1 ───> churn/3        a node stands one column left of the first that
commit ────────┘                          came from it; crossings are few, not fewest
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

Arrows: TypeAlias = Iterable[tuple[str, str]]
"""Pairs of keys: what something came from, and what came from it."""

_SWEEPS: Final = 4


def layers(keys: Sequence[str], arrows: Arrows) -> list[list[str]]:
    """Return the columns of a graph, from left to right, each from top to bottom.

    `keys` are all nodes. Arrows that close a circle are passed over: there should be none.

    >>> layers(["v2", "v1", "data"], [("v1", "v2"), ("data", "v2")])
    [['v1', 'data'], ['v2']]
    """
    known = set(keys)
    after: dict[str, list[str]] = {key: [] for key in keys}
    before: dict[str, list[str]] = {key: [] for key in keys}
    for left, right in _without_circles(keys, [a for a in arrows if known.issuperset(a)]):
        after[left].append(right)
        before[right].append(left)
    place = _places(keys, before, after)
    columns: list[list[str]] = [[] for _ in range(max(place.values(), default=-1) + 1)]
    for key in keys:
        columns[place[key]].append(key)
    for _ in range(_SWEEPS):
        for at in range(1, len(columns)):
            _order(columns[at], before, columns[at - 1])
        for at in range(len(columns) - 2, -1, -1):
            _order(columns[at], after, columns[at + 1])
    return columns


def _without_circles(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> Arrows:
    """Return the arrows without those that lead back to where a walk came from."""
    after: dict[str, list[str]] = {key: [] for key in keys}
    for left, right in arrows:
        after[left].append(right)
    kept: list[tuple[str, str]] = []
    done: set[str] = set()
    for first in keys:
        if first in done:
            continue
        path, waiting = {first}, [(first, iter(after[first]))]
        while waiting:
            here, rest = waiting[-1]
            for right in rest:
                if right in path:
                    continue
                kept.append((here, right))
                if right not in done:
                    path.add(right)
                    waiting.append((right, iter(after[right])))
                    break
            else:
                waiting.pop()
                path.discard(here)
                done.add(here)
    return kept


def _places(
    keys: Sequence[str], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> dict[str, int]:
    """Return each node's column: behind all before it, and then as far right as that allows."""
    order: list[str] = []
    missing = {key: len(before[key]) for key in keys}
    ready = [key for key in keys if not missing[key]]
    while ready:
        key = ready.pop()
        order.append(key)
        for right in after[key]:
            missing[right] -= 1
            if not missing[right]:
                ready.append(right)
    place: dict[str, int] = {}
    for key in order:
        place[key] = max((place[left] + 1 for left in before[key]), default=0)
    for key in reversed(order):
        if after[key]:
            place[key] = min(place[right] for right in after[key]) - 1
    return place


def _order(column: list[str], neighbours: Mapping[str, list[str]], beside: Sequence[str]) -> None:
    """Sort a column so that its nodes stand beside their neighbours of the next one."""
    at = {key: index for index, key in enumerate(beside)}

    def height(key: str) -> float:
        near = [at[other] for other in neighbours[key] if other in at]
        return sum(near) / len(near) if near else float(now[key])

    now = {key: index for index, key in enumerate(column)}
    column.sort(key=height)
