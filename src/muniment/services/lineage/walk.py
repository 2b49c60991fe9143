"""Walking a lineage, step by step, no further than the caller may see.

up      a version's own edges             found by its model and number
down    the edges that lead to a node     found by the node's key
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from muniment.domain.access import Asked, Verb
from muniment.domain.caller import Caller
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.lineage import (
    Direction,
    Edge,
    GraphEdge,
    GraphNode,
    LineageGraph,
    Node,
    NodeKind,
)
from muniment.domain.records import RecordKind, RecordQuery
from muniment.errors import LimitExceeded
from muniment.storage.metadata import MetadataStore, ModelId, ModelKey, ModelName

GONE: Final = "DELETED"
"""The status of a version that is not there any more."""

_PIECE: Final = 200
_MOST_EDGES: Final = 20_000


class Walk:
    """One look at the lineage of a workspace, for one caller. What it has read, it keeps."""

    def __init__(self, store: MetadataStore, caller: Caller) -> None:
        self._store = store
        self._caller = caller
        self._models: dict[ModelKey, RegisteredModel | None] = {}
        self._versions: dict[str, ModelVersion | None] = {}

    def graph(self, start: Node, direction: Direction, *, hops: int, limit: int) -> LineageGraph:
        """Return what is within reach of a node: at most `limit` nodes, at most `hops` away."""
        graph = _Graph(self.current(start) or GraphNode(start, 0), limit)
        ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
        waiting = deque((graph.start, way) for way in ways)
        met = {(graph.start, way) for way in ways}
        while waiting and not graph.full:
            key, way = waiting.popleft()
            here = graph.nodes[key]
            if here.hops == hops:
                continue
            for edge, next_ in self._up(here) if way is Direction.UP else self._down(here):
                if not graph.add(here, edge, replace(next_, hops=here.hops + 1), way):
                    break
                if (next_.key, way) not in met:
                    met.add((next_.key, way))
                    waiting.append((next_.key, way))
        return graph.result()

    def edges_of(self, model: RegisteredModel, number: int) -> list[Edge]:
        """Return a version's edges, but those to what is not to be seen; nodes as they are now."""
        query = RecordQuery(
            self._caller.workspace, RecordKind.EDGE, model_id=model.id, version=number
        )
        edges = (edge for edge, _ in self._edges(query))
        found = ((edge, self.current(edge.node)) for edge in edges)
        return [replace(edge, node=node.node) for edge, node in found if node is not None]

    def current(self, node: Node) -> GraphNode | None:
        """Return a node as it is now; None for a version that the caller may not know of."""
        if node.kind is not NodeKind.VERSION:
            return GraphNode(node, 0)
        if node.id not in self._versions:
            found = self._store.version_by_uuid(self._caller.workspace, node.id)
            self._versions[node.id] = found
        version = self._versions[node.id]
        if version is None:
            # Nobody can tell any more whose it was.
            gone = self._caller.principal.may_everywhere(Verb.READ)
            return GraphNode(node, 0, status=GONE) if gone else None
        if self._readable(ModelName(version.workspace, version.model)) is None:
            return None
        return _of_version(version, node)

    # --------------------------------------------------------------------------------------------

    def _up(self, here: GraphNode) -> Iterator[tuple[Edge, GraphNode]]:
        """Yield the edges of a version, with what it came from."""
        workspace = self._caller.workspace
        if here.model is None or here.version is None:
            return
        model = self._readable(ModelName(workspace, here.model))
        if model is None:
            return
        query = RecordQuery(workspace, RecordKind.EDGE, model_id=model.id, version=here.version)
        for edge, _ in self._edges(query):
            node = self.current(edge.node)
            if node is not None:
                yield edge, node

    def _down(self, here: GraphNode) -> Iterator[tuple[Edge, GraphNode]]:
        """Yield the edges to a node, with the versions that came from it."""
        query = RecordQuery(self._caller.workspace, RecordKind.EDGE, key=here.key)
        for edge, model in self._edges(query):
            version = self._store.version(model.workspace, model.name, edge.version)
            if version is not None:
                self._versions[version.uuid] = version
                yield edge, _of_version(version, Node(NodeKind.VERSION, version.uuid))

    def _edges(self, query: RecordQuery) -> Iterator[tuple[Edge, RegisteredModel]]:
        """Yield the edges that a query finds, of models that the caller may read."""
        seen = 0
        while seen < _MOST_EDGES:
            records = self._store.find_records(replace(query, limit=_PIECE))
            for record in records:
                model = self._readable(ModelId(self._caller.workspace, record.model_id))
                if model is not None:
                    yield Edge.from_record(record, model.name), model
            if len(records) < _PIECE:
                return
            seen += _PIECE
            query = replace(query, after=records[-1].id)

    def _readable(self, key: ModelKey) -> RegisteredModel | None:
        if key not in self._models:
            model = self._store.model(key)
            may = model is not None and self._caller.principal.may(Verb.READ, Asked.about(model))
            self._models[key] = model if may else None
        return self._models[key]


