"""Row <-> account. Rows are tuples in the order of the column lists below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import orjson

from muniment.domain.access import Grant
from muniment.domain.accounts import BrowserSession, HeldGrant, Token, User, UserKind
from muniment.domain.values import from_millis, to_millis
from muniment.storage.sql.account_tables import grants, sessions, tokens, users
from muniment.storage.sql.engine import Row
from muniment.storage.sql.rows import Cells

USER_COLUMNS = tuple(users.c)
GRANT_COLUMNS = tuple(grants.c)
TOKEN_COLUMNS = tuple(tokens.c)
SESSION_COLUMNS = tuple(sessions.c)


def user_from(row: Row) -> User:
    """Read a row of `USER_COLUMNS`."""
    return User(
        id=row[0],
        name=row[1],
        kind=UserKind(row[2]),
        created_at=from_millis(row[3]),
        display_name=row[4],
        password=row[5],
        must_change=bool(row[6]),
        subject=row[7],
        groups=() if row[8] == "[]" else tuple(orjson.loads(row[8])),
        active=bool(row[9]),
        revision=row[10],
    )


def user_cells(user: User) -> Cells:
    """Return the columns of `users` but for the id."""
    return {
        "name": user.name,
        "kind": user.kind.value,
        "created_at": to_millis(user.created_at),
        "display_name": user.display_name,
        "password": user.password,
        "must_change": int(user.must_change),
        "subject": user.subject,
        "groups": orjson.dumps(user.groups).decode(),
        "active": int(user.active),
        "revision": user.revision,
    }


def grant_from(row: Row) -> HeldGrant:
    """Read a row of `GRANT_COLUMNS`."""
    return HeldGrant(
        id=row[0],
        workspace=row[1],
        subject=row[2],
        grant=_grant_from(row[3]),
        created_at=from_millis(row[4]),
        created_by=row[5],
    )


def terms(grant: Grant) -> str:
    """Return the JSON that a grant is kept as."""
    return orjson.dumps(grant.to_json()).decode()


def token_from(row: Row) -> Token:
    """Read a row of `TOKEN_COLUMNS`."""
    return Token(
        id=row[0],
        user=row[1],
        description=row[2],
        secret=row[3],
        created_at=from_millis(row[4]),
        expires_at=_time(row[5]),
        last_used_at=_time(row[6]),
        revoked_at=_time(row[7]),
        automation=bool(row[8]),
        scopes=None if row[9] is None else _scopes_from(row[9]),
    )


def token_cells(token: Token) -> Cells:
    """Return the columns of `tokens`."""
    return {
        "id": token.id,
        "user_name": token.user,
        "description": token.description,
        "secret": token.secret,
        "created_at": to_millis(token.created_at),
        "expires_at": _millis(token.expires_at),
        "last_used_at": _millis(token.last_used_at),
        "revoked_at": _millis(token.revoked_at),
        "automation": int(token.automation),
        "scopes": None if token.scopes is None else _scopes(token.scopes),
    }


def session_from(row: Row) -> BrowserSession:
    """Read a row of `SESSION_COLUMNS`."""
    return BrowserSession(row[0], row[1], from_millis(row[2]), from_millis(row[3]))


def session_cells(session: BrowserSession) -> Cells:
    """Return the columns of `sessions`."""
    return {
        "secret": session.secret,
        "user_name": session.user,
        "created_at": to_millis(session.created_at),
        "expires_at": to_millis(session.expires_at),
    }


# Nearly every request reads grants, which are few, and seldom change.
@lru_cache(maxsize=4_096)
def _grant_from(text: str) -> Grant:
    return Grant.from_json(orjson.loads(text))


@lru_cache(maxsize=4_096)
def _scopes_from(text: str) -> tuple[Grant, ...]:
    return tuple(map(Grant.from_json, orjson.loads(text)))


def _scopes(scopes: Sequence[Grant]) -> str:
    return orjson.dumps([scope.to_json() for scope in scopes]).decode()


def _time(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)
