"""Who may do what: roles, grants and the one decision that every service asks for.

    caller ── has ──> principal ── holds ──> grants ── each: verbs, narrowed ──┐
                                                                               ├──> Decision
    service ── asks ──> verb on an object (model, its tags, alias, stage) ─────┘

Deny by default: what no grant allows is refused. A token may be narrowed further: then both, one
of its person's grants and one of its own scopes, must allow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from muniment.domain.entities import RegisteredModel
from muniment.domain.patterns import carries, matches
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
    FieldType,
    Namespace,
    Op,
    Or,
    Scope,
    Target,
    attribute,
)
from muniment.domain.refs import parse_ref
from muniment.domain.values import Json, JsonObject, Value, as_object
from muniment.errors import InvalidInput


class Verb(StrEnum):
    """What somebody may be allowed to do."""

    READ = "read"  # see models, versions, history
    DOWNLOAD = "download"  # get the bytes
    CREATE_MODEL = "model.create"
    UPDATE_MODEL = "model.update"
    RENAME_MODEL = "model.rename"
    DELETE_MODEL = "model.delete"  # and restore
    CREATE_VERSION = "version.create"  # and seal, fail; upload bytes
    UPDATE_VERSION = "version.update"
    DELETE_VERSION = "version.delete"  # and restore
    MOVE_ALIAS = "alias.move"  # set and remove
    PROTECT_ALIAS = "alias.protect"  # move a protected one, and (un)protect
    MOVE_STAGE = "stage.move"  # at once, where the stage's policies ask nobody
    REQUEST_STAGE = "request.create"
    APPROVE_STAGE = "request.approve"  # and reject
    COMMENT = "comment.write"
    LINK = "lineage.write"
    DEPLOY = "deployment.write"  # say what runs where
    READ_RUNS = "runs.read"  # experiments, runs and the files that runs have logged
    WRITE_RUNS = "runs.write"
    COLLECT = "garbage.collect"
    AUDIT = "audit.read"
    STAGES = "stages.manage"  # the stages of the workspace, and their policies
    WEBHOOKS = "webhooks.manage"  # who is told of what happens in the workspace
    GRANT = "grants.manage"  # who may do what in the workspace
    USERS = "users.manage"  # users and their tokens


class Role(StrEnum):
    """A usual bundle of verbs; from viewer on, each holds those of the one before it."""

    TRACKER = "tracker"  # logs runs, and sees no model: for whoever else is limited to some models
    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    APPROVER = "approver"
    ADMIN = "admin"


_TRACKER: Final = frozenset({Verb.READ_RUNS, Verb.WRITE_RUNS})
_VIEWER: Final = frozenset({Verb.READ, Verb.DOWNLOAD, Verb.READ_RUNS})
_CONTRIBUTOR: Final = _VIEWER | {
    Verb.WRITE_RUNS,
    Verb.CREATE_MODEL,
    Verb.UPDATE_MODEL,
    Verb.CREATE_VERSION,
    Verb.UPDATE_VERSION,
    Verb.DELETE_VERSION,
    Verb.MOVE_ALIAS,
    Verb.REQUEST_STAGE,
    Verb.COMMENT,
    Verb.LINK,
    Verb.DEPLOY,
}
_APPROVER: Final = _CONTRIBUTOR | {
    Verb.RENAME_MODEL,
    Verb.DELETE_MODEL,
    Verb.PROTECT_ALIAS,
    Verb.MOVE_STAGE,
    Verb.APPROVE_STAGE,
}
VERBS_OF: Final[Mapping[Role, frozenset[Verb]]] = {
    Role.TRACKER: _TRACKER,
    Role.VIEWER: _VIEWER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.APPROVER: _APPROVER,
    Role.ADMIN: frozenset(Verb),
}
# About the whole registry: only a grant for all workspaces gives them.
GLOBAL: Final = frozenset({Verb.COLLECT, Verb.AUDIT, Verb.USERS})
# About a whole workspace: a grant that is narrowed to some models gives none of them.
WHOLE: Final = GLOBAL | {
    Verb.GRANT,
    Verb.STAGES,
    Verb.WEBHOOKS,
    Verb.READ_RUNS,
    Verb.WRITE_RUNS,
}
_ALIAS_VERBS: Final = frozenset({Verb.MOVE_ALIAS, Verb.PROTECT_ALIAS})
_STAGE_VERBS: Final = frozenset({Verb.MOVE_STAGE, Verb.REQUEST_STAGE, Verb.APPROVE_STAGE})


@dataclass(frozen=True, slots=True)
class Narrowing:
    """To which objects a grant is limited.

    `models`, `alias` and `stage` are patterns (`*` any characters, `?` one; case-sensitive, stages
    are not); `tag` is `key=value` that the model must carry, or nothing. The alias limits only
    verbs about aliases, the stage only moves to stages and requests for them; models and tag limit
    every verb.
    """

    models: str = "*"
    alias: str = "*"
    stage: str = "*"
    tag: str = ""

    @property
    def whole(self) -> bool:
        """Whether all models of the workspace are meant."""
        return self.models == "*" and not self.tag

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {"models": self.models, "alias": self.alias, "stage": self.stage, "tag": self.tag}


@dataclass(frozen=True, slots=True)
class Grant:
    """Some verbs, on some objects. A role is written as its name, and means its verbs."""

    verbs: frozenset[Verb]
    narrowing: Narrowing = Narrowing()
    role: Role | None = None

    @classmethod
    def of_role(cls, role: Role, narrowing: Narrowing | None = None) -> Grant:
        """Return the grant of a role."""
        return cls(VERBS_OF[role], narrowing or Narrowing(), role)

    def to_json(self) -> JsonObject:
        """Return the API's form: `role` or `verbs`, and the narrowing."""
        out = self.narrowing.to_json()
        if self.role is not None and self.verbs == VERBS_OF[self.role]:
            out["role"] = self.role.value
        else:
            out["verbs"] = [verb.value for verb in sorted(self.verbs)]
        return out

    @classmethod
    def from_json(cls, value: Json) -> Grant:
        """Read what `to_json` wrote, or what somebody asks for.

        Raises:
            InvalidInput: an unknown role, verb or field, or a narrowing that is no pattern.
        """
        v = as_object(value, "a grant")
        if unknown := sorted(v.keys() - {"role", "verbs", "models", "alias", "stage", "tag"}):
            raise InvalidInput(f"A grant has no {unknown[0]!r:.100}.")
        texts = {key: v.get(key, default) for key, default in _NARROWING.items()}
        for key, text in texts.items():
            # An empty pattern must never read as "all": it is refused, as anything else odd.
            if not isinstance(text, str) or len(text) > 500 or (not text and key != "tag"):
                raise InvalidInput(
                    f"A grant's {key} must be a pattern, not {text!r:.100}.", details={"field": key}
                )
        if texts["tag"] and "=" not in cast(str, texts["tag"]):
            raise InvalidInput(
                f"A grant's tag is written key=value, not {texts['tag']!r:.100}.",
                details={"field": "tag"},
            )
        if "\\" in cast(str, texts["models"]):  # a search's patterns could not say the same
            raise InvalidInput(
                f"A grant's models can't hold a backslash: {texts['models']!r:.100}.",
                hint="Write '?' for it.",
                details={"field": "models"},
            )
        narrowing = Narrowing(**cast(dict[str, str], texts))
        if v.get("role") is not None and v.get("verbs") is not None:
            raise InvalidInput("A grant names a role or verbs, not both.")
        if v.get("role") is not None:
            return cls.of_role(parse_role(v["role"]), narrowing)
        verbs = v.get("verbs")
        if not isinstance(verbs, list) or not verbs:
            raise InvalidInput(
                "A grant needs a role or a list of verbs.",
                hint=f"Roles: {', '.join(Role)}. Verbs: {', '.join(Verb)}.",
            )
        return cls(frozenset(parse_verb(verb) for verb in verbs), narrowing)

    def __str__(self) -> str:
        what = self.role.value if self.role else ", ".join(sorted(self.verbs))
        where = [f"{k} {v}" for k, v in self.narrowing.to_json().items() if v not in ("*", "")]
        return what + (f" on {', '.join(where)}" if where else "")