class _Graph:
    """What a walk has found so far, in the order in which it was found."""

    def __init__(self, start: GraphNode, limit: int) -> None:
        self.start = start.key
        self.nodes = {start.key: start}
        self.full = False
        self._edges: dict[int, GraphEdge] = {}
        self._limit = limit

    def add(self, here: GraphNode, edge: Edge, found: GraphNode, way: Direction) -> bool:
        """Add an edge and the node that it leads to; False if there is no room for that."""
        if found.key not in self.nodes:
            if len(self.nodes) >= self._limit:
                self.full = True
                return False
            self.nodes[found.key] = found
        elif found.node.name and not self.nodes[found.key].node.name:  # this edge tells more
            self.nodes[found.key] = replace(self.nodes[found.key], node=found.node)
        if way is Direction.DOWN and not here.node.name:
            # Asked for by its id alone: its edges know what else there is to say.
            self.nodes[here.key] = replace(self.nodes[here.key], node=edge.node)
        child, parent = (here, found) if way is Direction.UP else (found, here)
        self._edges[edge.id] = GraphEdge(child.key, parent.key, edge.relation, edge.id)
        return True

    def result(self) -> LineageGraph:
        """Return it."""
        return LineageGraph(tuple(self.nodes.values()), tuple(self._edges.values()), self.full)


def ancestors(store: MetadataStore, workspace: str, uuid: str, limit: int) -> set[str]:
    """Return the uuids of all versions that a version came from, and its own.

    Whoever asks: what is not to be seen hinders a circle, too.

    Raises:
        LimitExceeded: there are more than `limit`.
    """
    found, waiting = {uuid}, [uuid]
    while waiting:
        for parent in _parents(store, workspace, waiting.pop()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
        if len(found) > limit:
            raise LimitExceeded(
                f"Its lineage has more than {limit} versions.", details={"limit": limit}
            )
    return found


def _parents(store: MetadataStore, workspace: str, uuid: str) -> list[str]:
    version = store.version_by_uuid(workspace, uuid)
    model = version and store.model(ModelName(workspace, version.model))
    if not version or not model:
        return []
    query = RecordQuery(
        workspace, RecordKind.EDGE, model_id=model.id, version=version.version, limit=_PIECE
    )
    parents: list[str] = []
    while records := store.find_records(query):
        nodes = (Edge.from_record(record, model.name).node for record in records)
        parents += [node.id for node in nodes if node.kind is NodeKind.VERSION]
        query = replace(query, after=records[-1].id)
    return parents


def _of_version(version: ModelVersion, node: Node) -> GraphNode:
    """Return the node of a version as it is now; `node` has what somebody has said of it."""
    now = replace(node, name=version.ref, digest=version.digest or "")
    return GraphNode(now, 0, version.model, version.version, version.stage, version.status.value)
