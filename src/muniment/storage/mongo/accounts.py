"""The AccountStore over MongoDB: an account is one document, and a change of it one step.

Ids are taken before. Nothing here changes two documents that must change together.
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError, OperationFailure

from muniment.domain.access import Grant
from muniment.domain.accounts import BrowserSession, HeldGrant, Token, User
from muniment.domain.activities import Activity, Entry
from muniment.domain.values import to_millis
from muniment.errors import AlreadyExists, PreconditionFailed
from muniment.storage.accounts import AccountStore, AuditHead
from muniment.storage.mongo import accounts_documents as documents
from muniment.storage.mongo.accounts_holders import Holders
from muniment.storage.mongo.audit import AuditLog
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.counters import next_id

T = TypeVar("T")

_FAILURES_ARE_KEPT: Final = timedelta(days=1)
_EVERYWHERE: Final = "*"


class MongoAccountStore(AccountStore):
    """See `muniment.storage.accounts.AccountStore`. Whoever opened the connection closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._users = connection[documents.USERS]
        self._grants = connection[documents.GRANTS]
        self._tokens = connection[documents.TOKENS]
        self._sessions = connection[documents.SESSIONS]
        self._failures = connection[documents.FAILURES]
        self._audit = AuditLog(connection)
        self._holders = Holders(connection)

    # -- users -----------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        return self._user({"name": name})

    def user_by_subject(self, subject: str) -> User | None:
        return self._user({"known_as": documents.known_as(subject)})

    def users(self, *, after: str = "", limit: int) -> Sequence[User]:
        with self._connection.guarded():
            found = self._users.find({"name": {"$gt": after}}).sort("name", ASCENDING).limit(limit)
            return [*map(documents.user_from, found)]

    def any_user(self, *, within: float = 0.0) -> bool:
        with self._connection.guarded():
            return self._users.find_one({}, {"_id": 1}) is not None

    def add_user(self, user: User) -> User:
        added = replace(user, id=next_id(self._connection, documents.USERS))
        document = {"_id": added.id, **documents.user_fields(added)}
        self._write_user(added, lambda: self._users.insert_one(document))
        return added

    def save_user(self, user: User, *, expect: int) -> User:
        saved = replace(user, revision=expect + 1)
        fields = {"$set": documents.user_fields(saved)}
        found = self._write_user(
            saved, lambda: self._users.update_one({"_id": user.id, "revision": expect}, fields)
        )
        if not found.matched_count:
            raise PreconditionFailed(
                f"The user {user.name!r:.200} was changed in the meantime: its revision is "
                f"{expect} no more.",
                hint="Read it again, and repeat the change if it still makes sense.",
            )
        return saved

    # -- grants ----------------------------------------------------------------------------------

    def grants_of(self, subjects: Sequence[str], workspace: str) -> Sequence[HeldGrant]:
        return self._held(
            {
                "subject": {"$in": list(dict.fromkeys(subjects))},
                "workspace": {"$in": [workspace, _EVERYWHERE]},
            }
        )

    def grants(
        self,
        workspace: str | None = None,
        *,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Sequence[HeldGrant]:
        asked: Document = {"_id": {"$gt": after}}
        if workspace is not None:
            asked["workspace"] = {"$in": [workspace, _EVERYWHERE]}
        if subject is not None:
            asked["subject"] = subject
        return self._held(asked, limit)

    def add_grant(
        self, workspace: str, subject: str, grant: Grant, now: datetime, by: str
    ) -> HeldGrant:
        grant_id = next_id(self._connection, documents.GRANTS)
        held = HeldGrant(grant_id, workspace, subject, grant, now, by)
        with self._connection.guarded():
            self._grants.insert_one(documents.grant_document(held))
        return held

    def drop_grant(self, grant_id: int) -> HeldGrant | None:
        with self._connection.guarded():
            found = self._grants.find_one_and_delete({"_id": grant_id})
        return None if found is None else documents.grant_from(found)

    # -- tokens ----------------------------------------------------------------------------------

    def token(self, token_id: str) -> Token | None:
        with self._connection.guarded():
            found = self._tokens.find_one({"_id": token_id})
        return None if found is None else documents.token_from(found)

    def tokens(
        self,
        user: str | None = None,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Token]:
        newest_first = [("created_at", DESCENDING), ("_id", ASCENDING)]
        asked: Document = {} if user is None else {"user": user}
        if after is not None:
            at = to_millis(after[0])
            asked["$or"] = [
                {"created_at": {"$lt": at}},
                {"created_at": at, "_id": {"$gt": after[1]}},
            ]
        with self._connection.guarded():
            found = self._tokens.find(asked).sort(newest_first).limit(_limit(limit))
            return [*map(documents.token_from, found)]

    def add_token(self, token: Token) -> None:
        with self._connection.guarded():
            try:
                self._tokens.insert_one(documents.token_document(token))
            except DuplicateKeyError as error:
                raise AlreadyExists(
                    f"There is a token {token.id!r:.200} already.",
                    hint="Make a new one: ids are random.",
                ) from error

    def revoke_token(self, token_id: str, now: datetime) -> bool:
        revoked = {"$set": {"revoked_at": to_millis(now)}}
        with self._connection.guarded():
            found = self._tokens.update_one({"_id": token_id, "revoked_at": None}, revoked)
        return found.matched_count > 0

    def use_token(self, token_id: str, now: datetime) -> None:
        with self._connection.guarded():
            used = {"$max": {"last_used_at": to_millis(now)}}  # any number is more than null
            self._tokens.update_one({"_id": token_id}, used)

    # -- sessions --------------------------------------------------------------------------------

    def session(self, secret: str) -> BrowserSession | None:
        with self._connection.guarded():
            found = self._sessions.find_one({"_id": secret})
        return None if found is None else documents.session_from(found)

    def add_session(self, session: BrowserSession) -> None:
        with self._connection.guarded():
            try:
                self._sessions.insert_one(documents.session_document(session))
            except DuplicateKeyError:  # whose text tells the secret's hash
                raise AlreadyExists(
                    f"There is a session of {session.user!r:.200} with this secret already.",
                    hint="Make a new one: secrets are random.",
                ) from None

    def drop_session(self, secret: str) -> None:
        with self._connection.guarded():
            self._sessions.delete_one({"_id": secret})

    def drop_sessions_of(self, user: str) -> None:
        with self._connection.guarded():
            self._sessions.delete_many({"user": user})

    def drop_expired_sessions(self, now: datetime) -> int:
        with self._connection.guarded():
            dropped = self._sessions.delete_many({"expires_at": {"$lte": to_millis(now)}})
        return dropped.deleted_count

    # -- throttling ------------------------------------------------------------------------------

    def failures(self, key: str, since: datetime) -> int:
        with self._connection.guarded():
            asked = {"key": key, "at": {"$gte": to_millis(since)}}
            return self._failures.count_documents(asked)

    def note_failure(self, key: str, now: datetime) -> None:
        with self._connection.guarded():
            self._failures.insert_one({"key": key, "at": to_millis(now)})
            before = to_millis(now - _FAILURES_ARE_KEPT)
            self._failures.delete_many({"at": {"$lt": before}})

    def forgive(self, key: str) -> None:
        with self._connection.guarded():
            self._failures.delete_many({"key": key})

    # -- what was uploaded by whom ---------------------------------------------------------------

    def claim_blob(self, digest: str, workspace: str, actor: str, now: datetime) -> None:
        self._holders.claim(digest, workspace, actor, now)

    def claimed_blobs(self, digests: Sequence[str], workspace: str, actor: str) -> frozenset[str]:
        return self._holders.claimed(digests, workspace, actor)

    def models_with_blobs(
        self, digests: Sequence[str], workspace: str
    ) -> Sequence[tuple[str, int]]:
        return self._holders.holding(digests, workspace)

    # -- audit -----------------------------------------------------------------------------------

    def record_audit(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._audit.append(entries)

    def audit(
        self, *, after: int = 0, limit: int, newest_first: bool = False
    ) -> Sequence[Activity]:
        return self._audit.entries(after, limit, newest_first)

    def audit_head(self) -> AuditHead:
        return self._audit.head()

    def begin_audit(self, first: int, base: str) -> None:
        self._audit.begin(first, base)

    def prune_audit(self, before: datetime) -> int:
        return self._audit.prune(before)

    # -- within ----------------------------------------------------------------------------------

    def _user(self, asked: Mapping[str, Any]) -> User | None:
        with self._connection.guarded():
            found = self._users.find_one(asked)
        return None if found is None else documents.user_from(found)

    def _write_user(self, user: User, write: Callable[[], T]) -> T:
        with self._connection.guarded():
            try:
                return write()
            except OperationFailure as error:
                # FerretDB has no code of its own for an update that runs into a unique index.
                if isinstance(error, DuplicateKeyError) or "UNIQUE constraint" in str(error):
                    raise _user_taken(user) from error
                raise

    def _held(self, asked: Document, limit: int | None = None) -> list[HeldGrant]:
        with self._connection.guarded():
            found = self._grants.find(asked).sort("_id", ASCENDING).limit(_limit(limit))
            return [*map(documents.grant_from, found)]


def _limit(asked: int | None) -> int:
    return 0 if asked is None else asked  # 0 is no limit to MongoDB


def _user_taken(user: User) -> AlreadyExists:
    or_subject = f", or one with the subject {user.subject!r:.200}," if user.subject else ""
    return AlreadyExists(
        f"There is a user {user.name!r:.200}{or_subject} already.",
        hint="Choose another name.",
        details={"field": "name"},
    )
