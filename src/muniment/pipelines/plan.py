"""A plan: what a pipeline will consist of, and why each input is connected as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muniment.domain.values import Json, JsonObject
from muniment.pipelines.resolver import Match
from muniment.pipelines.specifications import StepSpecification


@dataclass(frozen=True)
class PlannedStep:
    """One step: what it runs after, what feeds it, and what was considered for that.

    `connections` are by dependency; `configured` inputs come from the configuration; `open` ones
    from nowhere, and are optional.
    """

    node: str
    name: str
    spec: StepSpecification
    after: Sequence[str]
    connections: Mapping[str, Match]
    rivals: Mapping[str, Sequence[Match]]
    configured: Sequence[str]
    open: Sequence[str]

    def to_json(self) -> JsonObject:
        """Return what programs read."""
        inputs: list[Json] = [_connected(name, match) for name, match in self.connections.items()]
        inputs += [{"input": name, "from": "configuration"} for name in self.configured]
        inputs += [{"input": name, "from": None} for name in self.open]
        return {
            "node": self.node,
            "name": self.name,
            "step_type": self.spec.step_type,
            "after": list(self.after),
            "inputs": inputs,
            "rivals": {
                name: [
                    {"node": m.node, "output": m.output.logical_name, "score": m.score.total}
                    for m in rivals
                ]
                for name, rivals in self.rivals.items()
            },
        }


@dataclass(frozen=True)
class Plan:
    """All steps, each after those that it needs."""

    steps: Sequence[PlannedStep]

    def to_json(self) -> JsonObject:
        """Return what programs read."""
        return {"steps": [step.to_json() for step in self.steps]}

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Which node runs before which."""
        return [(before, step.node) for step in self.steps for before in step.after]

    @property
    def flows(self) -> list[tuple[str, str, str]]:
        """What flows from which node to which: (from, to, the dependency)."""
        return [
            (match.node, step.node, name)
            for step in self.steps
            for name, match in step.connections.items()
        ]

    def __str__(self) -> str:
        return "\n".join(line for step in self.steps for line in _lines(step))


def _connected(name: str, match: Match) -> JsonObject:
    return {
        "input": name,
        "from": match.node,
        "output": match.output.logical_name,
        "score": match.score.total,
        "why": dict(match.score.parts),
    }


def _lines(step: PlannedStep) -> list[str]:
    after = f", after {', '.join(step.after)}" if step.after else ""
    return [
        f"{step.node} ({step.spec.step_type}){after}",
        *(
            f"  {name} <- {match.node}.{match.output.logical_name} {match.score}"
            for name, match in step.connections.items()
        ),
        *(f"  {name} <- configuration" for name in step.configured),
        *(f"  {name} <- nothing (optional)" for name in step.open),
    ]
