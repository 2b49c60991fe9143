"""Whether a version may enter a stage: each demand of the stage, with the evidence for and against.

demands (of the stage's policies) ──┐
                                    ├──> requirements: text, met or not, evidence
facts (version, incumbent, …) ──────┘              what is not met blocks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel, Status
from muniment.domain.patterns import shows
from muniment.domain.signatures import NO_SIGNATURES, Signatures, SignatureState
from muniment.domain.stages import Demands, MetricRule
from muniment.domain.values import Json, JsonObject, as_object

OWNER_TAG = "owner"


class Rule(StrEnum):
    """What kind of demand it is."""

    READY = "ready"
    APPROVALS = "approvals"
    CHECK = "check"
    METRIC = "metric"
    TAG = "tag"
    DESCRIPTION = "description"
    OWNER = "owner"
    SIGNED = "signed"
    AUTOMATION = "automation"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One demand: `text` says what it is, `evidence` what was found."""

    rule: Rule
    text: str
    met: bool
    evidence: str

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "rule": self.rule.value,
            "text": self.text,
            "met": self.met,
            "evidence": self.evidence,
        }

    @classmethod
    def from_json(cls, value: Json) -> Requirement:
        """Read what `to_json` wrote."""
        v = as_object(value, "a requirement")
        return cls(
            Rule(cast(str, v["rule"])),
            cast(str, v["text"]),
            v["met"] is True,
            cast(str, v["evidence"]),
        )

    def __str__(self) -> str:
        return f"{self.text} ({self.evidence})"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version that is to enter a stage.

    `incumbent` is the version that is in the stage now (the newest, if several), or None; `checks`
    maps a check's name to its verdict; `signatures` says what they are worth; `approvals` is how
    many have said yes; `automation` whether a token marked as automation asks.
    """

    stage: str
    model: RegisteredModel
    version: ModelVersion
    incumbent: ModelVersion | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    signatures: Signatures = NO_SIGNATURES
    approvals: int = 0
    automation: bool = False


def requirements(demands: Demands, facts: Facts) -> tuple[Requirement, ...]:
    """Return every demand on a version that is to enter the stage, met or not."""
    return tuple(_all(demands, facts))


def blockers(found: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Return the requirements that are not met."""
    return tuple(requirement for requirement in found if not requirement.met)


def check_demand(check: str) -> str:
    """Return how the demand that a check passes is worded."""
    return f"the check {check!r} passes"


def _all(demands: Demands, facts: Facts) -> Iterator[Requirement]:
    version, stage = facts.version, facts.stage
    if stage not in (NO_STAGE, "Archived"):
        ready = version.status is Status.READY
        yield Requirement(Rule.READY, "the version is READY", ready, f"it is {version.status}")
    for rule in demands.metrics:
        yield from _metric(rule, facts)
    for check in demands.checks:
        verdict = facts.checks.get(check, "unknown")
        yield Requirement(Rule.CHECK, check_demand(check), verdict == "pass", verdict)
    for tag in demands.tags:
        there = shows(version.tags, tag) or shows(facts.model.tags, tag)
        yield Requirement(
            Rule.TAG,
            f"the version or its model has the tag {tag!r}",
            there,
            "it has" if there else "neither has",
        )
    if demands.description:
        there = bool(version.description.strip())
        yield Requirement(
            Rule.DESCRIPTION,
            "the version has a description",
            there,
            "it has" if there else "it has none",
        )
    if demands.owner:
        owner = version.tags.get(OWNER_TAG) or facts.model.tags.get(OWNER_TAG)
        yield Requirement(
            Rule.OWNER,
            f"the version or its model has an owner (tag {OWNER_TAG!r})",
            bool(owner),
            f"it is {owner}" if owner else "neither has",
        )
    if demands.signed:
        yield _signed(facts.signatures)
    if demands.automation_only:
        yield Requirement(
            Rule.AUTOMATION,
            f"an automation moves versions to {stage}",
            facts.automation,
            "one asks" if facts.automation else "the caller is none",
        )
    if demands.approvals:
        role = demands.approver
        who = f" by {'an' if role.startswith('a') else 'a'} {role} or higher" if role else ""
        yield Requirement(
            Rule.APPROVALS,
            f"{demands.approvals} approval{'s' if demands.approvals > 1 else ''}{who}",
            facts.approvals >= demands.approvals,
            f"{facts.approvals} so far",
        )


def _signed(found: Signatures) -> Requirement:
    text = "a trusted key has signed the version"
    if found.state is SignatureState.VERIFIED:
        return Requirement(Rule.SIGNED, text, True, f"signed by {', '.join(found.keys)}")
    evidence = "it is unsigned"
    if found.items:
        reasons = found.items[-1].judgement.reasons
        evidence = f"{found.state}: {reasons[0]}" if reasons else str(found.state)
    return Requirement(Rule.SIGNED, text, False, evidence)


def _metric(rule: MetricRule, facts: Facts) -> Iterator[Requirement]:
    metric, value = rule.metric, facts.version.metrics.get(rule.metric)
    found = f"it is {_shown(value)}" if value is not None else "the version has none"
    if rule.at_least is not None:
        met = value is not None and value >= rule.at_least
        yield Requirement(Rule.METRIC, f"{metric} is at least {_shown(rule.at_least)}", met, found)
    if rule.at_most is not None:
        met = value is not None and value <= rule.at_most
        yield Requirement(Rule.METRIC, f"{metric} is at most {_shown(rule.at_most)}", met, found)
    if rule.worse_by_at_most is not None:
        yield _compared(rule, facts, value, found)


def _compared(rule: MetricRule, facts: Facts, value: float | None, found: str) -> Requirement:
    margin, incumbent = rule.worse_by_at_most or 0.0, facts.incumbent
    word = "lower" if rule.higher_is_better else "higher"
    text = f"{rule.metric} is not {word} than in {facts.stage} now"
    if margin:
        text += f" by more than {_shown(margin)}"
    now = None if incumbent is None else incumbent.metrics.get(rule.metric)
    if incumbent is None or incumbent.version == facts.version.version:
        return Requirement(Rule.METRIC, text, value is not None, f"{found}; nothing is there now")
    if now is None:
        return Requirement(
            Rule.METRIC, text, value is not None, f"{found}; version {incumbent.version} has none"
        )
    worse = 0.0 if value is None else (now - value if rule.higher_is_better else value - now)
    # A margin of 0.01 holds between 0.91 and 0.90, whatever binary fractions make of it.
    met = value is not None and worse <= margin + 1e-12 * max(abs(now), margin)
    evidence = f"{found}; version {incumbent.version} has {_shown(now)}"
    return Requirement(Rule.METRIC, text, met, evidence)


def _shown(number: float) -> str:
    """Return a number for people: short, but never so that 0.8999999 reads as 0.9."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)
