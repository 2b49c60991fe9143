"""A metric over the versions of a model, with the promotions marked. Drawn on the server, as SVG.

0.97 ┄┄┄┄┄┄┄┄┄┄┄┄┄◉┄┄┄┄┄●       x in percent of whatever width there is, y in pixels: so it is
0.93 ┄┄┄●┄┄┄┄●┄┄┄┄┄┄┄┄┄┄┄       as sharp on a telephone as on a wall
        1    2    3     4
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from muniment.server.web.words import number

HEIGHT: Final = 190
_TOP, _BOTTOM = 26.0, 152.0  # pixels
_LEFT, _RIGHT = 12.0, 97.0  # percent
_NUMBERS: Final = 8


@dataclass(frozen=True, slots=True)
class Point:
    """A version's value; `entered` names the stage that it was promoted to, if it was."""

    version: int
    value: float
    entered: str = ""


def trend(points: Sequence[Point], label: str) -> Markup:
    """Return the picture of at least one point, oldest first."""
    placed = list(_placed(points))
    parts = [*_scale(points), *_lines(placed), *_promotions(placed)]
    parts += [_dot(point, x, y) for point, x, y in placed]
    parts += list(_numbers(placed))
    return Markup(
        '<svg class="trend" width="100%" height="{h}" role="img" aria-label="{label}">{all}</svg>'
    ).format(h=HEIGHT, label=label, all=Markup("").join(parts))


def _placed(points: Sequence[Point]) -> Iterator[tuple[Point, float, float]]:
    values = [point.value for point in points]
    low, high = min(values), max(values)
    step = (_RIGHT - _LEFT) / max(1, len(points) - 1)
    for at, point in enumerate(points):
        x = _LEFT + at * step if len(points) > 1 else (_LEFT + _RIGHT) / 2
        share = (point.value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
        yield point, x, _BOTTOM - share * (_BOTTOM - _TOP)


def _scale(points: Sequence[Point]) -> Iterator[Markup]:
    values = {min(p.value for p in points): _BOTTOM, max(p.value for p in points): _TOP}
    if len(values) == 1:
        values = dict.fromkeys(values, (_TOP + _BOTTOM) / 2)
    for value, y in values.items():
        yield Markup(
            '<line class="axis" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text x="0" y="{above:.1f}">{value}</text>'
        ).format(y=y, above=y - 4, value=number(value))


def _lines(placed: Sequence[tuple[Point, float, float]]) -> Iterator[Markup]:
    for (_, x1, y1), (_, x2, y2) in pairwise(placed):
        yield Markup(
            '<line class="line" x1="{:.2f}%" y1="{:.1f}" x2="{:.2f}%" y2="{:.1f}"/>'
        ).format(x1, y1, x2, y2)


def _promotions(placed: Sequence[tuple[Point, float, float]]) -> Iterator[Markup]:
    for point, x, y in placed:
        if point.entered:
            yield Markup(
                '<line class="promotion" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y:.1f}" y2="{end:.1f}"/>'
                '<circle class="mark" cx="{x:.2f}%" cy="{y:.1f}" r="6.5"/>'
            ).format(x=x, y=y, end=_BOTTOM + 6)


def _dot(point: Point, x: float, y: float) -> Markup:
    entered = f", promoted to {point.entered}" if point.entered else ""
    title = f"version {point.version}: {point.value!r}{entered}"
    return Markup(
        '<circle class="dot" cx="{:.2f}%" cy="{:.1f}" r="3.2"><title>{}</title></circle>'
    ).format(x, y, title)


def _numbers(placed: Sequence[tuple[Point, float, float]]) -> Iterator[Markup]:
    every = max(1, -(-len(placed) // _NUMBERS))
    for at, (point, x, _) in enumerate(reversed(placed)):  # the newest has its number always
        if at % every == 0:
            yield Markup('<text class="middle" x="{:.2f}%" y="{:.0f}">{}</text>').format(
                x, _BOTTOM + 24, point.version
            )
