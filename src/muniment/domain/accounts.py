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

from muniment.domain.access import Grant
from muniment.domain.values import JsonObject, time_to_json


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


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_to_json(at)
