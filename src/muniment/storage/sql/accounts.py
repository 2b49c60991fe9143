"""The AccountStore over any SQL database that has an `Engine`: the one that keeps the models."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import Final

from sqlalchemy.exc import IntegrityError

from muniment.domain.access import Grant
from muniment.domain.accounts import BrowserSession, HeldGrant, Token, User
from muniment.domain.activities import Activity, Entry
from muniment.domain.values import to_millis
from muniment.errors import AlreadyExists, PreconditionFailed
from muniment.storage.accounts import AccountStore, AuditHead
from muniment.storage.sql import account_rows as rows
from muniment.storage.sql import account_statements as statements
from muniment.storage.sql import audit, holders
from muniment.storage.sql.engine import Cell, Engine, Prepared, Row, Session

_FAILURES_ARE_KEPT: Final = timedelta(days=1)
_ALL: Final = 2**63 - 1  # more than there can be, of rows as of milliseconds
_CUT_AT_ONCE: Final = 5_000  # entries of the audit log; others want to write, too


class SqlAccountStore(AccountStore):
    """See `muniment.storage.accounts.AccountStore`. Whoever opened the engine closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._has_users = False
        self._looked_at = -inf  # when it had none; monotonic

    # -- users -----------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        row = self._one(statements.USER, name=name)
        return None if row is None else rows.user_from(row)

    def user_by_subject(self, subject: str) -> User | None:
        row = self._one(statements.USER_BY_SUBJECT, subject=subject)
        return None if row is None else rows.user_from(row)

    def users(self, *, after: str = "", limit: int) -> Sequence[User]:
        return [*map(rows.user_from, self._all(statements.USERS, after=after, limit=limit))]

    def any_user(self, *, within: float = 0.0) -> bool:
        now = monotonic()
        if not self._has_users and now > self._looked_at + within:
            self._looked_at = now  # before it looks: whoever adds one meanwhile resets it after
            self._has_users = self._one(statements.ANY_USER) is not None
        return self._has_users

    def add_user(self, user: User) -> User:
        def work(session: Session) -> int:
            try:
                row_id: int = statements.ADD_USER.scalar(session, **rows.user_cells(user))
            except IntegrityError as error:
                raise _user_taken(user) from error
            return row_id

        added = replace(user, id=self._engine.write(work))
        self._looked_at = -inf
        return added

    def save_user(self, user: User, *, expect: int) -> User:
        saved = replace(user, revision=expect + 1)

        def work(session: Session) -> None:
            cells = rows.user_cells(saved)
            try:
                found = statements.SAVE_USER.run(session, row_id=user.id, expect=expect, **cells)
            except IntegrityError as error:
                raise _user_taken(user) from error
            if not found:
                raise PreconditionFailed(
                    f"The user {user.name!r:.200} was changed in the meantime: its revision is "
                    f"{expect} no more.",
                    hint="Read it again, and repeat the change if it still makes sense.",
                )

        self._engine.write(work)
        return saved

    # -- grants ----------------------------------------------------------------------------------

    def grants_of(self, subjects: Sequence[str], workspace: str) -> Sequence[HeldGrant]:
        found = self._engine.read(
            lambda session: statements.GRANTS_OF.all(session, subjects, workspace=workspace)
        )
        return sorted(map(rows.grant_from, found), key=lambda held: held.id)

    def grants(
        self,
        workspace: str | None = None,
        *,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Sequence[HeldGrant]:
        if subject is None:
            chosen = statements.GRANTS if workspace is None else statements.GRANTS_IN
        else:
            chosen = statements.GRANTS_TO if workspace is None else statements.GRANTS_TO_IN
        named = {"workspace": workspace, "subject": subject}
        which = {name: value for name, value in named.items() if value is not None}
        found = self._all(chosen, after=after, limit=_limit(limit), **which)
        return [*map(rows.grant_from, found)]

    def add_grant(
        self, workspace: str, subject: str, grant: Grant, now: datetime, by: str
    ) -> HeldGrant:
        cells: dict[str, Cell] = {
            "workspace": workspace,
            "subject": subject,
            "terms": rows.terms(grant),
            "created_at": to_millis(now),
            "created_by": by,
        }
        row_id = self._engine.write(lambda session: statements.ADD_GRANT.scalar(session, **cells))
        return HeldGrant(row_id, workspace, subject, grant, now, by)

    def drop_grant(self, grant_id: int) -> HeldGrant | None:
        row = self._engine.write(partial(statements.DROP_GRANT.one, row_id=grant_id))
        return None if row is None else rows.grant_from(row)

    # -- tokens ----------------------------------------------------------------------------------

    def token(self, token_id: str) -> Token | None:
        row = self._one(statements.TOKEN, token_id=token_id)
        return None if row is None else rows.token_from(row)

    def tokens(
        self,
        user: str | None = None,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Token]:
        at, token_id = (_ALL, "") if after is None else (to_millis(after[0]), after[1])
        place: dict[str, Cell] = {"at": at, "token_id": token_id, "limit": _limit(limit)}
        if user is None:
            found = self._all(statements.TOKENS, **place)
        else:
            found = self._all(statements.TOKENS_OF, user_name=user, **place)
        return [*map(rows.token_from, found)]

    def add_token(self, token: Token) -> None:
        def work(session: Session) -> None:
            try:
                statements.ADD_TOKEN.run(session, **rows.token_cells(token))
            except IntegrityError as error:
                raise AlreadyExists(
                    f"There is a token {token.id!r:.200} already.",
                    hint="Make a new one: ids are random.",
                ) from error

        self._engine.write(work)

    def revoke_token(self, token_id: str, now: datetime) -> bool:
        return self._write(statements.REVOKE_TOKEN, token_id=token_id, now=to_millis(now)) > 0

    def use_token(self, token_id: str, now: datetime) -> None:
        self._write(statements.USE_TOKEN, token_id=token_id, now=to_millis(now))

    # -- sessions --------------------------------------------------------------------------------

    def session(self, secret: str) -> BrowserSession | None:
        row = self._one(statements.SESSION, secret=secret)
        return None if row is None else rows.session_from(row)

    def add_session(self, session: BrowserSession) -> None:
        def work(connection: Session) -> None:
            try:
                statements.ADD_SESSION.run(connection, **rows.session_cells(session))
            except IntegrityError as error:
                raise AlreadyExists(
                    f"There is a session of {session.user!r:.200} with this secret already.",
                    hint="Make a new one: secrets are random.",
                ) from error

        self._engine.write(work)

    def drop_session(self, secret: str) -> None:
        self._write(statements.DROP_SESSION, secret=secret)

    def drop_sessions_of(self, user: str) -> None:
        self._write(statements.DROP_SESSIONS_OF, user_name=user)

    def drop_expired_sessions(self, now: datetime) -> int:
        return self._write(statements.DROP_EXPIRED_SESSIONS, now=to_millis(now))

    # -- throttling ------------------------------------------------------------------------------

    def failures(self, key: str, since: datetime) -> int:
        row = self._one(statements.FAILURES, of_key=key, since=to_millis(since))
        return 0 if row is None else int(row[0])

    def note_failure(self, key: str, now: datetime) -> None:
        def work(session: Session) -> None:
            before = to_millis(now - _FAILURES_ARE_KEPT)
            statements.FORGET_FAILURES.run(session, before=before)
            statements.ADD_FAILURE.run(session, key=key, at=to_millis(now))

        self._engine.write(work)

    def forgive(self, key: str) -> None:
        self._write(statements.FORGIVE, of_key=key)

    # -- what was uploaded by whom ---------------------------------------------------------------

    def claim_blob(self, digest: str, workspace: str, actor: str, now: datetime) -> None:
        claim: dict[str, Cell] = {"digest": digest, "workspace": workspace, "actor": actor}
        if self._one(holders.CLAIM, **claim) is None:  # else nothing has to reach the disk
            self._write(holders.ADD_CLAIM, at=to_millis(now), **claim)

    def claimed_blobs(self, digests: Sequence[str], workspace: str, actor: str) -> frozenset[str]:
        found = self._engine.read(
            lambda session: holders.CLAIMED.all(session, digests, workspace=workspace, actor=actor)
        )
        return frozenset(digest for (digest,) in found)

    def models_with_blobs(
        self, digests: Sequence[str], workspace: str
    ) -> Sequence[tuple[str, int]]:
        found = self._engine.read(
            lambda session: holders.HOLDING.all(session, digests, workspace=workspace)
        )
        return [(digest, model_id) for digest, model_id in found]

    # -- audit -----------------------------------------------------------------------------------

    def record_audit(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._engine.write(partial(audit.append, entries=entries))

    def audit(
        self, *, after: int = 0, limit: int, newest_first: bool = False
    ) -> Sequence[Activity]:
        return self._engine.read(
            partial(audit.entries, after=after, limit=limit, newest_first=newest_first)
        )

    def audit_head(self) -> AuditHead:
        return self._engine.read(audit.head)

    def begin_audit(self, first: int, base: str) -> None:
        self._engine.write(partial(audit.begin, first=first, base=base))

    def prune_audit(self, before: datetime) -> int:
        cut = 0
        while now_cut := self._engine.write(
            partial(audit.prune, before=before, limit=_CUT_AT_ONCE)
        ):
            cut += now_cut
        return cut

    # -- within ----------------------------------------------------------------------------------

    def _one(self, statement: Prepared, **parameters: Cell) -> Row | None:
        return self._engine.read(lambda session: statement.one(session, **parameters))

    def _all(self, statement: Prepared, **parameters: Cell) -> list[Row]:
        return self._engine.read(lambda session: statement.all(session, **parameters))

    def _write(self, statement: Prepared, **parameters: Cell) -> int:
        return self._engine.write(lambda session: statement.run(session, **parameters))


def _limit(asked: int | None) -> int:
    return _ALL if asked is None else asked


def _user_taken(user: User) -> AlreadyExists:
    or_subject = f", or one with the subject {user.subject!r:.200}," if user.subject else ""
    return AlreadyExists(
        f"There is a user {user.name!r:.200}{or_subject} already.",
        hint="Choose another name.",
        details={"field": "name"},
    )
