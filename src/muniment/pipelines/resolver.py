"""Which output feeds which dependency: found by types and names, so that nobody has to say.

Each pair of a dependency and an output gets a score, the sum of

    type         .4 the same, .2 compatible; else the pair is refused
    data type    .2 the same, .1 compatible
    name         .25 x how alike the dependency's name is to the output's, or to an alias
    exact name   .05
    source       .1 the step is among the compatible sources; -.1 there are some, and it is not
    keywords     .05 x the share of keywords found in the output's names

up to 1. What is alike by one half or less is alike by chance and counts nothing: nearly everything
here is called a model of some kind, and a raw training output must not pass for a packaged model.
A pair above .5 may be connected; the best wins, among equals the nearest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    OutputSpec,
    StepSpecification,
)

THRESHOLD: Final = 0.5
_ALIKE_BY_CHANCE: Final = 0.5

_ACCEPTS: Final[Mapping[DependencyType, frozenset[DependencyType]]] = {
    DependencyType.PAYLOAD_SAMPLES: frozenset({DependencyType.PROCESSING_OUTPUT}),
    DependencyType.TRAINING_DATA: frozenset({DependencyType.PROCESSING_OUTPUT}),
    DependencyType.PROCESSING_OUTPUT: frozenset({DependencyType.TRAINING_DATA}),
    DependencyType.HYPERPARAMETERS: frozenset({DependencyType.CUSTOM_PROPERTY}),
}
_DATA_ACCEPTS: Final[Mapping[str, frozenset[str]]] = {
    "S3Uri": frozenset({"String"}),
    "String": frozenset({"S3Uri"}),
}


@dataclass(frozen=True)
class Score:
    """How well an output fits a dependency: the parts of the sum, by name; empty if refused."""

    parts: Mapping[str, float]
    refused: str = ""

    @property
    def total(self) -> float:
        """The sum, from 0 to 1."""
        return round(min(1.0, max(0.0, sum(self.parts.values()))), 4)

    @property
    def accepted(self) -> bool:
        """Whether the two may be connected."""
        return self.total > THRESHOLD

    def __str__(self) -> str:
        why = self.refused or " ".join(f"{name} {part:+.2f}" for name, part in self.parts.items())
        return f"{self.total:.2f} ({why})"


@dataclass(frozen=True)
class Candidate:
    """A step whose outputs may be used, `distance` edges before the consumer."""

    node: str
    spec: StepSpecification
    distance: int = 1


@dataclass(frozen=True)
class Match:
    """An output of a node, scored against a dependency."""

    dependency: DependencySpec
    node: str
    output: OutputSpec
    score: Score
    distance: int


@dataclass(frozen=True)
class Resolution:
    """What was found for one consumer: what feeds each dependency, and all that was considered."""

    matches: Mapping[str, Match]
    considered: Sequence[Match]
    unresolved: Sequence[DependencySpec]

    def rivals(self, dependency: str) -> list[Match]:
        """Return what was considered for a dependency, best first."""
        rivals = [match for match in self.considered if match.dependency.logical_name == dependency]
        return sorted(rivals, key=lambda match: (-match.score.total, match.distance))


class UnifiedDependencyResolver:
    """Connects the dependencies of a step with the outputs of steps before it."""

    def score(self, dependency: DependencySpec, output: OutputSpec, source: str) -> Score:
        """Return how well an output of a step of type `source` fits a dependency."""
        parts: dict[str, float] = {}
        if output.output_type is dependency.dependency_type:
            parts["type"] = 0.4
        elif output.output_type in _ACCEPTS.get(dependency.dependency_type, ()):
            parts["type"] = 0.2
        else:
            return Score({}, f"{dependency.dependency_type} does not accept {output.output_type}")
        if output.data_type == dependency.data_type:
            parts["data type"] = 0.2
        elif output.data_type in _DATA_ACCEPTS.get(dependency.data_type, ()):
            parts["data type"] = 0.1
        parts["name"] = 0.25 * max(_alike(dependency.logical_name, n) for n in output.names)
        if any(name.lower() == dependency.logical_name.lower() for name in output.names):
            parts["exact name"] = 0.05
        if dependency.compatible_sources:
            known = {_type_name(name) for name in dependency.compatible_sources}
            parts["source"] = 0.1 if _type_name(source) in known else -0.1
        if dependency.semantic_keywords:
            parts["keywords"] = 0.05 * _keyword_share(dependency.semantic_keywords, output.names)
        return Score({name: part for name, part in parts.items() if part})

    def resolve(
        self,
        consumer: str,
        spec: StepSpecification,
        candidates: Iterable[Candidate],
        *,
        given: Iterable[str] = (),
    ) -> Resolution:
        """Return what feeds each dependency of a step; `given` ones need nothing.

        An output feeds at most one dependency of a consumer.

        Raises:
            InvalidPipeline: nothing feeds a required dependency; the candidates are listed.
        """
        provided = set(given)
        wanted = [d for name, d in spec.dependencies.items() if name not in provided]
        considered = [
            Match(dependency, candidate.node, output, score, candidate.distance)
            for candidate in candidates
            for output in candidate.spec.outputs.values()
            for dependency in wanted
            for score in [self.score(dependency, output, candidate.spec.step_type)]
        ]
        matches: dict[str, Match] = {}
        used: set[tuple[str, str]] = set()
        for match in sorted(considered, key=_best_first):
            name, source = match.dependency.logical_name, (match.node, match.output.logical_name)
            if match.score.accepted and name not in matches and source not in used:
                matches[name] = match
                used.add(source)
        unresolved = [d for d in wanted if d.logical_name not in matches]
        in_order = {name: matches[name] for name in spec.dependencies if name in matches}
        found = Resolution(in_order, considered, unresolved)
        for dependency in unresolved:
            if dependency.required:
                raise InvalidPipeline(_nothing_feeds(consumer, dependency, found))
        return found


def _best_first(match: Match) -> tuple[float, int, bool]:
    return (-match.score.total, match.distance, not match.dependency.required)


def _nothing_feeds(consumer: str, dependency: DependencySpec, found: Resolution) -> str:
    rivals = [
        f"{match.node}.{match.output.logical_name} {match.score}"
        for match in found.rivals(dependency.logical_name)
    ]
    listed = "; ".join(rivals) or "none, no step with outputs comes before it"
    return (
        f"Nothing feeds {dependency.logical_name!r} of {consumer}, which is required. "
        f"Candidates, of which one must score above {THRESHOLD}: {listed}."
    )


def _type_name(name: str) -> str:
    return name.removesuffix("Step").lower()


def _words(name: str) -> frozenset[str]:
    """The words of a name, however they are joined, without the s of a plural."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return frozenset(word.lower().removesuffix("s") for word in words)


def _more_than_chance(share: float) -> float:
    return share if share > _ALIKE_BY_CHANCE else 0.0


def _alike(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1: the words they share, of all they have."""
    a, b = _words(one), _words(other)
    return _more_than_chance(len(a & b) / len(a | b)) if a | b else 0.0


def _keyword_share(keywords: Sequence[str], names: Sequence[str]) -> float:
    words = frozenset[str]().union(*map(_words, names))
    return _more_than_chance(sum(_words(k) <= words for k in keywords) / len(keywords))
