"""What a reviewer looks at: metrics beside those of what is there now, and who would notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from muniment.domain.deployments import Deployment
from muniment.domain.entities import NO_STAGE, ModelVersion
from muniment.domain.query import Comparison, Op, OrderBy, Target, attribute
from muniment.domain.stages import stage_key
from muniment.domain.values import Value
from muniment.server.web.headline import higher_is_better
from muniment.services import Services

_HOLDERS: Final = 12  # of which ten are shown
_DEPLOYMENTS: Final = 200
_USES: Final = 200
_CONSUMERS: Final = 8


@dataclass(frozen=True, slots=True)
class Delta:
    """A metric of a version, beside that of another; None where one of them has none."""

    metric: str
    value: float | None
    other: float | None
    higher_is_better: bool

    @property
    def change(self) -> float | None:
        """How much more it is than in the other version."""
        if self.value is None or self.other is None:
            return None
        return self.value - self.other

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or nothing where they are equal or can't be compared."""
        if not self.change:
            return ""
        return "better" if (self.change > 0) is self.higher_is_better else "worse"


def deltas(
    tags: Mapping[str, Value], version: ModelVersion, other: ModelVersion | None
) -> list[Delta]:
    """Return the metrics of a version beside another's, by their names; `tags` are the model's."""
    others = {} if other is None else other.metrics
    return [
        Delta(name, version.metrics.get(name), others.get(name), higher_is_better(tags, name))
        for name in sorted({*version.metrics, *others})
    ]


def others_in(services: Services, stage: str, version: ModelVersion) -> list[ModelVersion]:
    """Return the versions that are in a stage beside this one, the highest number first."""
    if stage == NO_STAGE:
        return []
    where = Comparison(attribute(Target.VERSIONS, "stage"), Op.EQ, stage)
    order = (OrderBy(attribute(Target.VERSIONS, "version"), descending=True),)
    found = services.catalog.find_versions(where, order, page_size=_HOLDERS, model=version.model)
    return [held for held in found.items if held.version != version.version]


@dataclass(frozen=True, slots=True)
class Affected:
    """A deployment that a transition changes something for, and what."""

    deployment: Deployment
    effect: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who resolved or fetched a version, and when last."""

    name: str
    last_at: datetime
    count: int


def affected(
    services: Services,
    version: ModelVersion,
    to: str,
    others: Sequence[ModelVersion],
    *,
    archives: bool,
) -> list[Affected]:
    """Return the deployments that notice when a version goes `to` a stage, `others` are there."""
    found = services.deployments.deployments(model=version.model, page_size=_DEPLOYMENTS)
    told = ((d, _effect(d, version, to, others, archives)) for d in found.items)
    return [Affected(deployment, effect) for deployment, effect in told if effect]


def _effect(
    deployment: Deployment,
    version: ModelVersion,
    to: str,
    others: Sequence[ModelVersion],
    archives: bool,
) -> str:
    number = version.version
    if deployment.stage is not None and stage_key(deployment.stage) == stage_key(to):
        stays = [] if archives else [other.version for other in others]
        means = max([number, *stays])
        return f"follows {to}, which will mean version {means}"
    if deployment.stage is not None and stage_key(deployment.stage) == stage_key(version.stage):
        return f"follows {version.stage}, which version {number} leaves"
    runs = deployment.runs(deployment.version)
    if archives and runs in {other.version for other in others}:
        return f"runs version {runs}, which will be archived"
    if runs == number and to == "Archived":
        return f"runs version {number}, which will be archived"
    return ""


def consumers(services: Services, version: ModelVersion) -> list[Consumer]:
    """Return who used a version last, latest first."""
    uses = services.uses.uses(model=version.model, version=version.version, limit=_USES)
    found: dict[str, Consumer] = {}
    for use in uses:
        before = found.get(use.consumer)
        last = use.last_at if before is None else max(before.last_at, use.last_at)
        count = use.count + (before.count if before else 0)
        found[use.consumer] = Consumer(use.consumer, last, count)
    latest = sorted(found.values(), key=lambda consumer: consumer.last_at, reverse=True)
    return latest[:_CONSUMERS]
