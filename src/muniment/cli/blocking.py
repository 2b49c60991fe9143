"""What stands between a version and a stage, and what to do about each of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muniment.cli.draw import Block, Cell, Heading, Lines, Styled
from muniment.domain.requirements import Requirement, Rule
from muniment.errors import Blocked

_NOT_MET: Final = Styled("  not met:", "red")
_ARROW: Final = Styled("         →", "cyan")
_STEPS: Final = {
    Rule.READY: "`muniment show {ref}` says what it lacks.",
    Rule.METRIC: "Push a better version; `muniment policy {stage}` shows the bar.",
    Rule.CHECK: "Run the check, then `muniment check-result {ref} NAME pass`.",
    Rule.TAG: "`muniment tag {ref} KEY=VALUE`, once it is true.",
    Rule.DESCRIPTION: "`muniment describe {ref} TEXT`.",
    Rule.OWNER: "`muniment tag {ref} owner=NAME`.",
    Rule.SIGNED: "`muniment sign {ref} --key FILE`, with a key that `muniment keys` lists.",
    Rule.AUTOMATION: "Let the pipeline do it, whose token is marked as automation.",
    Rule.APPROVALS: "`muniment request {ref} {stage}`, and somebody else approves.",
}


def step(rule: Rule, ref: str, stage: str, request: int | None = None) -> str:
    """Return what to do about a demand that is not met; `request` is open already."""
    if rule is Rule.APPROVALS and request is not None:
        return f"Somebody else: `muniment approve {request}`."
    return _STEPS[rule].format(ref=_quoted(ref), stage=_quoted(stage))


def demanded(
    found: Sequence[Requirement], ref: str, stage: str, request: int | None = None
) -> list[Block]:
    """Every demand of a stage, met or not, with the next step below each that is not."""
    lines: list[list[Cell]] = []
    for requirement in found:
        mark = Styled("  met:    ", "green") if requirement.met else _NOT_MET
        lines.append([mark, str(requirement)])
        if not requirement.met:
            lines.append([_ARROW, Styled(step(requirement.rule, ref, stage, request), "cyan")])
    return [Lines(lines)] if lines else []


def blocked(error: Blocked) -> list[Block]:
    """An error of a version that may not enter a stage: each blocker, and what to do about it."""
    ref, stage = error.details.get("version"), error.details.get("stage")
    texts, rules = error.details.get("blockers"), error.details.get("rules")
    if not (isinstance(texts, list) and isinstance(rules, list)):  # a server of another age
        return [_error(error.message)]
    lines: list[list[Cell]] = []
    for text, rule in zip(texts, rules, strict=False):
        lines.append([_NOT_MET, text])
        if rule in set(Rule):
            lines.append([_ARROW, Styled(step(Rule(rule), str(ref), str(stage)), "cyan")])
    return [_error(f"{ref} can't enter {stage}."), Lines(lines)]


def _error(message: str) -> Heading:
    return Heading([Styled("error:", "bold red"), message], gap=" ")


def _quoted(name: str) -> str:
    return name if all(c.isalnum() or c in "/._-@" for c in name) else f"'{name}'"
