"""The lane of a model: which versions hold which stage, since when, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.access import Asked, Verb
from muniment.domain.activities import Activity
from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel
from muniment.domain.query import Comparison, Op, OrderBy, Target, attribute
from muniment.services import Services
from muniment.services.lifecycle.transitions import ARCHIVED

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Lane:
    """A stage, the newest versions that are in it, and whether there are more.

    `reversible`: it was changed lately, and the caller may roll that back.
    """

    stage: str
    versions: tuple[ModelVersion, ...] = ()
    more: bool = False
    reversible: bool = False


def lanes(services: Services, model: RegisteredModel, changes: Sequence[Activity]) -> list[Lane]:
    """Return a lane for every stage but None; `changes` are the last ones of the model's stages."""
    held = services.catalog.newest_in_stages([model]).get(model.name, [])
    occupied = {version.stage for version in held} - {NO_STAGE}
    changed = {change.details.get(end) for change in changes for end in ("from", "to")}
    stages = [stage.name for stage in services.lifecycle.stages() if stage.name != NO_STAGE]
    stages += sorted(occupied.difference(stages))  # of a stage that is defined no more
    return [
        Lane(
            stage,
            *(_holders(services, model, stage) if stage in occupied else ((), False)),
            reversible=stage in changed - {ARCHIVED} and _may_move(services, model, stage),
        )
        for stage in stages
    ]


def in_stage(stage: str) -> Comparison:
    """Return the filter for the versions that are in a stage."""
    return Comparison(attribute(Target.VERSIONS, "stage"), Op.EQ, stage)


def _holders(
    services: Services, model: RegisteredModel, stage: str
) -> tuple[tuple[ModelVersion, ...], bool]:
    newest_first = OrderBy(attribute(Target.VERSIONS, "version"), descending=True)
    found = services.catalog.find_versions(
        in_stage(stage), (newest_first,), page_size=_SHOWN, model=model.name
    )
    return found.items, found.next_token is not None


def _may_move(services: Services, model: RegisteredModel, stage: str) -> bool:
    about = Asked.about(model, stage=stage)
    return services.caller.principal.may(Verb.MOVE_STAGE, about)
