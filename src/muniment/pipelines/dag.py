"""The graph of a pipeline: nodes, and edges that say what runs before what."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from muniment.pipelines.errors import InvalidPipeline


class PipelineDAG:
    """A directed graph without cycles; an edge leads from what runs first to what runs then.

        dag = PipelineDAG(nodes=["train", "package"], edges=[("train", "package")])

    Nodes and edges keep the order in which they came. An edge may come before its nodes; the
    template refuses one whose nodes never come.
    """

    def __init__(self, nodes: Iterable[str] = (), edges: Iterable[tuple[str, str]] = ()) -> None:
        self._nodes: dict[str, None] = {}
        self._edges: dict[tuple[str, str], None] = {}
        for node in nodes:
            self.add_node(node)
        for before, after in edges:
            self.add_edge(before, after)

    def add_node(self, node: str) -> None:
        """Add a node; one that is there already stays as it is."""
        if not node:
            raise InvalidPipeline("A node of a pipeline needs a name; it is empty.")
        self._nodes.setdefault(node)

    def add_edge(self, before: str, after: str) -> None:
        """Say that `before` runs before `after`."""
        if before == after:
            raise InvalidPipeline(f"Node {before!r} has an edge to itself; it would never run.")
        self._edges.setdefault((before, after))

    @property
    def nodes(self) -> list[str]:
        """All nodes, in the order they came."""
        return list(self._nodes)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """All edges, in the order they came."""
        return list(self._edges)

    @property
    def adj_list(self) -> Mapping[str, list[str]]:
        """What comes right after each node."""
        return self._neighbours(self._edges)

    @property
    def reverse_adj(self) -> Mapping[str, list[str]]:
        """What comes right before each node."""
        return self._neighbours((after, before) for before, after in self._edges)

    def _neighbours(self, edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {node: [] for node in self._nodes}
        for one, other in edges:
            found.setdefault(one, []).append(other)
            found.setdefault(other, [])
        return found

    def get_dependencies(self, node: str) -> list[str]:
        """Return what comes right before a node; raises InvalidPipeline if it is none."""
        before = self.reverse_adj
        if node not in before:
            raise InvalidPipeline(
                f"There is no node {node!r}.", hint=f"Nodes: {', '.join(self._nodes)}."
            )
        return before[node]

    def distances_to(self, node: str) -> dict[str, int]:
        """Return all ancestors of a node, nearest first, with the number of edges between."""
        before = self.reverse_adj
        found = {node: 0}
        waiting = deque([node])
        while waiting:
            here = waiting.popleft()
            for parent in before.get(here, ()):
                if parent not in found:
                    found[parent] = found[here] + 1
                    waiting.append(parent)
        del found[node]
        return found

    def topological_sort(self) -> list[str]:
        """Return the nodes so that each comes after all that it needs, else in their own order.

        Raises:
            ValueError: there is a cycle; the message names it.
        """
        after = self.adj_list
        missing = {node: len(before) for node, before in self.reverse_adj.items()}
        ready = deque(node for node, count in missing.items() if not count)
        order: list[str] = []
        while ready:
            node = ready.popleft()
            order.append(node)
            for child in after[node]:
                missing[child] -= 1
                if not missing[child]:
                    ready.append(child)
        if len(order) < len(missing):
            raise InvalidPipeline(f"The pipeline has a cycle: {' -> '.join(self._cycle(order))}.")
        return order

    def _cycle(self, sorted_already: list[str]) -> list[str]:
        """Return a cycle among the nodes that could not be sorted: all have one before them."""
        done, before = set(sorted_already), self.reverse_adj
        walked: list[str] = []
        node = next(node for node in before if node not in done)
        while node not in walked:
            walked.append(node)
            node = next(parent for parent in before[node] if parent not in done)
        return [node, *reversed(walked[walked.index(node) :])]
