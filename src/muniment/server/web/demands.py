"""What a stage demands of a version, and what of it a check that is still to run may settle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from muniment.domain.requirements import Requirement, check_demand


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand: `waits` if it is not met, and its check is waiting to be run or runs now."""

    text: str
    evidence: str
    met: bool
    waits: bool = False

    @property
    def state(self) -> str:
        """`met`, `waiting` or `missing`."""
        return "met" if self.met else "waiting" if self.waits else "missing"


def demands_of(found: Sequence[Requirement], waiting: Collection[str]) -> list[Demand]:
    """Return requirements as demands; `waiting` are the checks that are to run on the version."""
    soon = {check_demand(check) for check in waiting}
    return [_demand(one, waits=one.text in soon and not one.met) for one in found]


def _demand(one: Requirement, *, waits: bool) -> Demand:
    evidence = "the check is waiting to be run, or runs now" if waits else one.evidence
    return Demand(one.text, evidence, one.met, waits)
