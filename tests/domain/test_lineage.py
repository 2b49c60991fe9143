"""Lineage: what a node may be, which relation leads to it, and how an edge is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.lineage import RELATIONS, Edge, Node, NodeKind, Relation, relation_to
from muniment.domain.records import MAX_KEY_BYTES
from muniment.errors import InvalidInput, MunimentError
from tests.domain.making import NOON

NODE = Node(
    NodeKind.DATASET,
    "sha256:1f8a",
    "claims",
    "s3://bucket/claims",
    "sha256:1f8a",
    {"rows": 10, "ok": True, "share": 0.5, "text": "x"},
)
EDGE = Edge("fraud", 3, Relation.TRAINED_ON, NODE, NOON, "ada", "mlflow", id=4, model_id=2)


def test_a_node_and_an_edge_survive_json_and_the_store() -> None:
    assert Node.from_json(NODE.to_json()) == NODE
    assert replace(Edge.from_json(EDGE.to_json()), model_id=2) == EDGE
    assert Edge.from_record(EDGE.to_record(), "renamed") == replace(EDGE, model="renamed")


def test_an_edge_is_found_by_its_version_and_its_node() -> None:
    record = EDGE.to_record()
    assert (record.version, record.keys) == (3, ("node:dataset:sha256:1f8a",))


@pytest.mark.parametrize(
    ("document", "id_"),
    [
        ({"digest": "d", "uri": "u", "name": "n"}, "d"),
        ({"uri": "u", "name": "n"}, "u"),
        ({"name": "n"}, "n"),
        ({"id": "i", "digest": "d"}, "i"),
    ],
)
def test_a_data_set_is_known_by_the_surest_that_is_said(document: Any, id_: str) -> None:
    assert Node.from_json({"kind": "dataset", **document}).id == id_


@pytest.mark.parametrize(
    "document",
    [
        "dataset",
        {},
        {"kind": "table", "id": "x"},
        {"kind": ["run"], "id": "x"},
        {"kind": "run"},
        {"kind": "run", "id": ""},
        {"kind": "run", "name": "x"},
        {"kind": "dataset"},
        {"kind": "run", "id": 3},
        {"kind": "run", "id": "a\0b"},
        {"kind": "run", "id": "x" * 8_001},
        {"kind": "run", "id": "x", "colour": "red"},
        {"kind": "run", "id": "x", "properties": ["a"]},
        {"kind": "run", "id": "x", "properties": {"a": None}},
        {"kind": "run", "id": "x", "properties": {"a": [1]}},
        {"kind": "run", "id": "x", "properties": {"": 1}},
    ],
)
def test_what_no_node_can_be_is_refused(document: Any) -> None:
    with pytest.raises(MunimentError):
        Node.from_json(document)


@given(st.sampled_from(NodeKind), st.text(st.characters(exclude_categories=["Cs"])), st.integers(1))
def test_a_key_tells_nodes_apart_and_fits_an_index(kind: NodeKind, id_: str, times: int) -> None:
    long = id_ * min(times, 3_000)
    key = Node(kind, long).key
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert key == Node(kind, long, "name", "uri").key
    assert key != Node(kind, long + "x").key
    assert all(key != Node(other, long).key for other in NodeKind if other is not kind)


@pytest.mark.parametrize("kind", NodeKind)
def test_every_kind_of_node_has_a_usual_relation(kind: NodeKind) -> None:
    assert relation_to(kind) is RELATIONS[kind][0]
    for relation in RELATIONS[kind]:
        assert relation_to(kind, relation.value) is relation


@pytest.mark.parametrize(
    ("kind", "relation"),
    [(NodeKind.DATASET, "produced_by"), (NodeKind.RUN, "eaten_by"), (NodeKind.VERSION, "PART_OF")],
)
def test_a_relation_that_does_not_lead_there_is_refused(kind: NodeKind, relation: str) -> None:
    with pytest.raises(InvalidInput, match=f"leads to a {kind}"):
        relation_to(kind, relation)
