"""The template: a graph, a configuration per node and the builders become one pipeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from muniment.pipelines.builders import StepBuilder, property_of
from muniment.pipelines.configs import StepConfig
from muniment.pipelines.dag import PipelineDAG
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import Text
from muniment.pipelines.plan import Plan, PlannedStep
from muniment.pipelines.resolver import Candidate, UnifiedDependencyResolver

Builder: TypeAlias = StepBuilder[Any]

PREFIX_PARAMETER: Final = "EXECUTION_S3_PREFIX"


class PipelineBuilderTemplate:
    """Makes a pipeline of a graph.

    Args:
        dag: what runs before what.
        config_map: a configuration per node.
        step_builder_map: builders by name; the one whose `config_class` is the class of a node's
            configuration builds the node. Of several for one class, the one under the node's name
            is meant.
        sagemaker_session: a PipelineSession; see `StepBuilder`.
        role: the role's ARN or name, for all steps; else that of each configuration.
        pipeline_parameters: parameters of the pipeline. Outputs go to where the one named
            EXECUTION_S3_PREFIX says, else to a folder per execution.

    Raises:
        InvalidPipeline: a node has no configuration or no builder, an edge or configuration names
            no node, two nodes would be one step, or there is a cycle.
    """

    def __init__(
        self,
        dag: PipelineDAG,
        config_map: Mapping[str, StepConfig],
        step_builder_map: Mapping[str, type[Builder]],
        sagemaker_session: Any = None,
        role: Text = "",
        pipeline_parameters: Sequence[Any] | None = None,
    ) -> None:
        self.dag = dag
        self.config_map = dict(config_map)
        self.step_builder_map = dict(step_builder_map)
        self.sagemaker_session = sagemaker_session
        self.role = role
        self.pipeline_parameters = list(pipeline_parameters or ())
        self._order = self._checked_order()
        self._classes = {node: self._builder_class(node) for node in self._order}
        self._names = self._step_names()

    def with_session(self, sagemaker_session: Any) -> PipelineBuilderTemplate:
        """Return the same template, for another session."""
        return PipelineBuilderTemplate(
            self.dag,
            self.config_map,
            self.step_builder_map,
            sagemaker_session,
            self.role,
            self.pipeline_parameters,
        )

    @property
    def region(self) -> str:
        """The AWS region of the first node's configuration."""
        return self.config_map[self._order[0]].aws_region

    @property
    def bucket(self) -> str:
        """The bucket of the first node's configuration, or ''."""
        return self.config_map[self._order[0]].bucket

    @property
    def pipeline_name(self) -> str:
        """What the pipeline is called if nobody says otherwise."""
        return self.config_map[self._order[0]].pipeline_name

    def plan(self) -> Plan:
        """Return what the pipeline will consist of. Needs no SDK.

        Raises:
            InvalidPipeline: nothing feeds a required dependency; the candidates are listed.
        """
        resolver = UnifiedDependencyResolver()
        return Plan([self._planned(resolver, node) for node in self._order])

    def generate_pipeline(self, name: str = "") -> Any:
        """Return a Pipeline of the SDK, each step after those that it needs.

        Raises:
            InvalidPipeline: as `plan` does; or a builder refuses its inputs.
        """
        from muniment.pipelines.sdk.pipeline import CheckedPipeline, default_session

        session = self.sagemaker_session or default_session(self.region, self.bucket)
        made: dict[str, Any] = {}
        for step in self.plan().steps:
            inputs = {
                dependency: property_of(made[match.node], match.output)
                for dependency, match in step.connections.items()
            }
            builder = self._builder(step.node, session)
            if self._is_one_of_several(step.node):
                builder = self._builder(step.node, session, (*builder.base, step.name))
            made[step.node] = builder.create_step(
                inputs=inputs, dependencies=[made[before] for before in step.after]
            )
        return CheckedPipeline(
            name=name or self.pipeline_name,
            parameters=self.pipeline_parameters,
            steps=list(made.values()),
            sagemaker_session=session,
        )

    def _planned(self, resolver: UnifiedDependencyResolver, node: str) -> PlannedStep:
        spec = self._classes[node].spec
        configured = list(self._builder(node, self.sagemaker_session).configured_inputs())
        candidates = [
            Candidate(ancestor, self._classes[ancestor].spec, distance)
            for ancestor, distance in self.dag.distances_to(node).items()
        ]
        found = resolver.resolve(node, spec, candidates, given=configured)
        return PlannedStep(
            node=node,
            name=self._names[node],
            spec=spec,
            after=self.dag.get_dependencies(node),
            connections=found.matches,
            rivals={name: found.rivals(name) for name in spec.dependencies},
            configured=configured,
            open=[dependency.logical_name for dependency in found.unresolved],
        )

    def _builder(self, node: str, session: Any, base: tuple[Text, ...] = ()) -> Builder:
        return self._classes[node](
            self.config_map[node],
            sagemaker_session=session,
            role=self.role,
            name=self._names[node],
            base=base or tuple(p for p in self.pipeline_parameters if p.name == PREFIX_PARAMETER),
        )

    def _is_one_of_several(self, node: str) -> bool:
        """Whether other nodes have the same step type, and so would write to the same places."""
        step_type = self._classes[node].spec.step_type
        return sum(c.spec.step_type == step_type for c in self._classes.values()) > 1

    def _checked_order(self) -> list[str]:
        nodes = self.dag.nodes
        if not nodes:
            raise InvalidPipeline("The pipeline has no nodes; it must have at least one.")
        for edge in self.dag.edges:
            for node in edge:
                if node not in nodes:
                    raise InvalidPipeline(
                        f"The edge {edge[0]!r} -> {edge[1]!r} names {node!r}, which is no node."
                    )
        if missing := [node for node in nodes if node not in self.config_map]:
            raise InvalidPipeline(
                f"Node {missing[0]!r} has no configuration; config_map must have one per node."
            )
        if unknown := sorted(self.config_map.keys() - set(nodes)):
            raise InvalidPipeline(
                f"config_map has {unknown[0]!r}, which is no node of the pipeline."
            )
        for name, builder in self.step_builder_map.items():
            if StepBuilder not in getattr(builder, "__mro__", ()):
                raise InvalidPipeline(
                    f"step_builder_map has {builder!r:.80} under {name!r}; "
                    "it must be a subclass of StepBuilder."
                )
        return self.dag.topological_sort()

    def _builder_class(self, node: str) -> type[Builder]:
        kind = type(self.config_map[node])
        for ancestor in kind.__mro__:
            fitting = {
                name: builder
                for name, builder in self.step_builder_map.items()
                if builder.config_class is ancestor
            }
            if len(set(fitting.values())) == 1:
                return next(iter(fitting.values()))
            if fitting:
                if node not in fitting:
                    raise InvalidPipeline(
                        f"Node {node!r} could be built by {' or '.join(fitting)}; "
                        f"put the one that is meant under {node!r} into step_builder_map."
                    )
                return fitting[node]
        raise InvalidPipeline(
            f"No builder for node {node!r}: none in step_builder_map is for a {kind.__name__}.",
            hint=f"It has {', '.join(self.step_builder_map) or 'nothing'}.",
        )

    def _step_names(self) -> dict[str, str]:
        """Steps are named after their nodes, as far as SageMaker allows."""
        names = {node: re.sub(r"[^A-Za-z0-9]+", "-", node).strip("-") for node in self._order}
        taken: dict[str, str] = {}
        for node, name in names.items():
            if not name or len(name) > 64:
                raise InvalidPipeline(
                    f"Node {node!r:.80} can't name a step; it must have 1 to 64 letters, digits "
                    "and hyphens."
                )
            if name in taken:
                raise InvalidPipeline(
                    f"Nodes {taken[name]!r} and {node!r} would both be step {name!r}; "
                    "they must differ in letters and digits."
                )
            taken[name] = node
        return names
