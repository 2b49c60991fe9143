"""Stages of a workspace, and what entering one demands.

    None ──> Staging ──> Production ──> Archived        predefined; any stage may follow any other
             (and those that a workspace has added)

A stage carries policies. Each is for the models that it names (by pattern, by tag); all that fit a
model hold together: `demands` says what comes of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from muniment.domain import names
from muniment.domain.access import Role, parse_role
from muniment.domain.entities import NO_STAGE, PREDEFINED_STAGES, RegisteredModel
from muniment.domain.patterns import matches, shows
from muniment.domain.values import Json, JsonObject, as_object
from muniment.errors import InvalidInput

MAX_STAGES: Final = 50
MAX_POLICIES: Final = 50
MAX_RULES: Final = 100
MAX_APPROVALS: Final = 20
_STAGE = re.compile(r"\w[\w .-]{0,63}(?<! )")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ROLES: Final = (Role.VIEWER, Role.CONTRIBUTOR, Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What a metric of the version must be.

    `at_least` and `at_most` are absolute. `worse_by_at_most` compares with the version that is in
    the stage now (if there is one that has the metric): how much worse the new one may be, in the
    metric's own unit; `higher_is_better` says which way that is.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    worse_by_at_most: float | None = None
    higher_is_better: bool = True

    def to_json(self) -> JsonObject:
        """Return the API's form: what is demanded, and no more."""
        out: JsonObject = {"metric": self.metric}
        for key in ("at_least", "at_most", "worse_by_at_most"):
            if (number := getattr(self, key)) is not None:
                out[key] = number
        if self.worse_by_at_most is not None:
            out["higher_is_better"] = self.higher_is_better
        return out

    @classmethod
    def from_json(cls, value: Json) -> MetricRule:
        """Read what `to_json` wrote. Raises InvalidInput."""
        v = _fields(value, "a rule for a metric", _METRIC_FIELDS)
        metric = v.get("metric")
        if not isinstance(metric, str):
            raise InvalidInput(f"A rule names its metric as text, not {metric!r:.80}.")
        numbers = {
            key: _number(v[key], key)
            for key in ("at_least", "at_most", "worse_by_at_most")
            if v.get(key) is not None
        }
        if not numbers:
            raise InvalidInput(
                f"The rule for {metric!r:.80} demands nothing.",
                hint="Give it at_least, at_most or worse_by_at_most.",
            )
        if numbers.get("worse_by_at_most", 0) < 0:
            raise InvalidInput("worse_by_at_most must not be negative.")
        return cls(
            names.check_key(metric, "metric"),
            **numbers,
            higher_is_better=_flag(v, "higher_is_better", default=True),
        )


