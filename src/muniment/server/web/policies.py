"""Policies of stages, as a form has them and as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from muniment.domain.rules import read_rule, written
from muniment.domain.stages import Policy
from muniment.domain.values import Json, JsonObject
from muniment.errors import InvalidInput, MunimentError

_FLAGS: Final = ("self_approval", "description", "owner", "signed", "automation_only")
_NUMBERS: Final = ("approvals", "request_days", "review_days")
_BETWEEN: Final = re.compile(r"[,\n]")


def policy_in(form: Mapping[str, str]) -> Policy:
    """Return the policy that a form describes. Raises InvalidInput, naming the field."""
    said: JsonObject = {flag: flag in form for flag in _FLAGS}
    said["models"] = form.get("models", "").strip() or "*"
    for field in ("tag", "approver"):
        if text := form.get(field, "").strip():
            said[field] = text
    for field in _NUMBERS:
        if text := form.get(field, "").strip():
            said[field] = _number(field, text)
    for field in ("checks", "tags"):
        said[field] = list[Json](_items(form.get(field, "")))
    try:
        said["metrics"] = [read_rule(text).to_json() for text in _items(form.get("metrics", ""))]
    except MunimentError as fault:
        raise InvalidInput(fault.message, hint=fault.hint, details={"field": "metrics"}) from None
    return Policy.from_json(said)


def _items(text: str) -> list[str]:
    return [item.strip() for item in _BETWEEN.split(text) if item.strip()]


def _number(field: str, text: str) -> int | float:
    try:
        return int(text) if field == "approvals" else float(text)
    except ValueError:
        name = field.replace("_", " ")
        raise InvalidInput(
            f"{name} is a number, not {text!r:.40}.", details={"field": field}
        ) from None


def rules_of(policy: Policy) -> list[str]:
    """Return what a policy demands of metrics, as a form has it."""
    return [text for rule in policy.metrics for text in written(rule)]


def said_of(policy: Policy) -> str:
    """Return what a policy demands, in a sentence."""
    return "; ".join(_parts(policy)) or "nothing"


def _parts(policy: Policy) -> Iterator[str]:
    if policy.approvals:
        many = "s" if policy.approvals > 1 else ""
        role = f" by {policy.approver} or higher" if policy.approver else ""
        own = ", one's own counts" if policy.self_approval else ""
        yield f"{policy.approvals} approval{many}{role}{own}"
    for check in policy.checks:
        yield f"the check {check} passes"
    yield from rules_of(policy)
    for tag in policy.tags:
        yield f"the tag {tag}"
    if policy.description:
        yield "a description"
    if policy.owner:
        yield "an owner"
    if policy.signed:
        yield "a trusted signature"
    if policy.automation_only:
        yield "moved by automation alone"
    if policy.request_days:
        yield f"requests expire after {policy.request_days:g} days"
    if policy.review_days:
        yield f"reviewed again every {policy.review_days:g} days"
