"""Document <-> account, and the collections of accounts.

    users       {_id: id, name, known_as, kind, …}      name and known_as: unique
    grants      {_id: id, workspace, subject, terms, …}
    tokens      {_id: token id, user, secret, …}
    sessions    {_id: SHA-256 of the cookie, user, …}
    failures    {_id, key, at}
    claims      {_id: JSON of digest, workspace, actor; digest, workspace, actor, at}

`known_as` stands for the subject, which many users lack: a unique index takes a missing value for
a value, and only some servers have partial indexes. Grants stand as JSON, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import orjson
from pymongo import ASCENDING, DESCENDING, IndexModel

from muniment.domain.access import Grant
from muniment.domain.accounts import BrowserSession, HeldGrant, Token, User, UserKind
from muniment.domain.values import from_millis, to_millis
from muniment.storage.mongo.connection import Document

USERS: Final = "users"
GRANTS: Final = "grants"
TOKENS: Final = "tokens"
SESSIONS: Final = "sessions"
FAILURES: Final = "failures"
CLAIMS: Final = "claims"

INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    USERS: [
        IndexModel([("name", ASCENDING)], name="by_name", unique=True),
        IndexModel([("known_as", ASCENDING)], name="by_known_as", unique=True),
    ],
    GRANTS: [IndexModel([("subject", ASCENDING), ("workspace", ASCENDING)], name="by_subject")],
    TOKENS: [IndexModel([("user", ASCENDING), ("created_at", DESCENDING)], name="by_user")],
    SESSIONS: [
        IndexModel([("user", ASCENDING)], name="by_user"),
        IndexModel([("expires_at", ASCENDING)], name="by_end"),
    ],
    FAILURES: [
        IndexModel([("key", ASCENDING), ("at", ASCENDING)], name="by_key"),
        IndexModel([("at", ASCENDING)], name="by_time"),
    ],
    CLAIMS: [
        IndexModel(
            [("workspace", ASCENDING), ("actor", ASCENDING), ("digest", ASCENDING)],
            name="by_actor",
        )
    ],
}


def user_from(document: Document) -> User:
    """Read a document of `users`."""
    return User(
        id=document["_id"],
        name=document["name"],
        kind=UserKind(document["kind"]),
        created_at=from_millis(document["created_at"]),
        display_name=document["display_name"],
        password=document["password"],
        must_change=document["must_change"],
        subject=document["subject"],
        groups=tuple(document["groups"]),
        active=document["active"],
        revision=document["revision"],
    )


def user_fields(user: User) -> Document:
    """Return what `users` keeps of a user but for the id."""
    return {
        "name": user.name,
        "kind": user.kind.value,
        "created_at": to_millis(user.created_at),
        "display_name": user.display_name,
        "password": user.password,
        "must_change": user.must_change,
        "subject": user.subject,
        "known_as": f"user:{user.name}" if user.subject is None else known_as(user.subject),
        "groups": list(user.groups),
        "active": user.active,
        "revision": user.revision,
    }


def known_as(subject: str) -> str:
    """Return what the user with this subject is found by."""
    return f"subject:{subject}"


def grant_from(document: Document) -> HeldGrant:
    """Read a document of `grants`."""
    return HeldGrant(
        id=document["_id"],
        workspace=document["workspace"],
        subject=document["subject"],
        grant=_grant_from(document["terms"]),
        created_at=from_millis(document["created_at"]),
        created_by=document["created_by"],
    )


def grant_document(held: HeldGrant) -> Document:
    """Return what `grants` keeps."""
    return {
        "_id": held.id,
        "workspace": held.workspace,
        "subject": held.subject,
        "terms": orjson.dumps(held.grant.to_json()).decode(),
        "created_at": to_millis(held.created_at),
        "created_by": held.created_by,
    }


def token_from(document: Document) -> Token:
    """Read a document of `tokens`."""
    scopes = document["scopes"]
    return Token(
        id=document["_id"],
        user=document["user"],
        description=document["description"],
        secret=document["secret"],
        created_at=from_millis(document["created_at"]),
        expires_at=time(document["expires_at"]),
        last_used_at=time(document["last_used_at"]),
        revoked_at=time(document["revoked_at"]),
        automation=document["automation"],
        scopes=None if scopes is None else _scopes_from(scopes),
    )


def token_document(token: Token) -> Document:
    """Return what `tokens` keeps."""
    scopes = token.scopes
    return {
        "_id": token.id,
        "user": token.user,
        "description": token.description,
        "secret": token.secret,
        "created_at": to_millis(token.created_at),
        "expires_at": millis(token.expires_at),
        "last_used_at": millis(token.last_used_at),
        "revoked_at": millis(token.revoked_at),
        "automation": token.automation,
        "scopes": None
        if scopes is None
        else orjson.dumps([scope.to_json() for scope in scopes]).decode(),
    }


def session_from(document: Document) -> BrowserSession:
    """Read a document of `sessions`."""
    return BrowserSession(
        secret=document["_id"],
        user=document["user"],
        created_at=from_millis(document["created_at"]),
        expires_at=from_millis(document["expires_at"]),
    )


def session_document(session: BrowserSession) -> Document:
    """Return what `sessions` keeps."""
    return {
        "_id": session.secret,
        "user": session.user,
        "created_at": to_millis(session.created_at),
        "expires_at": to_millis(session.expires_at),
    }


def claim_document(digest: str, workspace: str, actor: str, at: datetime) -> Document:
    """Return what `claims` keeps."""
    return {
        "_id": orjson.dumps([digest, workspace, actor]).decode(),
        "digest": digest,
        "workspace": workspace,
        "actor": actor,
        "at": to_millis(at),
    }


def time(milliseconds: int | None) -> datetime | None:
    """Read a time that may be missing."""
    return None if milliseconds is None else from_millis(milliseconds)


def millis(at: datetime | None) -> int | None:
    """Return what is kept of a time that may be missing."""
    return None if at is None else to_millis(at)


# Nearly every request reads grants, which are few, and seldom change.
@lru_cache(maxsize=4_096)
def _grant_from(text: str) -> Grant:
    return Grant.from_json(orjson.loads(text))


@lru_cache(maxsize=4_096)
def _scopes_from(text: str) -> tuple[Grant, ...]:
    return tuple(map(Grant.from_json, orjson.loads(text)))
