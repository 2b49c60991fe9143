"""Edges of a lineage as they are kept: a record, and what the history says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from muniment.domain.entities import ModelVersion
from muniment.domain.lineage import Edge, Node, NodeKind, Origin, Relation, check_origins
from muniment.domain.values import JsonObject
from muniment.storage.metadata import Transaction

BY_RUN_ID: Final = "run_id"
"""The source of an edge that was noted since a version came with the id of a run."""


def first_edges(version: ModelVersion, origins: Iterable[Origin]) -> list[Edge]:
    """Return the edges from a new version: to the run whose id it came with, and its origins."""
    run = Node(NodeKind.RUN, version.run_id, uri=version.run_link)
    own = [Origin(run, Relation.PRODUCED_BY, BY_RUN_ID)] if version.run_id else []
    return [
        Edge(
            model=version.model,
            version=version.version,
            relation=origin.relation,
            node=origin.node,
            created_at=version.created_at,
            created_by=version.created_by,
            source=origin.source,
        )
        for origin in check_origins([*origins, *own])
    ]


def kept_edge(tx: Transaction, edge: Edge) -> Edge:
    """File a new edge; return it with its id."""
    record = tx.add_record(edge.to_record())
    return replace(edge, id=record.id, model_id=record.model_id)


def details_of(edge: Edge) -> JsonObject:
    """Return what the history says of an edge."""
    return {
        "edge": edge.id,
        "relation": edge.relation.value,
        "node": edge.node.to_json(),
        "source": edge.source,
    }
