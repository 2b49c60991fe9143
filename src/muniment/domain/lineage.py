"""Lineage: what a version came from.

    data set ──trained_on──┐
    run ──produced_by──────┤
    commit ──built_from────┼──> version ──fine_tuned_from──> its child
    pipeline ──produced_by─┘

An edge leads from a version (the newer thing) to a node (what it came from). Upstream of a version
is what it came from; downstream is what came from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from muniment.domain import names
from muniment.domain.records import MAX_KEY_BYTES, Record, RecordKind
from muniment.domain.values import (
    Json,
    JsonObject,
    Value,
    as_object,
    as_values,
    sha256_hex,
    time_from_json,
    time_to_json,
)
from muniment.errors import InvalidInput, LimitExceeded

MAX_HOPS: Final = 20
MAX_EDGES: Final = 1_000  # of one version
MAX_NODES: Final = 1_000  # of one graph
DEFAULT_HOPS: Final = 3


class NodeKind(StrEnum):
    """What a version may have come from."""

    VERSION = "version"
    RUN = "run"
    EXPERIMENT = "experiment"
    DATASET = "dataset"
    COMMIT = "commit"
    PIPELINE = "pipeline"


class Relation(StrEnum):
    """How the version came from the node."""

    PRODUCED_BY = "produced_by"
    PART_OF = "part_of"
    TRAINED_ON = "trained_on"
    EVALUATED_ON = "evaluated_on"
    BUILT_FROM = "built_from"
    FINE_TUNED_FROM = "fine_tuned_from"
    DISTILLED_FROM = "distilled_from"
    QUANTISED_FROM = "quantised_from"
    DERIVED_FROM = "derived_from"


RELATIONS: Final[Mapping[NodeKind, tuple[Relation, ...]]] = {
    NodeKind.VERSION: (
        Relation.DERIVED_FROM,
        Relation.FINE_TUNED_FROM,
        Relation.DISTILLED_FROM,
        Relation.QUANTISED_FROM,
    ),
    NodeKind.RUN: (Relation.PRODUCED_BY,),
    NodeKind.EXPERIMENT: (Relation.PART_OF,),
    NodeKind.DATASET: (Relation.TRAINED_ON, Relation.EVALUATED_ON),
    NodeKind.COMMIT: (Relation.BUILT_FROM,),
    NodeKind.PIPELINE: (Relation.PRODUCED_BY,),
}
"""Which relations lead to which kind of node; the first is meant if none is named."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that a version came from.

    `id` tells it from others of its kind: a version's uuid, a run's or experiment's id, a data
    set's digest (else its URI, else its name), `repository@commit`, a pipeline execution's id.
    `name`, `uri`, `digest` and `properties` are for people and programs to read.
    """

    kind: NodeKind
    id: str
    name: str = ""
    uri: str = ""
    digest: str = ""
    properties: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What a store finds its edges by."""
        key = f"node:{self.kind}:{self.id}"
        if len(key.encode()) <= MAX_KEY_BYTES:
            return key
        return f"node:{self.kind}:sha256:{sha256_hex(self.id.encode())}"

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "kind": self.kind.value,
            "id": self.id,
            "name": self.name,
            "uri": self.uri,
            "digest": self.digest,
            "properties": dict(self.properties),
        }

    @classmethod
    def from_json(cls, value: Json) -> Node:
        """Read what `to_json` wrote, or what somebody asks for. Raises InvalidInput."""
        v = as_object(value, "a node of a lineage")
        if unknown := sorted(v.keys() - set(cls.__dataclass_fields__)):
            raise InvalidInput(f"A node of a lineage has no {unknown[0]!r:.80}.")
        kind = v.get("kind")
        if not isinstance(kind, str) or kind not in set(NodeKind):
            raise InvalidInput(
                f"There is no kind of node {kind!r:.80}.", hint=f"Kinds: {', '.join(NodeKind)}."
            )
        texts: dict[str, str] = {}
        for key in ("id", "name", "uri", "digest"):
            text = v.get(key) or ""
            if not isinstance(text, str):
                raise InvalidInput(f"The {key} of a node is text, not {text!r:.80}.")
            texts[key] = names.check_text(text, f"{key} of a node")
        if kind == NodeKind.DATASET:
            texts["id"] = texts["id"] or texts["digest"] or texts["uri"] or texts["name"]
        if not texts["id"]:
            raise InvalidInput(f"A {kind} of a lineage needs an id.")
        properties = as_object(v.get("properties") or {}, "the properties of a node")
        return cls(
            NodeKind(kind),
            **texts,
            properties=names.check_values(as_values(properties), "property", names.MAX_TAGS),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """What a version that is just being made comes from, and how; `source` says who noted it."""

    node: Node
    relation: Relation
    source: str = ""

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "node": self.node.to_json(),
            "relation": self.relation.value,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """A version came from a node. `source` says who noted it: a person, `git`, `mlflow`, …"""

    model: str
    version: int
    relation: Relation
    node: Node
    created_at: datetime
    created_by: str
    source: str = ""
    id: int = 0
    model_id: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "relation": self.relation.value,
            "node": self.node.to_json(),
            "source": self.source,
            "created_at": time_to_json(self.created_at),
            "created_by": self.created_by,
        }

    @classmethod
    def from_json(cls, value: Json) -> Edge:
        """Read what `to_json` wrote."""
        v = as_object(value, "an edge of a lineage")
        return cls(
            id=cast(int, v["id"]),
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            relation=Relation(cast(str, v["relation"])),
            node=Node.from_json(v["node"]),
            source=cast(str, v["source"]),
            created_at=time_from_json(cast(str, v["created_at"])),
            created_by=cast(str, v["created_by"]),
        )

    def to_record(self) -> Record:
        """Return what a store keeps."""
        body = self.to_json()
        for key in ("id", "model", "version", "created_at"):
            del body[key]
        return Record(
            kind=RecordKind.EDGE,
            created_at=self.created_at,
            body=body,
            version=self.version,
            keys=(self.node.key,),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> Edge:
        """Read a record of the model that is called `model` now."""
        document: JsonObject = {
            **record.body,
            "id": record.id,
            "model": model,
            "version": record.version,
            "created_at": time_to_json(record.created_at),
        }
        return replace(cls.from_json(document), model_id=record.model_id)


class Direction(StrEnum):
    """Which way a walk goes: to what something came from, to what came from it, or both."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node of a graph, `hops` steps away from its start.

    Of a version, `model`, `version`, `stage` and `status` say what it is now.
    """

    node: Node
    hops: int
    model: str | None = None
    version: int | None = None
    stage: str = ""
    status: str = ""

    @property
    def key(self) -> str:
        """What the graph's edges call it."""
        return self.node.key

    @property
    def label(self) -> str:
        """What people call it."""
        return self.node.name or self.node.id

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "key": self.key,
            **self.node.to_json(),
            "label": self.label,
            "hops": self.hops,
            "model": self.model,
            "version": self.version,
            "stage": self.stage,
            "status": self.status,
        }

    @classmethod
    def from_json(cls, value: Json) -> GraphNode:
        """Read what `to_json` wrote."""
        v = as_object(value, "a node of a graph")
        return cls(
            node=Node.from_json({key: v[key] for key in Node.__dataclass_fields__}),
            hops=cast(int, v["hops"]),
            model=cast("str | None", v["model"]),
            version=cast("int | None", v["version"]),
            stage=cast(str, v["stage"]),
            status=cast(str, v["status"]),
        )


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """The version `child` came from `parent`; both are keys of nodes. `id` is the edge's own."""

    child: str
    parent: str
    relation: Relation
    id: int

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "child": self.child,
            "parent": self.parent,
            "relation": self.relation.value,
            "id": self.id,
        }

    @classmethod
    def from_json(cls, value: Json) -> GraphEdge:
        """Read what `to_json` wrote."""
        v = as_object(value, "an edge of a graph")
        return cls(
            child=cast(str, v["child"]),
            parent=cast(str, v["parent"]),
            relation=Relation(cast(str, v["relation"])),
            id=cast(int, v["id"]),
        )


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """What a walk found, nearest first; the first node is its start.

    It is `truncated` if there was more within reach than it was to hold.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    truncated: bool = False

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "start": self.nodes[0].key,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
            "truncated": self.truncated,
        }

    @classmethod
    def from_json(cls, value: Json) -> LineageGraph:
        """Read what `to_json` wrote."""
        v = as_object(value, "a lineage")
        return cls(
            tuple(GraphNode.from_json(node) for node in cast("list[Json]", v["nodes"])),
            tuple(GraphEdge.from_json(edge) for edge in cast("list[Json]", v["edges"])),
            v["truncated"] is True,
        )


def relation_to(kind: NodeKind, relation: str = "") -> Relation:
    """Return the relation to a node of this kind; the usual one if none is named.

    Raises:
        InvalidInput: no such relation leads to such a node.
    """
    usual = RELATIONS[kind]
    if not relation:
        return usual[0]
    if relation not in set(usual):
        raise InvalidInput(
            f"No relation {relation!r:.80} leads to a {kind}.", hint=f"Name {' or '.join(usual)}."
        )
    return Relation(relation)


def check_origins(origins: Sequence[Origin]) -> tuple[Origin, ...]:
    """Return the origins, each once.

    Raises:
        InvalidInput: one is a version, which only an existing version can be linked to.
        LimitExceeded: they are too many.
    """
    for origin in origins:
        if origin.node.kind is NodeKind.VERSION:
            raise InvalidInput(
                "A new version's lineage can't name other versions.",
                hint="Link it to them once it is there.",
                details={"field": "lineage"},
            )
        relation_to(origin.node.kind, origin.relation)
    once = {(origin.relation, origin.node.key): origin for origin in origins}
    if len(once) > MAX_EDGES:
        raise LimitExceeded(
            f"A version comes from {len(once)} things; at most {MAX_EDGES} can be noted.",
            details={"limit": MAX_EDGES, "field": "lineage"},
        )
    return tuple(once.values())
