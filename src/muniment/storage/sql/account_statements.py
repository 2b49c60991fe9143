"""The statements of accounts, each prepared once. A lookup is one statement, and one index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from muniment.storage.sql import account_rows as rows
from muniment.storage.sql.account_tables import (
    failures,
    grants,
    sessions,
    tokens,
    users,
)
from muniment.storage.sql.engine import Prepared
from muniment.storage.sql.in_lists import PreparedIn

_EVERYWHERE: ColumnElement[str] = literal_column("'*'")
_f, _g, _s, _t, _u = failures.c, grants.c, sessions.c, tokens.c, users.c
_LIMIT: Any = bindparam("limit")


def _insert(table: Table, *, numbered: bool = False) -> Prepared:
    """Return the insert of one row; if the table numbers its rows, it returns the id."""
    columns = [c for c in table.c if not (numbered and c.name == "id")]
    statement = insert(table).values({c: bindparam(c.name) for c in columns})
    return Prepared(statement.returning(table.c.id) if numbered else statement)


# -- users ---------------------------------------------------------------------------------------

_users = select(*rows.USER_COLUMNS)
USER = Prepared(_users.where(_u.name == bindparam("name")))
USER_BY_SUBJECT = Prepared(_users.where(_u.subject == bindparam("subject")))
USERS = Prepared(_users.where(_u.name > bindparam("after")).order_by(_u.name).limit(_LIMIT))
ANY_USER = Prepared(select(_u.id).limit(literal_column("1")))
ADD_USER = _insert(users, numbered=True)
SAVE_USER = Prepared(
    update(users)
    .where(_u.id == bindparam("row_id"), _u.revision == bindparam("expect"))
    .values({c: bindparam(c.name) for c in _u if c.name != "id"})
)

# -- grants --------------------------------------------------------------------------------------

_grants = select(*rows.GRANT_COLUMNS)
_in_workspace = or_(_g.workspace == bindparam("workspace"), _g.workspace == _EVERYWHERE)
_of_subject = _g.subject == bindparam("subject")


def _listed(*which: ColumnElement[bool]) -> Prepared:
    behind = _g.id > bindparam("after")
    return Prepared(_grants.where(behind, *which).order_by(_g.id).limit(_LIMIT))


GRANTS = _listed()
GRANTS_IN = _listed(_in_workspace)
GRANTS_TO = _listed(_of_subject)
GRANTS_TO_IN = _listed(_of_subject, _in_workspace)
ADD_GRANT = _insert(grants, numbered=True)
DROP_GRANT = Prepared(
    delete(grants).where(_g.id == bindparam("row_id")).returning(*rows.GRANT_COLUMNS)
)


def _grants_of(subjects: list[ColumnElement[str]]) -> Select[Any]:
    return _grants.where(_g.subject.in_(subjects), _in_workspace)


GRANTS_OF = PreparedIn(_grants_of)

# -- tokens --------------------------------------------------------------------------------------

_tokens = select(*rows.TOKEN_COLUMNS)
_this_token = _t.id == bindparam("token_id")
TOKEN = Prepared(_tokens.where(_this_token))
_at: ColumnElement[int] = bindparam("at")
_newest_first = (
    _tokens.where(_t.created_at <= _at, or_(_t.created_at < _at, _t.id > bindparam("token_id")))
    .order_by(_t.created_at.desc(), _t.id)
    .limit(_LIMIT)
)
TOKENS = Prepared(_newest_first)
TOKENS_OF = Prepared(_newest_first.where(_t.user_name == bindparam("user_name")))
ADD_TOKEN = _insert(tokens)
REVOKE_TOKEN = Prepared(
    update(tokens).where(_this_token, _t.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
)
USE_TOKEN = Prepared(
    update(tokens)
    .where(_this_token, func.coalesce(_t.last_used_at, 0) < bindparam("now"))
    .values(last_used_at=bindparam("now"))
)

# -- sessions ------------------------------------------------------------------------------------

_this_session = _s.secret == bindparam("secret")
SESSION = Prepared(select(*rows.SESSION_COLUMNS).where(_this_session))
ADD_SESSION = _insert(sessions)
DROP_SESSION = Prepared(delete(sessions).where(_this_session))
DROP_SESSIONS_OF = Prepared(delete(sessions).where(_s.user_name == bindparam("user_name")))
DROP_EXPIRED_SESSIONS = Prepared(delete(sessions).where(_s.expires_at <= bindparam("now")))

# -- throttling ----------------------------------------------------------------------------------

_of_key = _f.key == bindparam("of_key")
FAILURES = Prepared(
    select(func.count()).select_from(failures).where(_of_key, _f.at >= bindparam("since"))
)
ADD_FAILURE = Prepared(insert(failures).values(key=bindparam("key"), at=bindparam("at")))
FORGIVE = Prepared(delete(failures).where(_of_key))
FORGET_FAILURES = Prepared(delete(failures).where(_f.at < bindparam("before")))
