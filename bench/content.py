"""What stands in the registries that we measure on, whatever their size.

    model 0      1 ─ 2 ─ 3 … 8 ─ 9 ─ 10
                                 │    └─ Production, @champion
                                 └─ Staging, @challenger

One in ten versions has failed; of a model with more than ten, every tenth is archived. Every
version has tags, a param and metrics; one in four comes from a run, to which its lineage leads.
A hundred versions make a sweep, so that it is as many that a search for one finds, whatever the
size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from muniment.domain.changes import NewVersion
from muniment.domain.entities import NO_STAGE

ACTOR: Final = "ada"
BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)
STEP: Final = timedelta(seconds=1)  # between two changes
TEAMS: Final = ("risk", "search", "ads", "vision", "speech", "fraud", "growth", "ops")
SWEEP: Final = 100  # versions


@dataclass(frozen=True, slots=True)
class Size:
    """How many models of how many versions each (at least two)."""

    models: int
    versions: int

    @property
    def all_versions(self) -> int:
        """Versions of all models."""
        return self.models * self.versions


def model_name(n: int) -> str:
    """Return the name of the model `n`, from 0."""
    return f"model-{n:06}"


def model_tags(n: int) -> dict[str, str]:
    """Return the tags of the model `n`."""
    return {"team": TEAMS[n % len(TEAMS)], "tier": ("gold", "silver")[n % 2]}


def run_of(serial: int) -> str:
    """Return the id of the run that the version `serial` (from 0, of all) comes from, or ""."""
    return f"{serial:032x}" if serial % 4 == 0 else ""


def sweep_of(serial: int) -> str:
    """Return the sweep that a version belongs to."""
    return f"sweep-{serial // SWEEP}"


def fails(serial: int) -> bool:
    """Say whether this version fails."""
    return serial % 10 == 7


def new_version(serial: int) -> NewVersion:
    """Return what is registered as the version `serial`."""
    loss = (serial * 7_919 % 1_000_003) / 1_000_003  # all differ, in no order
    return NewVersion(
        pending=fails(serial),
        description="Trained on last week's data.",
        tags={"sweep": sweep_of(serial), "build": f"build-{serial}"},
        params={"depth": serial % 12},
        metrics={"auc": 1 - loss / 2, "loss": loss},
        framework="sklearn",
        source_uri="" if fails(serial) else f"s3://models/{serial}",
        run_id=run_of(serial),
    )


def stage_of(number: int, last: int) -> str:
    """Return the stage in which the version `number` of a model with `last` ones ends up."""
    if number >= last - 1:
        return "Production" if number == last else "Staging"
    return "Archived" if number % 10 == 0 else NO_STAGE


def alias_of(number: int, last: int) -> str:
    """Return the alias of that version, or ""."""
    return {last: "champion", last - 1: "challenger"}.get(number, "")
