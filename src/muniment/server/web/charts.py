"""Pictures drawn on the server, as SVG: no script, and they print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

_WIDTH: Final = 100.0
_HEIGHT: Final = 24.0
_MARGIN: Final = 3.0


def spark(values: Sequence[float], label: str) -> Markup:
    """Return a small line through the values, oldest first, with a dot at the last; "" for none."""
    if not values:
        return Markup("")
    points = _placed(values)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 {w:.0f} {h:.0f}" preserveAspectRatio="none" role="img" '
        'aria-label="{label}"><polyline class="line" points="{line}"/>'
        '<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/></svg>'
    ).format(w=_WIDTH, h=_HEIGHT, label=label, line=line, x=x, y=y)


def _placed(values: Sequence[float]) -> list[tuple[float, float]]:
    low, high = min(values), max(values)
    span, step = (high - low) or 1.0, (_WIDTH - 2 * _MARGIN) / max(1, len(values) - 1)
    height = _HEIGHT - 2 * _MARGIN
    flat = high == low
    return [
        (
            _MARGIN + at * step if len(values) > 1 else _WIDTH / 2,
            _HEIGHT / 2 if flat else _HEIGHT - _MARGIN - (value - low) / span * height,
        )
        for at, value in enumerate(values)
    ]
