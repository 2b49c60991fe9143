"""Step specifications: what a step needs from others, and what it has to give.

    OutputSpec("packaged_model_output")  ──resolver──>  DependencySpec("PackagedModel")

A specification says nothing about how: containers and paths are the script contract's, instances
and images the configuration's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from muniment.pipelines.contracts import ScriptContract
from muniment.pipelines.errors import InvalidPipeline


class DependencyType(StrEnum):
    """What kind of thing flows from one step to another."""

    MODEL_ARTIFACTS = "model_artifacts"
    PROCESSING_OUTPUT = "processing_output"
    TRAINING_DATA = "training_data"
    HYPERPARAMETERS = "hyperparameters"
    PAYLOAD_SAMPLES = "payload_samples"
    CUSTOM_PROPERTY = "custom_property"


class NodeType(StrEnum):
    """Where in a graph a step may stand."""

    SOURCE = "source"  # needs nothing, gives something
    INTERNAL = "internal"  # needs and gives
    SINK = "sink"  # needs something, gives nothing
    SINGULAR = "singular"  # neither


@dataclass(frozen=True)
class DependencySpec:
    """One input of a step. `compatible_sources` are step types; empty means any."""

    logical_name: str
    dependency_type: DependencyType
    required: bool = True
    compatible_sources: tuple[str, ...] = ()
    semantic_keywords: tuple[str, ...] = ()
    data_type: str = "S3Uri"
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("dependency", self.logical_name)
        object.__setattr__(self, "dependency_type", _type_of(self.dependency_type))
        object.__setattr__(self, "compatible_sources", tuple(self.compatible_sources))
        object.__setattr__(self, "semantic_keywords", tuple(self.semantic_keywords))


@dataclass(frozen=True)
class OutputSpec:
    """One output of a step, and where it stands among the step's properties at run time."""

    logical_name: str
    output_type: DependencyType
    property_path: str
    aliases: tuple[str, ...] = ()
    data_type: str = "S3Uri"
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("output", self.logical_name)
        object.__setattr__(self, "output_type", _type_of(self.output_type))
        object.__setattr__(self, "aliases", tuple(self.aliases))
        if not self.property_path.startswith("properties."):
            raise InvalidPipeline(
                f"property_path of output {self.logical_name!r} is {self.property_path!r}; "
                "it must start with 'properties.'."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Its logical name, then its aliases."""
        return (self.logical_name, *self.aliases)


@dataclass(frozen=True)
class StepSpecification:
    """A step's place among others: its type, its dependencies, its outputs.

    Dependencies and outputs are given in order, and kept by their logical names.

    Raises:
        InvalidPipeline: two names (or aliases) are the same but for case, or the shape is not
            that of the node type.
    """

    step_type: str
    node_type: NodeType
    dependencies: Mapping[str, DependencySpec] = field(default_factory=dict)
    outputs: Mapping[str, OutputSpec] = field(default_factory=dict)
    script_contract: ScriptContract | None = None

    def __init__(
        self,
        step_type: str,
        node_type: NodeType | str,
        dependencies: Iterable[DependencySpec] | Mapping[str, DependencySpec] = (),
        outputs: Iterable[OutputSpec] | Mapping[str, OutputSpec] = (),
        script_contract: ScriptContract | None = None,
    ) -> None:
        if not step_type:
            raise InvalidPipeline("A specification needs a step_type; it is empty.")
        if node_type not in set(NodeType):
            raise InvalidPipeline(
                f"node_type of {step_type} is {node_type!r}; it must be {_one_of(NodeType)}."
            )
        needs, gives = _in_order(dependencies), _in_order(outputs)
        _check_unique(step_type, "dependencies", (spec.logical_name for spec in needs))
        _check_unique(step_type, "outputs", (name for spec in gives for name in spec.names))
        _check_shape(step_type, NodeType(node_type), len(needs), len(gives))
        freeze = object.__setattr__
        freeze(self, "step_type", step_type)
        freeze(self, "node_type", NodeType(node_type))
        freeze(self, "dependencies", MappingProxyType({d.logical_name: d for d in needs}))
        freeze(self, "outputs", MappingProxyType({o.logical_name: o for o in gives}))
        freeze(self, "script_contract", script_contract)

    def output(self, name: str) -> OutputSpec | None:
        """Return the output with this logical name or alias, whatever its case."""
        wanted = name.lower()
        for output in self.outputs.values():
            if any(known.lower() == wanted for known in output.names):
                return output
        return None


_Spec = TypeVar("_Spec", DependencySpec, OutputSpec)


def _in_order(specs: Iterable[_Spec] | Mapping[str, _Spec]) -> list[_Spec]:
    if not isinstance(specs, Mapping):
        return list(specs)
    for name, spec in specs.items():
        if name != spec.logical_name:
            raise InvalidPipeline(
                f"The specification filed under {name!r} is called {spec.logical_name!r}; "
                "they must be the same."
            )
    return list(specs.values())


def _check_name(what: str, name: str) -> None:
    if not name:
        raise InvalidPipeline(f"logical_name of a {what} is empty; it must be a name.")


def _check_unique(step_type: str, where: str, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise InvalidPipeline(
                f"{where} of {step_type} has {seen[name.lower()]!r} and {name!r}; names and "
                "aliases must be unique, whatever their case."
            )
        seen[name.lower()] = name


def _check_shape(step_type: str, node_type: NodeType, needs: int, gives: int) -> None:
    shape = {
        NodeType.SOURCE: (False, True),
        NodeType.INTERNAL: (True, True),
        NodeType.SINK: (True, False),
        NodeType.SINGULAR: (False, False),
    }[node_type]
    if shape != (needs > 0, gives > 0):
        want = " and ".join(
            f"{'some' if has else 'no'} {what}"
            for has, what in zip(shape, ("dependencies", "outputs"), strict=True)
        )
        raise InvalidPipeline(
            f"{step_type} is a {node_type} node with {needs} dependencies and {gives} outputs; "
            f"a {node_type} node has {want}."
        )


def _type_of(value: DependencyType | str) -> DependencyType:
    if value not in set(DependencyType):
        raise InvalidPipeline(
            f"{value!r} is no type of dependency; it must be {_one_of(DependencyType)}."
        )
    return DependencyType(value)


def _one_of(values: type[StrEnum]) -> str:
    return "one of " + ", ".join(values)
