"""Lineage: what versions came from, noted edge by edge and walked in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.entities import ModelVersion
from muniment.domain.lineage import (
    DEFAULT_HOPS,
    MAX_EDGES,
    MAX_HOPS,
    MAX_NODES,
    Direction,
    Edge,
    LineageGraph,
    Node,
    NodeKind,
    relation_to,
)
from muniment.domain.records import RecordKind
from muniment.domain.refs import Ref, parse_ref
from muniment.errors import Conflict, LimitExceeded, NotFound
from muniment.services.base import live_version, no_version
from muniment.services.catalog.catalog import Catalog
from muniment.services.lineage.edges import details_of, kept_edge
from muniment.services.lineage.walk import Walk, ancestors
from muniment.services.pages import page_size_of
from muniment.services.records import Records, record_in
from muniment.storage.metadata import ModelId, Transaction

MAX_ANCESTORS: Final = 10_000
"""Versions that are looked at to make sure that a link closes no circle."""


class Lineage(Records):
    """What versions came from, for one caller."""

    def link(
        self, model: str, number: int, node: Node, relation: str = "", *, source: str = ""
    ) -> Edge:
        """Note that a version came from a node; again is fine, and returns the edge that is there.

        A version as a node is named by its uuid or by a reference (`base/3`, `base@champion`),
        which is looked up now. Without a relation, the usual one to that kind of node is meant.

        Raises:
            NotFound: there is no such version, or no such version as the node names.
            InvalidInput: no such relation leads to such a node.
            Conflict: the node came from the version.
            LimitExceeded: the version came from too many things.
        """
        meant = relation_to(node.kind, relation)
        names.check_text(source, "source", names.MAX_LABEL_CHARS)
        node = self._resolved(node)
        if node.kind is NodeKind.VERSION:
            self._refuse_circle(model, number, node)

        def decide(tx: Transaction) -> Edge:
            parent = self._model(tx, model, Verb.LINK)
            live_version(tx, parent, number)
            records = tx.records(RecordKind.EDGE, version=number)
            for record in records:
                present = Edge.from_record(record, parent.name)
                if (present.relation, present.node.key) == (meant, node.key):
                    return present
            if len(records) >= MAX_EDGES:
                raise LimitExceeded(
                    f"Version {number} of {model!r:.200} came from {MAX_EDGES} things already.",
                    details={"limit": MAX_EDGES},
                )
            edge = Edge(
                model=parent.name,
                version=number,
                relation=meant,
                node=node,
                created_at=self._now(parent),
                created_by=self._caller.actor,
                source=source,
            )
            edge = kept_edge(tx, edge)
            self._note(tx, ActivityKind.LINEAGE_ADDED, edge)
            return edge

        return self._store.transact(self._key(model), decide)

    def unlink(self, edge_id: int) -> None:
        """Take an edge back. Raises NotFound."""
        edge = self.edge(edge_id)

        def decide(tx: Transaction) -> None:
            parent = self._model(tx, edge.model, Verb.LINK)
            if record_in(tx, RecordKind.EDGE, edge_id) is None:
                raise _no_edge(edge_id)
            tx.drop_record(edge_id)
            gone = replace(edge, created_at=self._now(parent))
            self._note(tx, ActivityKind.LINEAGE_REMOVED, gone)

        self._store.transact(ModelId(self._caller.workspace, edge.model_id), decide)

    def edge(self, edge_id: int) -> Edge:
        """Return an edge. Raises NotFound."""
        found = self._filed(RecordKind.EDGE, edge_id)
        edge = None if found is None else self._shown(Edge.from_record(found[0], found[1].name))
        if edge is None:
            raise _no_edge(edge_id)
        return edge

    def edges(self, model: str, number: int) -> Sequence[Edge]:
        """Return what a version came from, in the order in which it was noted.

        Versions that the caller may not read are left out. Raises NotFound.
        """
        parent = self._readable(model)
        if self._store.version(self._caller.workspace, parent.name, number) is None:
            raise no_version(parent.name, number)
        return self._walk().edges_of(parent, number)

    def graph(
        self,
        start: Ref | Node,
        *,
        direction: Direction = Direction.BOTH,
        hops: int | None = None,
        limit: int | None = None,
    ) -> LineageGraph:
        """Walk from a version, or from anything that versions came from, breadth first.

        Up leads to what it came from, down to what came from it. Both is the one and the other,
        not their mixture: siblings are not met. A version that the caller may not read is not
        there, nor is what lies behind it.

        Args:
            hops: how far, 1 to 20; 3 if it is left out.
            limit: how many nodes at most, 1 to 1,000.

        Raises:
            NotFound: the start is no version that the caller may read.
        """
        self._require(Verb.READ)
        far = page_size_of(hops, default=DEFAULT_HOPS, most=MAX_HOPS, field="hops")
        most = page_size_of(limit, default=MAX_NODES, most=MAX_NODES, field="limit")
        if isinstance(start, Ref):
            start = Node(NodeKind.VERSION, str(start))
        return self._walk().graph(self._resolved(start), direction, hops=far, limit=most)

    # --------------------------------------------------------------------------------------------

    def _walk(self) -> Walk:
        return Walk(self._store, self._caller)

    def _shown(self, edge: Edge) -> Edge | None:
        """Return the edge, unless it leads to a version that the caller may not read."""
        node = self._walk().current(edge.node)
        return None if node is None else replace(edge, node=node.node)

    def _resolved(self, node: Node) -> Node:
        """Return a node as it is kept: a version by its uuid, and under the name it has now."""
        if node.kind is not NodeKind.VERSION:
            return node
        version = self._version(node.id)
        return replace(node, id=version.uuid, name=version.ref, digest=version.digest or "")

    def _version(self, text: str) -> ModelVersion:
        catalog = Catalog(self._ports, self._caller)
        if names.WRITER_ID.fullmatch(text):
            return catalog.version_by_uuid(text)
        return catalog.resolve(parse_ref(text))

    def _refuse_circle(self, model: str, number: int, node: Node) -> None:
        """Raise Conflict if `node` came from the version: then that can't come from it.

        Two links that are made at the same moment may still close a circle; walks end all the same.
        """
        version = self._store.version(self._caller.workspace, model, number)
        if version is None or not self._may_read(model):
            return  # the transaction says so
        if version.uuid in ancestors(self._store, self._caller.workspace, node.id, MAX_ANCESTORS):
            raise Conflict(
                f"{node.name!r:.300} came from {version.ref!r:.300}: no version comes from itself.",
                details={"version": number},
            )

    def _note(self, tx: Transaction, kind: ActivityKind, edge: Edge) -> None:
        details = details_of(edge)
        tx.record(self._entry(kind, edge.created_at, version=edge.version, details=details))


def _no_edge(edge_id: int) -> NotFound:
    return NotFound(f"There is no edge {edge_id} in any lineage.")
