"""A plan as a picture: Mermaid, for where that is drawn, and SVG, for everywhere else.

┌──────────┐  DATA   ┌────────────┐
│ data_load ├───────>│ preprocess │ …      solid: data, named after the dependency
└──────────┘         └────────────┘        dashed: only an order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from muniment.pipelines.plan import Plan, PlannedStep

_WIDTH, _HEIGHT = 200, 52
_GAP_X, _GAP_Y = 130, 40
_MARGIN: Final = 24

_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .type, .flow { font-size: 11px; fill: #59636e; }
  .flow { paint-order: stroke; stroke: #fff; stroke-width: 4px; }
  rect { fill: #f6f8fa; stroke: #59636e; rx: 6px; }
  path { fill: none; stroke: #59636e; }
  .order { stroke-dasharray: 4 4; }
"""


def mermaid(plan: Plan) -> str:
    """Return a Mermaid flowchart, left to right."""
    names = {step.node: f"n{n}" for n, step in enumerate(plan.steps)}
    lines = ["flowchart LR"]
    for step in plan.steps:
        title = f"{_text(step.node)}<br/><small>{_text(step.spec.step_type)}</small>"
        lines.append(f'  {names[step.node]}["{title}"]')
    for (source, target), flows in _links(plan).items():
        arrow = f'-- "{_text(", ".join(flows))}" -->' if flows else "-.->"
        lines.append(f"  {names[source]} {arrow} {names[target]}")
    return "\n".join(lines) + "\n"


def svg(plan: Plan) -> str:
    """Return an SVG document; each step stands right of all that it needs."""
    boxes = _boxes(plan)
    width = max(box.x for box in boxes.values()) + _WIDTH + _MARGIN
    height = max(box.y for box in boxes.values()) + _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="Pipeline">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" style="fill: #59636e"/>'
        "</marker></defs>",
    ]
    for (source, target), flows in _links(plan).items():
        parts += _arrow(boxes[source], boxes[target], flows)
    for box in boxes.values():
        parts += _drawn(box)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Box:
    step: PlannedStep
    x: int
    y: int


def _links(plan: Plan) -> Mapping[tuple[str, str], list[str]]:
    """What flows along each arrow; nothing along one that is only an order."""
    links: dict[tuple[str, str], list[str]] = {}
    for source, target, dependency in plan.flows:
        links.setdefault((source, target), []).append(dependency)
    for edge in plan.edges:
        links.setdefault(edge, [])
    return links


def _boxes(plan: Plan) -> dict[str, _Box]:
    column: dict[str, int] = {}
    rows: dict[int, int] = {}
    boxes: dict[str, _Box] = {}
    for step in plan.steps:  # each after those that it needs
        here = column[step.node] = 1 + max((column[before] for before in step.after), default=-1)
        row = rows[here] = rows.get(here, -1) + 1
        x = _MARGIN + here * (_WIDTH + _GAP_X)
        # Neighbouring columns stand apart, so that long arrows don't run through the boxes between.
        y = _MARGIN + row * (_HEIGHT + _GAP_Y) + here % 2 * (_HEIGHT + _GAP_Y) // 2
        boxes[step.node] = _Box(step, x, y)
    return boxes


def _arrow(source: _Box, target: _Box, flows: list[str]) -> Iterator[str]:
    x1, y1 = source.x + _WIDTH, source.y + _HEIGHT // 2
    x2, y2 = target.x, target.y + _HEIGHT // 2
    kind = "" if flows else ' class="order"'
    middle = (x1 + x2) // 2
    over = 0 if x2 - x1 <= _GAP_X else _HEIGHT  # a long arrow goes below the boxes between
    yield (
        f'<path{kind} d="M{x1} {y1} C{middle} {y1 + over} {middle} {y2 + over} {x2} {y2}" '
        'marker-end="url(#tip)"/>'
    )
    for n, flow in enumerate(flows):
        y = (y1 + y2) // 2 + over * 3 // 4 - 5 + 13 * n
        yield f'<text class="flow" x="{middle}" y="{y}" text-anchor="middle">{escape(flow)}</text>'


def _drawn(box: _Box) -> Iterator[str]:
    x, y = box.x + _WIDTH // 2, box.y
    yield f'<rect x="{box.x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"/>'
    for text, kind, down in ((box.step.node, "", 22), (box.step.spec.step_type, "type", 40)):
        shown = text if len(text) <= 28 else text[:27] + "…"
        yield (
            f'<text class="{kind}" x="{x}" y="{y + down}" text-anchor="middle">{escape(shown)}'
            f"<title>{escape(text)}</title></text>"
        )


def _text(text: str) -> str:
    """Text inside of a Mermaid label: what has a meaning there is written as an entity."""
    return "".join(c if c.isalnum() or c in " _-.,:/" else f"#{ord(c)};" for c in text)
