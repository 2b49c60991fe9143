"""Lineage: edges, how they are looked up and refused, and walks in both directions."""

from __future__ import annotations

import pytest

from muniment.domain import lineage as domain
from muniment.domain.access import Grant, Narrowing, Principal, Role, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.lineage import (
    Direction,
    GraphNode,
    LineageGraph,
    Node,
    NodeKind,
    Origin,
    Relation,
)
from muniment.domain.refs import Ref, parse_ref
from muniment.errors import Conflict, InvalidInput, LimitExceeded, NotFound, PermissionDenied
from muniment.services import Services
from muniment.services.lineage import lineage as service

from .conftest import House
from .people import somebody

DATA = Node(NodeKind.DATASET, "1f8a", name="loans", uri="s3://lake/loans", digest="1f8a")


def of_version(text: str) -> Node:
    return Node(NodeKind.VERSION, text)


def push(house: House, model: str, count: int = 1) -> None:
    for _ in range(count):
        house.catalog.create_version(model, NewVersion(pending=True), create_model=True)


@pytest.fixture
def family(house: House) -> House:
    """loans ─> base/1 ─> fraud/1 ─> fraud/2; run ─> fraud/1; loans ─> credit/1."""
    push(house, "base")
    push(house, "fraud", 2)
    push(house, "credit")
    house.lineage.link("base", 1, DATA)
    house.lineage.link("fraud", 1, of_version("base/1"), "fine_tuned_from")
    house.lineage.link("fraud", 1, Node(NodeKind.RUN, "r1"))
    house.lineage.link("fraud", 2, of_version("fraud/1"))
    house.lineage.link("credit", 1, DATA, "evaluated_on")
    return house


def labels(graph: LineageGraph) -> dict[str, int]:
    return {node.label: node.hops for node in graph.nodes}


def drawn(graph: LineageGraph) -> set[tuple[str, str, str]]:
    names = {node.key: node.label for node in graph.nodes}
    return {(names[e.child], e.relation.value, names[e.parent]) for e in graph.edges}


# -- of new versions -----------------------------------------------------------------------------


def test_a_new_version_comes_with_its_lineage(house: House) -> None:
    experiment = Node(NodeKind.EXPERIMENT, "7", name="fraud")
    origins = (Origin(DATA, Relation.TRAINED_ON, "mlflow"), Origin(experiment, Relation.PART_OF))
    new = NewVersion(pending=True, run_id="r1", origins=(*origins, origins[0]))
    house.catalog.create_version("fraud", new, create_model=True)
    edges = house.lineage.edges("fraud", 1)
    assert [(e.relation, e.node.id, e.source) for e in edges] == [
        ("trained_on", "1f8a", "mlflow"),
        ("part_of", "7", ""),
        ("produced_by", "r1", "run_id"),
    ]
    kinds = [a.kind for a in house.catalog.history("fraud").items]
    assert kinds.count(ActivityKind.LINEAGE_ADDED) == 3


def test_a_new_version_is_linked_to_other_versions_only_once_it_is_there(house: House) -> None:
    origin = Origin(of_version("base/1"), Relation.DERIVED_FROM)
    with pytest.raises(InvalidInput, match="can't name other versions"):
        house.catalog.create_version("m", NewVersion(pending=True, origins=(origin,)))


# -- edges ---------------------------------------------------------------------------------------


def test_an_edge_is_noted_once_for_a_relation_and_a_node(family: House) -> None:
    before = family.catalog.model("base").activity_count
    edge = family.lineage.link("base", 1, DATA, source="git")
    assert (edge.relation, edge.source, edge.created_by) == ("trained_on", "", "ada")
    assert family.catalog.model("base").activity_count == before
    other = family.lineage.link("base", 1, DATA, "evaluated_on", source="mlflow")
    assert other.id != edge.id
    assert family.lineage.edges("base", 1) == [edge, other]
    assert family.lineage.edge(other.id) == other


def test_a_version_is_kept_by_its_uuid_and_shown_under_its_present_name(family: House) -> None:
    uuid = family.catalog.version("base", 1).uuid
    edge = family.lineage.edges("fraud", 1)[0]
    assert (edge.node.id, edge.node.name) == (uuid, "base/1")
    assert family.lineage.link("fraud", 1, of_version(uuid), "fine_tuned_from").id == edge.id
    family.catalog.rename_model("base", "foundation")
    assert family.lineage.edges("fraud", 1)[0].node.name == "foundation/1"
    assert family.lineage.edge(edge.id).node.name == "foundation/1"


