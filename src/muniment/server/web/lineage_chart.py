"""The picture of a lineage: boxes that are links, arrows from what something came from to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup

from muniment.domain.lineage import GraphEdge, GraphNode, LineageGraph
from muniment.server.web.layers import layers

_BOX: Final = (178, 46)  # pixels: five of them, and what is between them, fit a usual page
_GAP: Final = (60, 16)
_MARGIN: Final = 4
_CHARS: Final = 18
_TAIL: Final = 7


def lineage_chart(graph: LineageGraph, link: Callable[[GraphNode], str]) -> Markup:
    """Return the graph as SVG, its first node marked as the one that it was asked for.

    `link` says where a box leads. The boxes are in the order of the columns, for the keyboard.
    """
    nodes = {node.key: node for node in graph.nodes}
    arrows = [(edge.parent, edge.child) for edge in graph.edges]
    columns = layers(list(nodes), arrows)
    spots = _spots(columns)
    width = len(columns) * (_BOX[0] + _GAP[0]) - _GAP[0] + 2 * _MARGIN
    height = max(len(column) for column in columns) * (_BOX[1] + _GAP[1]) - _GAP[1] + 2 * _MARGIN
    start = graph.nodes[0].key
    lines = Markup("").join(_arrow(edge, spots) for edge in graph.edges)
    boxes = Markup("").join(
        _box(nodes[key], spots[key], link(nodes[key]), here=key == start)
        for column in columns
        for key in column
    )
    return Markup(
        '<svg class="graph" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="group" '
        'aria-label="Lineage, from left to right">{lines}{boxes}</svg>'
    ).format(w=width, h=height, lines=lines, boxes=boxes)


def _spots(columns: Sequence[Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each box; short columns stand in the middle."""
    most = max(len(column) for column in columns)
    step = _BOX[1] + _GAP[1]
    return {
        key: (
            _MARGIN + at * (_BOX[0] + _GAP[0]),
            _MARGIN + row * step + (most - len(column)) * step // 2,
        )
        for at, column in enumerate(columns)
        for row, key in enumerate(column)
    }


def _box(node: GraphNode, spot: tuple[int, int], href: str, *, here: bool) -> Markup:
    (x, y), (width, height) = spot, _BOX
    kind = node.stage if node.stage not in ("", "None") else node.node.kind.value
    if node.status == "DELETED":
        kind = "deleted"
    return Markup(
        '<a class="node {css}" href="{href}"{current}><title>{kind}: {whole}</title>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>'
        '<svg x="{x}" y="{y}" width="{inner}" height="{h}">'  # cuts off what is too wide
        '<text class="kind" x="11" y="17">{kind}</text>'
        '<text class="name" x="11" y="35">{name}</text></svg></a>'
    ).format(
        css=node.node.kind.value + (" here" if here else ""),
        current=Markup(' aria-current="true"') if here else "",
        href=href,
        kind=kind,
        whole=node.label,
        name=_short(node.label),
        x=x,
        y=y,
        w=width,
        h=height,
        inner=width - 6,
    )


def _arrow(edge: GraphEdge, spots: dict[str, tuple[int, int]]) -> Markup:
    (width, height) = _BOX
    x1, y1 = spots[edge.parent][0] + width, spots[edge.parent][1] + height // 2
    x2, y2 = spots[edge.child][0], spots[edge.child][1] + height // 2
    bend = max(30, (x2 - x1) // 2)
    said = edge.relation.value.replace("_", " ")
    return Markup(
        '<path class="arrow {relation}" d="M{x1},{y1} C{a},{y1} {b},{y2} {x2},{y2}">'
        "<title>{said}</title></path>"
        '<path class="tip" d="M{x2},{y2} l-7,-4 v8 z"/>'
    ).format(
        relation=edge.relation.value,
        said=said,
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        a=x1 + bend,
        b=x2 - bend,
    )


def _short(text: str) -> str:
    """Return a long name without its middle: ids differ at the beginning, names at the end."""
    if len(text) <= _CHARS:
        return text
    return f"{text[: _CHARS - _TAIL - 1]}…{text[-_TAIL:]}"
