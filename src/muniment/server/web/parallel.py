"""Parallel coordinates: one axis a metric, one line a version; up is better on every axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from muniment.server.web.words import number

HEIGHT: Final = 250
_TOP, _BOTTOM = 34.0, 196.0  # pixels
_LEFT, _RIGHT = 7.0, 92.0  # percent
_LINE: Final = 14.0  # pixels between two labels
_NAME: Final = 16  # characters


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric and its value in each version, None where one has none."""

    metric: str
    higher_is_better: bool
    values: tuple[float | None, ...]


def parallel(axes: Sequence[Axis], versions: Sequence[int]) -> Markup:
    """Return the picture of at least two axes; lines have the classes series-1 to series-6."""
    step = (_RIGHT - _LEFT) / (len(axes) - 1)
    across = [_LEFT + at * step for at in range(len(axes))]
    parts = [part for axis, x in zip(axes, across, strict=True) for part in _axis(axis, x)]
    heights = [_heights(axis) for axis in axes]
    for series, version in enumerate(versions, 1):
        points = [
            (x, axis.values[series - 1], column[series - 1], axis.metric)
            for x, axis, column in zip(across, axes, heights, strict=True)
        ]
        parts += _line(series, version, points)
    parts += _ends(versions, heights[-1])
    label = f"Versions {', '.join(map(str, versions))} over {len(axes)} metrics; up is better"
    return Markup(
        '<svg class="parallel" width="100%" height="{h}" role="img" aria-label="{label}">'
        "{all}</svg>"
    ).format(h=HEIGHT, label=label, all=Markup("").join(parts))


def _heights(axis: Axis) -> list[float | None]:
    known = [value for value in axis.values if value is not None]
    low, high = min(known), max(known)
    found: list[float | None] = []
    for value in axis.values:
        if value is None:
            found.append(None)
            continue
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
        share = share if axis.higher_is_better else 1 - share
        found.append(_BOTTOM - share * (_BOTTOM - _TOP))
    return found


def _axis(axis: Axis, x: float) -> Iterator[Markup]:
    known = [value for value in axis.values if value is not None]
    best, worst = max(known), min(known)
    if not axis.higher_is_better:
        best, worst = worst, best
    cut = axis.metric if len(axis.metric) <= _NAME else axis.metric[: _NAME - 1] + "…"
    yield Markup(
        '<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top:.0f}" y2="{bottom:.0f}"/>'
        '<text class="middle" x="{x:.2f}%" y="{above:.0f}">{best}</text>'
        '<text class="middle" x="{x:.2f}%" y="{below:.0f}">{worst}</text>'
        '<text class="middle name" x="{x:.2f}%" y="{name:.0f}">{cut}<title>{metric}</title></text>'
    ).format(
        x=x,
        top=_TOP,
        bottom=_BOTTOM,
        above=_TOP - 10,
        below=_BOTTOM + 18,
        name=_BOTTOM + 38,
        best=number(best),
        worst=number(worst),
        cut=cut,
        metric=axis.metric,
    )


_Place = tuple[float, float | None, float | None, str]


def _line(series: int, version: int, points: Sequence[_Place]) -> Iterator[Markup]:
    for (x1, _, y1, _), (x2, _, y2, _) in pairwise(points):
        if y1 is not None and y2 is not None:
            yield Markup(
                '<line class="series-{}" x1="{:.2f}%" y1="{:.1f}" x2="{:.2f}%" y2="{:.1f}"/>'
            ).format(series, x1, y1, x2, y2)
    for x, value, y, metric in points:
        if y is not None:
            yield Markup(
                '<circle class="series-{}" cx="{:.2f}%" cy="{:.1f}" r="3.5">'
                "<title>version {}: {} {}</title></circle>"
            ).format(series, x, y, version, metric, value)


def _ends(versions: Sequence[int], heights: Sequence[float | None]) -> Iterator[Markup]:
    """Write the versions' numbers behind their lines, none over another."""
    placed = sorted(
        (y, series, version)
        for series, (version, y) in enumerate(zip(versions, heights, strict=True), 1)
        if y is not None
    )
    free = 0.0
    for y, series, version in placed:
        free = max(y + 4, free)
        yield Markup('<text class="series-{}" x="{:.2f}%" y="{:.1f}">{}</text>').format(
            series, _RIGHT + 1.5, free, version
        )
        free += _LINE
