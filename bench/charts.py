"""Bars as SVG: how many times better than its yardstick each figure is, on a logarithmic scale.

It has a background of its own and follows the reader's colours, light or dark; no scripts, no fonts
from elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from bench import Finding

LABELS, BARS, VALUES, ROW, HEAD, EDGE = 290, 400, 130, 22, 34, 16
WIDTH: Final = LABELS + BARS + VALUES
STEPS: Final = (1, 2, 5)

STYLE: Final = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.group { font-weight: 600 }
.scale { font-size: 11px; fill: #59636e }
.ground { fill: #ffffff }
.line { stroke: #d1d9e0 }
.even { stroke: #59636e }
.target { stroke: #1f2328; stroke-width: 2 }
.good { fill: #3b76d4 }
.missed { fill: #c4570c }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .scale { fill: #9198a1 }
  .ground { fill: #0d1117 }
  .line { stroke: #3d444d }
  .even { stroke: #9198a1 }
  .target { stroke: #f0f6fc }
  .good { fill: #5b93ea }
  .missed { fill: #e8833a }
}
"""


@dataclass(frozen=True)
class Bar:
    """A finding as a factor: above 1, ours is better than what it is measured beside."""

    what: str
    beside: str
    factor: float
    target: float | None
    missed: bool

    @classmethod
    def of(cls, finding: Finding) -> Bar | None:
        """Return the bar of a finding; None if it has neither yardstick nor target.

        Without a yardstick, the target is one.
        """
        ratio, target = finding.ratio, finding.target
        if ratio is None and target is not None:
            ratio, target = finding.ours.value / target, 1.0
        if ratio is None or ratio <= 0:
            return None
        better = finding.more_is_better
        return cls(
            finding.what,
            finding.yardstick_name or "its target",
            ratio if better else 1 / ratio,
            target if target is None or better else 1 / target,
            finding.met is False,
        )

    @property
    def words(self) -> str:
        """What stands at its end."""
        return f"{factor_shown(self.factor)}×" + (" missed" if self.missed else "")


def chart(title: str, findings: Sequence[Finding]) -> str | None:
    """Return the findings as a picture; None if there is nothing to compare."""
    groups = [
        (name, [bar for finding in found if (bar := Bar.of(finding))])
        for name, found in groupby(by_group(findings), key=lambda finding: finding.group)
    ]
    groups = [(name, bars) for name, bars in groups if bars]
    if not groups:
        return None
    values = [value for _, bars in groups for bar in bars for value in (bar.factor, bar.target)]
    scale = Scale.of([value for value in values if value])
    height = HEAD + sum(HEAD + ROW * len(bars) for _, bars in groups) + EDGE
    parts = [_scale(scale, height)]
    y = HEAD
    for name, bars in groups:
        others = {bar.beside for bar in bars}
        heading = f"{name}, beside {bars[0].beside}" if len(others) == 1 else name
        parts.append(f'<text class="group" x="{EDGE}" y="{y + 22}">{escape(heading)}</text>')
        y += HEAD
        for bar in bars:
            label = bar.what if len(others) == 1 else f"{bar.what} / {bar.beside}"
            parts.append(_row(label, bar, scale, y))
            y += ROW
    about = f"{title}: how many times better than its yardstick; a black mark is the target"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>{escape(about)}</title>\n<style>\n{STYLE}</style>\n"
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


@dataclass(frozen=True)
class Scale:
    """Factors from `least` to `most`, as places between the labels and the values."""

    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """Return the scale that shows these and 1."""
        return cls(_step(min(*values, 0.9), up=False), _step(max(*values, 1.1), up=True))

    def x(self, value: float) -> float:
        """Return where a factor is."""
        whole = math.log(self.most / self.least)
        return round(LABELS + BARS * math.log(value / self.least) / whole, 1)

    def marks(self) -> list[float]:
        """Return the factors to draw a line at: powers of ten, and more if those are few."""
        decades = range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most)) + 1)
        steps = STEPS if len(decades) <= 4 else (1,)
        marks = [step * 10.0**decade for decade in decades for step in steps]
        return [mark for mark in marks if self.least <= mark * 1.001 and mark <= self.most * 1.001]


def by_group(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with those of one group together, in the order of the first of each."""
    order = {name: place for place, name in enumerate(dict.fromkeys(f.group for f in findings))}
    return sorted(findings, key=lambda finding: order[finding.group])


def factor_shown(value: float) -> str:
    """Return a factor with two or three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _step(value: float, *, up: bool) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    steps = [decade * step for step in (*STEPS, 10)]
    if up:
        return next(step for step in steps if step >= value)
    return next(step for step in reversed(steps) if step <= value)


def _scale(scale: Scale, height: int) -> str:
    parts = []
    for mark in scale.marks():
        kind, x = "even" if mark == 1 else "line", scale.x(mark)
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{HEAD}" y2="{height - EDGE}"/>')
        label = f"{mark:,.0f}×" if mark >= 1 else f"{mark:g}×"
        parts.append(
            f'<text class="scale" text-anchor="middle" x="{x}" y="{HEAD - 8}">{label}</text>'
        )
    return "\n".join(parts)


def _row(label: str, bar: Bar, scale: Scale, y: int) -> str:
    start, end = sorted((scale.x(1), scale.x(bar.factor)))
    kind = "missed" if bar.missed else "good"
    marked = end
    parts = [
        f'<text x="{EDGE}" y="{y + 15}">{escape(label)}</text>',
        f'<rect class="{kind}" x="{start}" y="{y + 4}" width="{end - start:.1f}" height="14"/>',
    ]
    if bar.target is not None:
        x = scale.x(bar.target)
        parts.append(f'<line class="target" x1="{x}" x2="{x}" y1="{y + 2}" y2="{y + 20}"/>')
        marked = max(end, x)
    parts.append(f'<text x="{marked + 6:.1f}" y="{y + 15}">{bar.words}</text>')
    return "\n".join(parts)
