"""What people see of lineages: trees."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.cli.draw import Block, Cell, Heading, Lines, Paragraph, Styled
from muniment.domain.lineage import GraphNode, LineageGraph, NodeKind

_NAME = "bold"
_DIM = "dim"


def lineage(graph: LineageGraph, *, up: bool, down: bool) -> list[Block]:
    """A lineage as trees: what the start came from, and what came from it."""
    tree = _Tree(graph)
    blocks: list[Block] = []
    if up and graph.nodes[0].node.kind is NodeKind.VERSION:  # other things come from nowhere
        blocks += tree.drawn("came from", tree.parents)
    if down:
        blocks += tree.drawn("led to", tree.children)
    if graph.truncated:
        blocks.append(Paragraph(Styled("There is more; see --hops.", _DIM)))
    return blocks


class _Tree:
    """A graph by its edges, drawn from its start; what stands above already is not repeated."""

    def __init__(self, graph: LineageGraph) -> None:
        self._nodes = {node.key: node for node in graph.nodes}
        self._start = graph.nodes[0]
        self.parents: dict[str, list[tuple[str, str]]] = {}
        self.children: dict[str, list[tuple[str, str]]] = {}
        for edge in graph.edges:
            relation = edge.relation.value.replace("_", " ")
            self.parents.setdefault(edge.child, []).append((relation, edge.parent))
            self.children.setdefault(edge.parent, []).append((relation, edge.child))

    def drawn(self, title: str, ways: dict[str, list[tuple[str, str]]]) -> list[Block]:
        """Return the branches that lead one way."""
        start = [*_node(self._start), Styled(title, _DIM)]
        if not ways.get(self._start.key):
            return [Heading([*start, "nothing that is known"], gap=" ")]
        lines = list(self._branches(self._start.key, ways, "", {self._start.key}))
        return [Heading(start, gap=" "), Lines(lines)]

    def _branches(
        self, key: str, ways: dict[str, list[tuple[str, str]]], indent: str, seen: set[str]
    ) -> Iterator[list[Cell]]:
        branches = ways.get(key, [])
        for n, (relation, other) in enumerate(branches):
            last = n == len(branches) - 1
            known = other in seen
            above: list[Cell] = [Styled("(see above)", _DIM)] if known and ways.get(other) else []
            knot = Styled(f"{indent}{'└─' if last else '├─'}", _DIM)
            yield [knot, Styled(relation, _DIM), *_node(self._nodes[other]), *above]
            if not known:
                seen.add(other)
                yield from self._branches(other, ways, indent + ("   " if last else "│  "), seen)


def _node(node: GraphNode) -> list[Cell]:
    if node.model is not None:
        stage = [Styled(node.stage, "magenta")] if node.stage not in ("", "None") else []
        status = [] if node.status in ("", "READY") else [Styled(node.status, "yellow")]
        return [Styled(f"{node.model}/{node.version}", _NAME), *stage, *status]
    cells: list[Cell] = [node.node.kind.value, Styled(node.label, _NAME)]
    if node.node.kind is NodeKind.COMMIT and node.node.properties.get("dirty") is True:
        cells.append(Styled("with changes", "yellow"))
    if node.node.uri:
        cells.append(Styled(node.node.uri, _DIM))
    return cells
