"""Answers about users, tokens and grants, for the API reference; see `documents`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muniment.server.api import examples
from muniment.server.api.documents import Activity, Document, _example

Kind = Literal["person", "service"]


class Me(Document):
    """Who is asking, how they proved it, and what they may do in the workspace."""

    model_config = _example(
        name="ada",
        kind="person",
        by="token",
        automation=False,
        must_change=False,
        workspace="default",
        grants=[examples.NARROW_GRANT],
        scopes=None,
    )

    name: str
    kind: Kind | None
    by: Literal["password", "token", "session", "oidc", "proxy", "none"]
    automation: bool
    must_change: bool
    workspace: str
    grants: list[Grant]
    scopes: list[Grant] | None


class User(Document):
    """Somebody known here; nothing secret."""

    model_config = _example(**examples.USER)

    id: int
    name: str
    kind: Kind
    display_name: str
    active: bool
    has_password: bool
    must_change: bool
    subject: str | None
    groups: list[str]
    created_at: str
    revision: int


class UserPage(Document):
    """Users, and where to go on."""

    model_config = _example(items=[examples.USER], next_page_token=None)

    items: list[User]
    next_page_token: str | None


class CreatedUser(Document):
    """A new user, and the password that a person chooses their own with; shown this once."""

    model_config = _example(user=examples.USER, one_time_password="…")  # noqa: S106

    user: User
    one_time_password: str | None


class OneTimePassword(Document):
    """A password that allows nothing but choosing another; shown this once."""

    model_config = _example(one_time_password="…")  # noqa: S106

    one_time_password: str


class _Grant(Document):
    models: str
    alias: str
    stage: str
    tag: str
    role: str = ""
    verbs: list[str] = Field(default=[])


class Grant(_Grant):
    """A role or some verbs, limited to objects whose names fit patterns."""

    model_config = _example(**examples.NARROW_GRANT)


class HeldGrant(_Grant):
    """A grant, who holds it, and in which workspace (`*`: in all)."""

    model_config = _example(**examples.HELD_GRANT)

    id: int
    workspace: str
    subject: str
    created_at: str
    created_by: str


class Grants(Document):
    """All grants of a workspace, and those for all workspaces."""

    model_config = _example(items=[examples.HELD_GRANT])

    items: list[HeldGrant]


class Token(Document):
    """A token, without its secret."""

    model_config = _example(**examples.TOKEN)

    id: str
    user: str
    description: str
    automation: bool
    scopes: list[Grant] | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class Tokens(Document):
    """Tokens, newest first."""

    model_config = _example(items=[examples.TOKEN])

    items: list[Token]


class CreatedToken(Document):
    """A new token, and the text that is sent; shown this once."""

    model_config = _example(token=examples.TOKEN, secret="mun_…")  # noqa: S106

    token: Token
    secret: str


class Decision(Document):
    """Whether somebody may do something, and because of what."""

    model_config = _example(
        allowed=True, because="ada holds: alias.move on models fraud-*, alias champion"
    )

    allowed: bool
    because: str


class AuditEntry(Activity):
    """One entry of the audit log; `model_uuid` is always `audit`."""

    model_config = _example(**examples.AUDIT_ENTRY)


class AuditPage(Document):
    """Entries of the audit log, and where to go on."""

    model_config = _example(items=[examples.AUDIT_ENTRY], next_page_token=None)

    items: list[AuditEntry]
    next_page_token: str | None


class AuditVerified(Document):
    """How many entries of the audit log were checked."""

    model_config = _example(entries=17)

    entries: int


class AuditPruned(Document):
    """How many entries of the audit log were cut off."""

    model_config = _example(pruned=1200)

    pruned: int
