"""Users, tokens, sessions: who somebody is, and how they prove it.

    person ── password ──┐
           ── OIDC ──────┼──> session (browser)
    any    ── token ─────┘──> principal, for one request

Secrets are never kept: a password as its argon2 hash, tokens and sessions as the SHA-256 of a
random secret (which needs no slow hash).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

from muniment.domain.access import Asked, Decision, Grant, Principal, Verb
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json


class UserKind(StrEnum):
    """A person signs in; a service account has tokens only."""

    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody known here.

    `subject` is `issuer|sub` for one who comes through OIDC; `groups` what the issuer said at the
    last sign-in. `password` is an argon2 hash, or None. With `must_change` the password is a
    one-time one: it allows nothing but choosing another.
    """

    id: int
    name: str
    kind: UserKind
    created_at: datetime
    display_name: str = ""
    password: str | None = None
    must_change: bool = False
    subject: str | None = None
    groups: tuple[str, ...] = ()
    active: bool = True
    revision: int = 1

    def to_json(self) -> JsonObject:
        """Return the API's form: nothing secret."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind.value,
            "display_name": self.display_name,
            "active": self.active,
            "has_password": self.password is not None,
            "must_change": self.must_change,
            "subject": self.subject,
            "groups": list(self.groups),
            "created_at": time_to_json(self.created_at),
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> User:
        """Read what `to_json` wrote; an empty text, which no password fits, stands for the hash."""
        v = as_object(value, "a user")
        return cls(
            id=cast(int, v["id"]),
            name=cast(str, v["name"]),
            kind=UserKind(cast(str, v["kind"])),
            created_at=time_from_json(cast(str, v["created_at"])),
            display_name=cast(str, v["display_name"]),
            password="" if v["has_password"] else None,
            must_change=cast(bool, v["must_change"]),
            subject=cast(str | None, v["subject"]),
            groups=tuple(cast(list[str], v["groups"])),
            active=cast(bool, v["active"]),
            revision=cast(int, v["revision"]),
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A secret that acts for a user: `mun_<id>_<secret>`; here stands only the secret's SHA-256.

    `scopes` narrow what its user may (None: all of it); `automation` marks it as no person's.
    """

    id: str
    user: str
    description: str
    secret: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    automation: bool = False
    scopes: tuple[Grant, ...] | None = None

    def to_json(self) -> JsonObject:
        """Return the API's form: nothing secret."""
        return {
            "id": self.id,
            "user": self.user,
            "description": self.description,
            "automation": self.automation,
            "scopes": None if self.scopes is None else [s.to_json() for s in self.scopes],
            "created_at": time_to_json(self.created_at),
            "expires_at": _time(self.expires_at),
            "last_used_at": _time(self.last_used_at),
            "revoked_at": _time(self.revoked_at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Token:
        """Read what `to_json` wrote; the hash of the secret, which it does not tell, is empty."""
        v = as_object(value, "a token")
        return cls(
            id=cast(str, v["id"]),
            user=cast(str, v["user"]),
            description=cast(str, v["description"]),
            secret="",
            created_at=time_from_json(cast(str, v["created_at"])),
            expires_at=_time_from(v["expires_at"]),
            last_used_at=_time_from(v["last_used_at"]),
            revoked_at=_time_from(v["revoked_at"]),
            automation=cast(bool, v["automation"]),
            scopes=_grants_from(v["scopes"]),
        )


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A signed-in browser; `secret` is the SHA-256 of its cookie."""

    secret: str
    user: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant as it is kept: who holds it (`user:ada`, `group:data-science`), in which workspace.

    The workspace `*` means every workspace.
    """

    id: int
    workspace: str
    subject: str
    grant: Grant
    created_at: datetime
    created_by: str

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "workspace": self.workspace,
            "subject": self.subject,
            **self.grant.to_json(),
            "created_at": time_to_json(self.created_at),
            "created_by": self.created_by,
        }

    @classmethod
    def from_json(cls, value: Json) -> HeldGrant:
        """Read what `to_json` wrote."""
        v = dict(as_object(value, "a held grant"))
        return cls(
            id=cast(int, v.pop("id")),
            workspace=cast(str, v.pop("workspace")),
            subject=cast(str, v.pop("subject")),
            created_at=time_from_json(cast(str, v.pop("created_at"))),
            created_by=cast(str, v.pop("created_by")),
            grant=Grant.from_json(v),
        )


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Who is asking, how they proved it, and what they may do in a workspace.

    `by` is `password`, `token`, `session`, `oidc`; or `none` where nobody signs in: then `kind` is
    None. `scopes` are the limits of the token that was used, None if there are none.
    """

    name: str
    workspace: str
    grants: tuple[Grant, ...]
    scopes: tuple[Grant, ...] | None = None
    kind: UserKind | None = None
    by: str = "none"
    automation: bool = False
    must_change: bool = False

    def can(self, verb: Verb, asked: Asked) -> Decision:
        """Say whether they may do `verb`, and why."""
        principal = Principal(self.name, self.grants, self.scopes, self.automation)
        return principal.decide(verb, asked)

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "name": self.name,
            "kind": None if self.kind is None else self.kind.value,
            "by": self.by,
            "automation": self.automation,
            "must_change": self.must_change,
            "workspace": self.workspace,
            "grants": [grant.to_json() for grant in self.grants],
            "scopes": None if self.scopes is None else [s.to_json() for s in self.scopes],
        }

    @classmethod
    def from_json(cls, value: Json) -> WhoAmI:
        """Read what `to_json` wrote."""
        v = as_object(value, "who somebody is")
        kind = cast(str | None, v["kind"])
        return cls(
            name=cast(str, v["name"]),
            workspace=cast(str, v["workspace"]),
            grants=_grants_from(v["grants"]) or (),
            scopes=_grants_from(v["scopes"]),
            kind=None if kind is None else UserKind(kind),
            by=cast(str, v["by"]),
            automation=cast(bool, v["automation"]),
            must_change=cast(bool, v["must_change"]),
        )


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_to_json(at)


def _time_from(text: Json) -> datetime | None:
    return None if text is None else time_from_json(cast(str, text))


def _grants_from(grants: Json) -> tuple[Grant, ...] | None:
    return None if grants is None else tuple(map(Grant.from_json, cast(list[Json], grants)))