_METRIC_FIELDS: Final = frozenset(MetricRule.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Policy:
    """What entering a stage demands of the models that `models` and `tag` name.

    `approvals` of people with at least the role `approver`; `self_approval` lets the requester be
    one. `checks` must have passed; `metrics` must hold; `tags` (`key` or `key=value`) must stand on
    the version or its model, as must a description and the tag `owner` where demanded. With
    `signed` a trusted key must have signed the version. With `automation_only` nobody but a token
    marked as automation moves a version here. An open request expires after `request_days`; who has
    been in the stage for `review_days` is due for review.
    """

    models: str = "*"
    tag: str = ""
    approvals: int = 0
    approver: Role | None = None
    self_approval: bool = False
    checks: tuple[str, ...] = ()
    metrics: tuple[MetricRule, ...] = ()
    tags: tuple[str, ...] = ()
    description: bool = False
    owner: bool = False
    signed: bool = False
    automation_only: bool = False
    request_days: float | None = None
    review_days: float | None = None

    def fits(self, model: RegisteredModel) -> bool:
        """Say whether the policy is for this model."""
        return matches(self.models, model.name) and (not self.tag or shows(model.tags, self.tag))

    def to_json(self) -> JsonObject:
        """Return the API's form: what differs from a policy that demands nothing."""
        everything: JsonObject = {
            "models": self.models,
            "tag": self.tag,
            "approvals": self.approvals,
            "approver": self.approver.value if self.approver else None,
            "self_approval": self.self_approval,
            "checks": list(self.checks),
            "metrics": [rule.to_json() for rule in self.metrics],
            "tags": list(self.tags),
            "description": self.description,
            "owner": self.owner,
            "signed": self.signed,
            "automation_only": self.automation_only,
            "request_days": self.request_days,
            "review_days": self.review_days,
        }
        return {key: value for key, value in everything.items() if value not in _NOTHING[key]}

    @classmethod
    def from_json(cls, value: Json) -> Policy:
        """Read what `to_json` wrote, or what somebody asks for. Raises InvalidInput."""
        v = _fields(value, "a policy", frozenset(cls.__dataclass_fields__))
        approvals = v.get("approvals", 0)
        if (
            isinstance(approvals, bool)
            or not isinstance(approvals, int)
            or not 0 <= approvals <= MAX_APPROVALS
        ):
            raise InvalidInput(f"approvals is {approvals!r:.80}; it must be 0 to {MAX_APPROVALS}.")
        approver = None if v.get("approver") is None else parse_role(v["approver"])
        if approver is not None and approver not in _ROLES:
            raise InvalidInput(f"A {approver} approves nothing.", hint="Name approver or admin.")
        rules = [] if v.get("metrics") is None else v["metrics"]
        if not isinstance(rules, list) or len(rules) > MAX_RULES:
            raise InvalidInput(f"metrics must be a list of at most {MAX_RULES} rules.")
        return cls(
            models=_pattern(v.get("models", "*")),
            tag="" if v.get("tag") in (None, "") else _tag(v["tag"]),
            approvals=approvals,
            approver=approver,
            self_approval=_flag(v, "self_approval"),
            checks=_texts(v, "checks"),
            metrics=tuple(MetricRule.from_json(rule) for rule in rules),
            tags=tuple(_tag(tag) for tag in _texts(v, "tags")),
            description=_flag(v, "description"),
            owner=_flag(v, "owner"),
            signed=_flag(v, "signed"),
            automation_only=_flag(v, "automation_only"),
            request_days=_days(v, "request_days"),
            review_days=_days(v, "review_days"),
        )


_NOTHING: Final[dict[str, tuple[Json, ...]]] = {
    "models": ("*",),
    **dict.fromkeys(("approvals",), (0,)),
    **dict.fromkeys(
        ("self_approval", "description", "owner", "signed", "automation_only"), (False,)
    ),
    **{key: ([],) for key in ("checks", "metrics", "tags")},
    **dict.fromkeys(("tag", "approver", "request_days", "review_days"), (None, "")),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a workspace. `order` says where lists show it; `colour` is `#rrggbb` or ""."""

    name: str
    order: int = 0
    colour: str = ""
    description: str = ""
    policies: tuple[Policy, ...] = ()
    revision: int = 0

    @property
    def key(self) -> str:
        """What tells stages apart: the name, ASCII letters in lower case."""
        return stage_key(self.name)

    @property
    def predefined(self) -> bool:
        """Whether every workspace has it."""
        return self.key in _PREDEFINED_KEYS

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "name": self.name,
            "order": self.order,
            "colour": self.colour,
            "description": self.description,
            "policies": [policy.to_json() for policy in self.policies],
            "predefined": self.predefined,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> Stage:
        """Read what `to_json` wrote."""
        v = as_object(value, "a stage")
        return cls(
            name=cast(str, v["name"]),
            order=cast(int, v["order"]),
            colour=cast(str, v["colour"]),
            description=cast(str, v["description"]),
            policies=policies_from_json(v["policies"]),
            revision=cast(int, v["revision"]),
        )

    def checked(self) -> Stage:
        """Return this stage if its fields keep the rules. Raises InvalidInput, LimitExceeded."""
        check_stage_name(self.name)
        names.check_text(self.description, "description")
        if self.colour and not _COLOUR.fullmatch(self.colour):
            raise InvalidInput(
                f"The colour {self.colour!r:.40} is not written like '#1f77b4'.",
                details={"field": "colour"},
            )
        if not 0 <= self.order < 10_000:
            raise InvalidInput(f"The order {self.order} must be 0 to 9,999.")
        if self.policies and self.key == stage_key(NO_STAGE):
            raise InvalidInput("The stage None is no stage: entering it can't demand anything.")
        return self


PREDEFINED: Final = tuple(
    Stage(name, order, colour)
    for name, order, colour in (
        (NO_STAGE, 0, ""),
        ("Staging", 100, "#b58900"),
        ("Production", 200, "#2aa147"),
        ("Archived", 300, "#839496"),
    )
)


def policies_from_json(value: Json) -> tuple[Policy, ...]:
    """Read a list of policies. Raises InvalidInput."""
    if not isinstance(value, list) or len(value) > MAX_POLICIES:
        raise InvalidInput(f"policies must be a list of at most {MAX_POLICIES}.")
    return tuple(Policy.from_json(item) for item in value)


def stage_key(name: str) -> str:
    """Return what two spellings of a stage share: ASCII letters in lower case."""
    if name.isascii():
        return name.lower()
    return "".join(c.lower() if c.isascii() else c for c in name)


_PREDEFINED_KEYS: Final = frozenset(map(stage_key, PREDEFINED_STAGES))


def check_stage_name(name: str) -> str:
    """Stage: 1 to 64 word characters, spaces, `.` and `-`; not what reads as a version."""
    if not _STAGE.fullmatch(name) or name.isdigit() or name.lower() == "latest":
        raise InvalidInput(
            f"{name!r:.200} can't be a stage.",
            hint="Use letters, digits, spaces, '_', '.' and '-', at most 64, not digits alone.",
            details={"field": "stage"},
        )
    return name


def with_predefined(stored: Iterable[Stage]) -> tuple[Stage, ...]:
    """Return all stages of a workspace in their order; a predefined one as it is, unless stored."""
    own = {stage.key: stage for stage in stored}
    if not own:
        return PREDEFINED
    stages = {stage.key: stage for stage in PREDEFINED} | own
    return tuple(sorted(stages.values(), key=lambda stage: (stage.order, stage.key)))


def find_stage(name: str, stages: Iterable[Stage]) -> Stage | None:
    """Return the stage that `name` means, whatever the case of its letters; or None."""
    key = stage_key(name)
    return next((stage for stage in stages if stage.key == key), None)


@dataclass(frozen=True, slots=True)
class Demands:
    """What a stage demands of one model: all of its policies together."""

    approvals: int = 0
    approver: Role | None = None
    self_approval: bool = True
    checks: tuple[str, ...] = ()
    metrics: tuple[MetricRule, ...] = ()
    tags: tuple[str, ...] = ()
    description: bool = False
    owner: bool = False
    signed: bool = False
    automation_only: bool = False
    request_days: float | None = None
    review_days: float | None = None
    policies: tuple[Policy, ...] = field(default=(), repr=False)


_NO_DEMANDS: Final = Demands()


def demands(stage: Stage, model: RegisteredModel) -> Demands:
    """Return what entering `stage` demands of `model`: of several policies, the strictest each."""
    policies = tuple(policy for policy in stage.policies if policy.fits(model))
    if not policies:
        return _NO_DEMANDS
    roles = [policy.approver for policy in policies if policy.approver]
    return Demands(
        approvals=max((policy.approvals for policy in policies), default=0),
        approver=max(roles, key=_ROLES.index) if roles else None,
        self_approval=all(policy.self_approval for policy in policies if policy.approvals),
        checks=_once(check for policy in policies for check in policy.checks),
        metrics=tuple(dict.fromkeys(rule for policy in policies for rule in policy.metrics)),
        tags=_once(tag for policy in policies for tag in policy.tags),
        description=any(policy.description for policy in policies),
        owner=any(policy.owner for policy in policies),
        signed=any(policy.signed for policy in policies),
        automation_only=any(policy.automation_only for policy in policies),
        request_days=_least([policy.request_days for policy in policies]),
        review_days=_least([policy.review_days for policy in policies]),
        policies=policies,
    )


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _least(days: Sequence[float | None]) -> float | None:
    return min((d for d in days if d is not None), default=None)


# -- reading what people write -------------------------------------------------------------------


def _fields(value: Json, what: str, known: frozenset[str]) -> JsonObject:
    v = as_object(value, what)
    if unknown := sorted(v.keys() - known):
        raise InvalidInput(
            f"{what} has no {unknown[0]!r:.80}.", hint=f"It may have {', '.join(sorted(known))}."
        )
    return v


def _flag(v: JsonObject, key: str, *, default: bool = False) -> bool:
    value = v.get(key, default)
    if not isinstance(value, bool):
        raise InvalidInput(f"{key} is {value!r:.80}; it must be true or false.")
    return value


def _number(value: Json, key: str) -> float:
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):  # an integer may have any size
            number = float(value)
    if not math.isfinite(number):
        raise InvalidInput(f"{key} is {value!r:.80}; it must be a finite number.")
    return number


def _days(v: JsonObject, key: str) -> float | None:
    if v.get(key) is None:
        return None
    days = _number(v[key], key)
    if not 0 < days <= 36_500:
        raise InvalidInput(f"{key} is {days:g}; it must be above 0, and at most 36,500.")
    return days


def _texts(v: JsonObject, key: str) -> tuple[str, ...]:
    value = [] if v.get(key) is None else v[key]
    if (
        not isinstance(value, list)
        or len(value) > MAX_RULES
        or not all(isinstance(item, str) and item for item in value)
    ):
        raise InvalidInput(f"{key} must be a list of at most {MAX_RULES} texts.")
    return tuple(names.check_text(cast(str, item), key) for item in value)


def _pattern(value: Json) -> str:
    if not isinstance(value, str) or not value or len(value) > 500:
        raise InvalidInput(f"models must be a pattern such as 'fraud-*', not {value!r:.80}.")
    return value


def _tag(value: Json) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"A tag is written key or key=value, not {value!r:.80}.")
    names.check_key(value.partition("=")[0], "tag")
    return names.check_text(value, "tag")
