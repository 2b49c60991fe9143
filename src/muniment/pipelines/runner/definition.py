"""A compiled pipeline: its steps in the order in which they can run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.runner.values import referenced_steps

KINDS: Final = ("Processing", "Training", "Model")
"""Types of steps that can run here."""


@dataclass(frozen=True)
class Step:
    """One step: its request, with references in it, and the steps that must succeed before."""

    name: str
    kind: str
    arguments: Mapping[str, Any]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """A pipeline's definition. `parameters` are the defaults, None where there is none."""

    parameters: Mapping[str, Any]
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Definition:
        """Read what `Pipeline.definition()` returns.

        Raises:
            InvalidPipeline: it is no definition; a step is of a kind that can't run here, or needs
                one that there is not; steps wait for each other.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InvalidPipeline(f"The definition is no JSON: {error}.") from None
        if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
            raise InvalidPipeline("The definition has no list of Steps; it must have one.")
        steps = [_step(given) for given in document["Steps"]]
        if not steps:
            raise InvalidPipeline("The definition has no steps; it must have at least one.")
        names = [step.name for step in steps]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InvalidPipeline(f"The definition has the step {twice[0]!r} more than once.")
        parameters = {
            one["Name"]: one.get("DefaultValue") for one in document.get("Parameters") or ()
        }
        return cls(parameters, tuple(_ordered(steps)))


def _step(given: Any) -> Step:
    if not isinstance(given, dict) or not isinstance(given.get("Name"), str):
        raise InvalidPipeline(f"{given!r:.80} is no step; it must have a Name.")
    name, kind = given["Name"], given.get("Type")
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidPipeline(f"The step name {name!r:.80} can't name a folder.")
    if kind not in KINDS:
        raise InvalidPipeline(
            f"Step {name!r} is of the type {kind!r}; the local runner knows {', '.join(KINDS)}."
        )
    arguments = given.get("Arguments")
    if not isinstance(arguments, dict):
        raise InvalidPipeline(f"Step {name!r} has no Arguments; it must have some.")
    before = [_dependency(name, entry) for entry in given.get("DependsOn") or ()]
    needs = dict.fromkeys([*before, *referenced_steps(arguments)])
    return Step(name, kind, arguments, tuple(needs))


def _dependency(name: str, entry: Any) -> str:
    """A name; or, in version 3 of the SDK, {"Step": name, "Trigger": when}."""
    if isinstance(entry, dict):
        if (trigger := entry.get("Trigger")) not in (None, "Succeeded", "Success"):
            raise InvalidPipeline(
                f"Step {name!r} runs when {entry.get('Step')!r} is {trigger!r}; the local runner "
                "runs steps only after others have succeeded."
            )
        entry = entry.get("Step")
    if not isinstance(entry, str):
        raise InvalidPipeline(f"Step {name!r} depends on {entry!r:.80}, which names no step.")
    return entry


def _ordered(steps: list[Step]) -> Iterator[Step]:
    by_name = {step.name: step for step in steps}
    for step in steps:
        for needed in step.needs:
            if needed not in by_name:
                raise InvalidPipeline(
                    f"Step {step.name!r} needs {needed!r}, which is no step of the definition."
                )
    sorter = TopologicalSorter({step.name: step.needs for step in steps})
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise InvalidPipeline(f"Steps wait for each other: {circle}.") from None
    return (by_name[name] for name in order)