def test_an_alias_means_the_version_that_it_names_now(house: House) -> None:
    for content in (b"1", b"2"):
        house.catalog.create_version(
            "base", NewVersion(files=house.files(model=content)), create_model=True
        )
    push(house, "fraud")
    house.catalog.set_alias("base", "champion", 1)
    house.lineage.link("fraud", 1, of_version("base@champion"))
    house.catalog.set_alias("base", "champion", 2)
    assert [edge.node.name for edge in house.lineage.edges("fraud", 1)] == ["base/1"]


def test_only_relations_that_fit_lead_to_versions_that_are_there(family: House) -> None:
    with pytest.raises(InvalidInput, match="trained_on or evaluated_on"):
        family.lineage.link("base", 1, DATA, "fine_tuned_from")
    for node in (of_version("absent/1"), of_version("base/9"), of_version("0" * 32)):
        with pytest.raises(NotFound):
            family.lineage.link("fraud", 1, node)
    with pytest.raises(InvalidInput):
        family.lineage.link("fraud", 1, of_version("a/b/"))
    for model, number in (("absent", 1), ("fraud", 9)):
        for node in (DATA, of_version("base/1")):
            with pytest.raises(NotFound):
                family.lineage.link(model, number, node)
        with pytest.raises(NotFound):
            family.lineage.edges(model, number)


def test_no_version_comes_from_itself(family: House) -> None:
    for child, parent in (("base", "fraud/2"), ("base", "fraud/1"), ("base", "base/1")):
        with pytest.raises(Conflict, match="no version comes from itself"):
            family.lineage.link(child, 1, of_version(parent))
    assert len(family.lineage.edges("base", 1)) == 1


def test_edges_of_a_version_have_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_EDGES", 3)
    push(house, "fraud")
    for n in range(3):
        house.lineage.link("fraud", 1, Node(NodeKind.RUN, f"r{n}"))
    with pytest.raises(LimitExceeded):
        house.lineage.link("fraud", 1, Node(NodeKind.RUN, "r3"))
    house.lineage.link("fraud", 1, Node(NodeKind.RUN, "r0"))


def test_an_edge_can_be_taken_back_and_history_tells_of_both(family: House) -> None:
    edge = family.lineage.edges("fraud", 2)[0]
    family.lineage.unlink(edge.id)
    assert family.lineage.edges("fraud", 2) == []
    with pytest.raises(NotFound):
        family.lineage.unlink(edge.id)
    entries = family.catalog.history("fraud").items
    assert [(e.kind, e.version) for e in entries[:2]] == [
        ("lineage.removed", 2),
        ("lineage.added", 2),
    ]
    assert entries[0].details == entries[1].details
    assert family.catalog.verify_history("fraud") == len(entries)


def test_linking_needs_leave_to_write_and_to_read_the_parent(family: House) -> None:
    viewer = somebody(family, "vic", Role.VIEWER)
    with pytest.raises(PermissionDenied):
        viewer.lineage.link("fraud", 1, DATA)
    with pytest.raises(PermissionDenied):
        viewer.lineage.unlink(family.lineage.edges("fraud", 1)[0].id)
    narrowed = somebody(family, "eve", Role.CONTRIBUTOR, Narrowing(models="credit"))
    with pytest.raises(NotFound) as hidden:
        narrowed.lineage.link("credit", 1, of_version("base/1"))
    family.catalog.delete_model("base")
    with pytest.raises(NotFound) as absent:
        narrowed.lineage.link("credit", 1, of_version("base/1"))
    assert str(hidden.value) == str(absent.value)


# -- walks ---------------------------------------------------------------------------------------


def test_up_leads_to_what_a_version_came_from(family: House) -> None:
    graph = family.lineage.graph(parse_ref("fraud/2"), direction=Direction.UP)
    assert labels(graph) == {"fraud/2": 0, "fraud/1": 1, "base/1": 2, "r1": 2, "loans": 3}
    assert drawn(graph) == {
        ("fraud/2", "derived_from", "fraud/1"),
        ("fraud/1", "fine_tuned_from", "base/1"),
        ("fraud/1", "produced_by", "r1"),
        ("base/1", "trained_on", "loans"),
    }
    assert not graph.truncated
    assert LineageGraph.from_json(graph.to_json()) == graph


