"""Lineage: what a version came from and what came from it, as a picture and as a table.

/models/fraud/3/lineage?hops=2&direction=up
/lineage?of=dataset:bookings-2026-07
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.lineage import (
    DEFAULT_HOPS,
    Direction,
    GraphEdge,
    GraphNode,
    LineageGraph,
    Node,
    NodeKind,
)
from muniment.domain.refs import Ref, parse_ref
from muniment.errors import InvalidInput, MunimentError
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.lineage_chart import lineage_chart
from muniment.server.web.words import model_path, query
from muniment.services.lineage.walk import GONE

_NODES: Final = 80
HOPS: Final = (1, 2, 3, 5, 10, 20)
WAYS: Final = {
    Direction.BOTH: "both ways",
    Direction.UP: "what it came from",
    Direction.DOWN: "what came from it",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table: a node came from another."""

    child: GraphNode
    parent: GraphNode
    edge: GraphEdge


async def of_version(visit: Visit) -> Response:
    """Show the lineage of a version. Whoever looks at it does not use it: no use is noted."""
    find = partial(visit.services.catalog.version, visit.params["name"], number_in(visit))
    version = await visit.wait_for(find)
    return await _page(visit, Node(NodeKind.VERSION, version.uuid), by_name=False)


async def of_anything(visit: Visit) -> Response:
    """Show the lineage of whatever `of` names; without it, a form that asks for one."""
    of = visit.asked.get("of", "").strip()
    if not of:
        return await _shown(visit, None)
    try:
        return await _page(visit, start_of(of), by_name=True)
    except MunimentError as fault:
        at_field = type(fault)(
            fault.message, hint=fault.hint, details={**fault.details, "field": "of"}
        )
        return await _shown(visit, None, at_field)


def start_of(text: str) -> Ref | Node:
    """Read where a walk begins: a reference, or `kind:id`. Raises InvalidInput.

    No name of a model holds a colon, so there is no doubt.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in set(NodeKind):
        return Node.from_json({"kind": kind, "id": rest})
    return parse_ref(text)


async def _page(visit: Visit, start: Ref | Node, *, by_name: bool) -> Response:
    hops, direction = _hops(visit.asked.get("hops", "")), _direction(visit)
    walk = partial(
        visit.services.lineage.graph, start, direction=direction, hops=hops, limit=_NODES
    )
    return await _shown(visit, await visit.wait_for(walk), by_name=by_name)


async def _shown(
    visit: Visit,
    graph: LineageGraph | None,
    fault: MunimentError | None = None,
    *,
    by_name: bool = True,
) -> Response:
    nodes = {node.key: node for node in graph.nodes} if graph else {}
    known = {key: visit.asked[key] for key in ("hops", "direction") if visit.asked.get(key)}

    def link(node: GraphNode) -> str:
        return query(visit.url(path_of(node)), _named(node), **known)

    values = {
        "start": graph.nodes[0] if graph else None,
        "graph": graph,
        "picture": lineage_chart(graph, link) if graph and graph.edges else None,
        "steps": [Step(nodes[e.child], nodes[e.parent], e) for e in graph.edges] if graph else [],
        "link": link,
        "hops": visit.asked.get("hops") or str(DEFAULT_HOPS),
        "direction": visit.asked.get("direction") or Direction.BOTH.value,
        "all_hops": HOPS,
        "ways": WAYS,
        "GONE": GONE,
        "by_name": by_name,
    }
    return await visit.page("lineage", values, fault=fault)


def path_of(node: GraphNode) -> str:
    """Return the path of a node's own lineage."""
    if node.model is None or node.version is None:
        return "/lineage"
    return model_path(node.model, node.version, "lineage")


def _named(node: GraphNode) -> dict[str, object]:
    """Return what the query of `path_of` must say, too."""
    if node.model is not None and node.version is not None:
        return {}
    return {"of": f"{node.node.kind.value}:{node.node.id}"}


def _hops(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(f"{text!r:.80} is no number of steps.", details={"field": "hops"})
    return int(text)


def _direction(visit: Visit) -> Direction:
    text = visit.asked.get("direction") or Direction.BOTH.value
    if text not in set(Direction):
        raise InvalidInput(
            f"There is no direction {text!r:.40}.",
            hint=f"The directions are {', '.join(Direction)}.",
            details={"field": "direction"},
        )
    return Direction(text)


routes: Final = [
    *web_routes("/models/{name}/{number}/lineage", get=of_version),
    *web_routes("/lineage", get=of_anything),
]