_NARROWING: Final = {"models": "*", "alias": "*", "stage": "*", "tag": ""}


def parse_role(value: Json) -> Role:
    """Return the role of that name. Raises InvalidInput."""
    if not isinstance(value, str) or value not in set(Role):
        raise InvalidInput(f"There is no role {value!r:.100}.", hint=f"Roles: {', '.join(Role)}.")
    return Role(value)


def parse_verb(value: Json) -> Verb:
    """Return the verb of that name. Raises InvalidInput."""
    if not isinstance(value, str) or value not in set(Verb):
        raise InvalidInput(f"There is no verb {value!r:.100}.", hint=f"Verbs: {', '.join(Verb)}.")
    return Verb(value)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verb is to be done to: a model by name and tags, an alias, a stage; or nothing.

    A model that does not exist yet has the tags that it is to have.
    """

    model: str | None = None
    tags: Mapping[str, Value] = field(default_factory=dict)
    alias: str | None = None
    stage: str | None = None

    @classmethod
    def of(cls, text: str) -> Asked:
        """Return what `fraud`, `fraud@champion` or `fraud/Production` asks of.

        A version of a model (`fraud/3`) is asked of as its model. Raises InvalidInput.
        """
        ref = parse_ref(text)
        return cls(ref.model, alias=ref.alias, stage=ref.stage)

    @classmethod
    def about(
        cls, model: RegisteredModel, *, alias: str | None = None, stage: str | None = None
    ) -> Asked:
        """Return what is asked of an existing model."""
        return cls(model.name, model.tags, alias, stage)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, and by which grant; `because` is a sentence for people."""

    allowed: bool
    because: str

    def __bool__(self) -> bool:
        return self.allowed

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {"allowed": self.allowed, "because": self.because}

    @classmethod
    def from_json(cls, value: Json) -> Decision:
        """Read what `to_json` wrote."""
        v = as_object(value, "a decision")
        return cls(v["allowed"] is True, cast(str, v["because"]))


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who may do something in one workspace: the sum of their grants there.

    `scopes` are a token's own limits; None where there are none. `automation` marks a token that
    acts for no person.
    """

    name: str
    grants: tuple[Grant, ...]
    scopes: tuple[Grant, ...] | None = None
    automation: bool = False

    def decide(self, verb: Verb, asked: Asked = Asked()) -> Decision:
        """Say whether this principal may do `verb`, and why."""
        grant = next((g for g in self.grants if _allows(g, verb, asked)), None)
        if grant is None:
            return Decision(False, f"no grant of {self.name} allows {verb}{_on(asked)}")
        if self.scopes is not None and not any(_allows(s, verb, asked) for s in self.scopes):
            return Decision(False, f"the scopes of this token do not allow {verb}{_on(asked)}")
        return Decision(True, f"{self.name} holds: {grant}")

    def may(self, verb: Verb, asked: Asked = Asked()) -> bool:
        """Say whether this principal may do `verb`."""
        return any(_allows(g, verb, asked) for g in self.grants) and (
            self.scopes is None or any(_allows(s, verb, asked) for s in self.scopes)
        )

    def may_everywhere(self, verb: Verb) -> bool:
        """Say whether this principal may do `verb` to everything in the workspace."""
        return all(
            any(verb in g.verbs and _unlimited(g.narrowing, verb) for g in grants)
            for grants in (self.grants, self.scopes)
            if grants is not None
        )

    def visible(self, target: Target) -> Expression | None:
        """Return the filter for what this principal may read, to be ANDed to every search.

        None: everything. A principal who may read nothing gets a filter that nothing fits.
        """
        if self.may_everywhere(Verb.READ):
            return None
        parts = [
            _any([_fits(g.narrowing, target) for g in grants if Verb.READ in g.verbs], target)
            for grants in (self.grants, self.scopes)
            if grants is not None
        ]
        return parts[0] if len(parts) == 1 else And(tuple(parts))


OWNER: Final = Principal("owner", (Grant.of_role(Role.ADMIN),))
"""Whoever uses a registry that has no users: a folder in this process, a server on loopback."""


def _allows(grant: Grant, verb: Verb, asked: Asked) -> bool:
    if verb not in grant.verbs:
        return False
    narrowing = grant.narrowing
    if verb in WHOLE:
        return narrowing.whole
    if asked.model is None:
        return True  # "somewhere in the workspace": the object is asked about when it is known
    return (
        matches(narrowing.models, asked.model)
        and (not narrowing.tag or carries(asked.tags, narrowing.tag))
        and (verb not in _ALIAS_VERBS or matches(narrowing.alias, asked.alias or ""))
        and (
            verb not in _STAGE_VERBS
            or matches(narrowing.stage.lower(), (asked.stage or "").lower())
        )
    )


def _unlimited(narrowing: Narrowing, verb: Verb) -> bool:
    return (
        narrowing.whole
        and (verb not in _ALIAS_VERBS or narrowing.alias == "*")
        and (verb not in _STAGE_VERBS or narrowing.stage == "*")
    )


def _any(parts: list[Expression], target: Target) -> Expression:
    if not parts:
        return Comparison(attribute(target, "id"), Op.LT, 0)
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _fits(narrowing: Narrowing, target: Target) -> Expression:
    """Return the filter for the models that a grant is limited to."""
    name = Field(Scope.MODEL, Namespace.ATTRIBUTE, "name", FieldType.STRING)
    if target is Target.VERSIONS:
        name = attribute(target, "model")
    pattern = re.sub(r"([%_])", r"\\\1", narrowing.models).replace("*", "%").replace("?", "_")
    like = Comparison(name, Op.LIKE, pattern)
    if not narrowing.tag:
        return like
    key, _, value = narrowing.tag.partition("=")
    tag = Field(Scope.MODEL, Namespace.TAG, key, FieldType.DYNAMIC)
    return And((like, Comparison(tag, Op.EQ, value)))


def _on(asked: Asked) -> str:
    parts: Iterator[str] = (
        f"{what} {value!r}"
        for what, value in (
            ("model", asked.model),
            ("alias", asked.alias),
            ("stage", asked.stage),
        )
        if value is not None
    )
    text = ", ".join(parts)
    return f" on {text}" if text else ""