def test_down_leads_from_a_data_set_to_all_versions_that_came_of_it(family: House) -> None:
    start = Node(NodeKind.DATASET, "1f8a")
    graph = family.lineage.graph(start, direction=Direction.DOWN)
    assert labels(graph) == {"loans": 0, "base/1": 1, "credit/1": 1, "fraud/1": 2, "fraud/2": 3}
    assert graph.nodes[0].node == DATA  # its edges knew its name
    assert ("credit/1", "evaluated_on", "loans") in drawn(graph)


def test_both_ways_are_not_mixed(family: House) -> None:
    graph = family.lineage.graph(parse_ref("base/1"))
    assert labels(graph) == {"base/1": 0, "loans": 1, "fraud/1": 1, "fraud/2": 2}


def test_a_walk_goes_no_further_than_asked(family: House) -> None:
    graph = family.lineage.graph(parse_ref("fraud/2"), direction=Direction.UP, hops=1)
    assert labels(graph) == {"fraud/2": 0, "fraud/1": 1}
    cut = family.lineage.graph(DATA, limit=3)
    assert len(cut.nodes) == 3
    assert cut.truncated
    for wrong in ({"hops": 0}, {"hops": 21}, {"limit": 0}, {"limit": 1_001}):
        with pytest.raises(InvalidInput):
            family.lineage.graph(DATA, **wrong)  # type: ignore[arg-type]


def test_a_node_that_nothing_came_from_stands_alone(family: House) -> None:
    graph = family.lineage.graph(Node(NodeKind.RUN, "unknown"))
    assert (labels(graph), graph.edges) == ({"unknown": 0}, ())
    with pytest.raises(NotFound):
        family.lineage.graph(Ref("fraud", version=9))


def test_versions_are_shown_as_they_are_now(family: House) -> None:
    family.lifecycle.move_to_stage("fraud", 1, "Archived")
    node: GraphNode = family.lineage.graph(parse_ref("fraud/1")).nodes[0]
    assert (node.model, node.version, node.stage, node.status) == (
        "fraud",
        1,
        "Archived",
        "PENDING",
    )


def test_a_walk_does_not_pass_through_what_is_hidden(family: House) -> None:
    grants = tuple(Grant(frozenset({Verb.READ}), Narrowing(models=m)) for m in ("base", "credit"))
    eve = Services(family.ports, Caller("eve", principal=Principal("eve", grants)))
    graph = eve.lineage.graph(DATA)
    assert set(labels(graph)) == {"loans", "base/1", "credit/1"}
    family.lineage.link("credit", 1, of_version("fraud/2"))
    edges = eve.lineage.edges("credit", 1)
    assert [edge.node.name for edge in edges] == ["loans"]
    hidden = family.lineage.edges("credit", 1)[1].id
    with pytest.raises(NotFound):
        eve.lineage.edge(hidden)
    up = eve.lineage.graph(parse_ref("credit/1"), direction=Direction.UP)
    assert set(labels(up)) == {"credit/1", "loans"}
    with pytest.raises(NotFound):
        eve.lineage.graph(parse_ref("fraud/1"))


def test_a_version_that_was_deleted_is_told_to_who_may_read_everything(family: House) -> None:
    family.catalog.delete_version("base", 1)
    up = family.lineage.graph(parse_ref("fraud/1"), direction=Direction.UP)
    gone = next(node for node in up.nodes if node.label == "base/1")
    assert (gone.status, gone.model) == ("DELETED", None)
    eve = somebody(family, "eve", Role.VIEWER, Narrowing(models="fraud"))
    assert "base/1" not in labels(eve.lineage.graph(parse_ref("fraud/1")))
    down = family.lineage.graph(DATA, direction=Direction.DOWN)
    assert set(labels(down)) == {"loans", "credit/1"}
    family.catalog.restore_version("base", 1)
    assert "fraud/1" in labels(family.lineage.graph(DATA))


def test_many_versions_of_one_data_set_are_all_found(house: House) -> None:
    push(house, "fraud", domain.MAX_NODES // 4)
    for n in range(1, domain.MAX_NODES // 4 + 1):
        house.lineage.link("fraud", n, DATA)
    graph = house.lineage.graph(DATA)
    assert len(graph.nodes) == domain.MAX_NODES // 4 + 1
    assert not graph.truncated
