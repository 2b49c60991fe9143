from __future__ import annotations

import pytest

from muniment.pipelines import InvalidPipeline, PipelineDAG

DIAMOND = [("load", "left"), ("load", "right"), ("left", "end"), ("right", "end")]


def test_a_node_comes_after_all_that_it_needs_else_in_its_own_order() -> None:
    dag = PipelineDAG(["end", "right", "left", "load"], DIAMOND)
    assert dag.topological_sort() == ["load", "left", "right", "end"]


def test_neighbours_are_known_in_both_directions() -> None:
    dag = PipelineDAG(["load", "left", "right", "end"], DIAMOND)
    assert dag.adj_list["load"] == ["left", "right"]
    assert dag.reverse_adj["end"] == ["left", "right"]
    assert dag.get_dependencies("end") == ["left", "right"]
    assert dag.get_dependencies("load") == []


def test_ancestors_come_nearest_first() -> None:
    dag = PipelineDAG("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    assert dag.distances_to("d") == {"c": 1, "a": 1, "b": 2}


def test_adding_twice_changes_nothing() -> None:
    dag = PipelineDAG(["a"])
    dag.add_node("a")
    dag.add_node("b")
    dag.add_edge("a", "b")
    dag.add_edge("a", "b")
    assert dag.nodes == ["a", "b"]
    assert dag.edges == [("a", "b")]


def test_a_cycle_is_a_value_error_that_names_it() -> None:
    dag = PipelineDAG("abcde", [("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "e")])
    with pytest.raises(ValueError, match=r"cycle: b -> c -> d -> b|cycle: c -> d -> b -> c"):
        dag.topological_sort()


def test_a_node_behind_a_cycle_does_not_hide_it() -> None:
    dag = PipelineDAG(["z", "a", "b"], [("a", "b"), ("b", "a"), ("b", "z")])
    with pytest.raises(ValueError, match="cycle"):
        dag.topological_sort()


@pytest.mark.parametrize("wrong", [lambda d: d.add_edge("a", "a"), lambda d: d.add_node("")])
def test_what_could_never_run_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidPipeline):
        wrong(PipelineDAG(["a"]))  # type: ignore[operator]


def test_an_unknown_node_has_no_dependencies_to_ask_for() -> None:
    with pytest.raises(ValueError, match="no node 'b'"):
        PipelineDAG(["a"]).get_dependencies("b")
