"""The AccountStore port: users, their secrets' hashes, grants, sessions and the audit log.

A part of the metadata, kept beside it in the same database, behind a port of its own: whoever
keeps models need not know how people sign in. Every write is one atomic, durable step.

The audit log is one chain for the whole registry, in the form of `domain.activities` (with
`model_uuid` = "audit"). Its beginning may be cut off when its retention is over: what is left
verifies from `AuditHead.first` on, whose `previous` hash is kept.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from muniment.domain.access import Grant
from muniment.domain.accounts import BrowserSession, HeldGrant, Token, User
from muniment.domain.activities import Activity, Entry

AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where the audit chain stands: the entries from `first` (1 if none was cut off) to `count`.

    `base` is the hash before `first` ("" at the very beginning), `head` that of the last entry.
    """

    first: int
    count: int
    base: str
    head: str


class AccountStore(Protocol):
    """The port. Safe to use from many threads."""

    # -- users -----------------------------------------------------------------------------------

    @abstractmethod
    def user(self, name: str) -> User | None:
        """Return a user by name (case-sensitive), active or not."""

    @abstractmethod
    def user_by_subject(self, subject: str) -> User | None:
        """Return the user who comes through OIDC as `issuer|sub`."""

    @abstractmethod
    def users(self, *, after: str = "", limit: int) -> Sequence[User]:
        """Return users by name, those behind `after`."""

    @abstractmethod
    def any_user(self, *, within: float = 0.0) -> bool:
        """Say whether there is any user at all: whether this registry has sign-in.

        It may be unaware of those that others than this store have added in so many seconds. None
        is ever removed.
        """

    @abstractmethod
    def add_user(self, user: User) -> User:
        """Insert a user; return it with its id. Raises AlreadyExists for a taken name/subject."""

    @abstractmethod
    def save_user(self, user: User, *, expect: int) -> User:
        """Replace a user whose revision is still `expect`; return it with the next revision.

        Raises:
            PreconditionFailed: it was changed in the meantime.
        """

    # -- grants ----------------------------------------------------------------------------------

    @abstractmethod
    def grants_of(self, subjects: Sequence[str], workspace: str) -> Sequence[HeldGrant]:
        """Return what any of the subjects holds in a workspace or in all (`*`), by id."""

    @abstractmethod
    def grants(
        self,
        workspace: str | None = None,
        *,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Sequence[HeldGrant]:
        """Return grants (of one workspace, with those for all; of one subject), by id.

        Only ids behind `after`, and `limit` of them at most; all of them without it.
        """

    @abstractmethod
    def add_grant(
        self, workspace: str, subject: str, grant: Grant, now: datetime, by: str
    ) -> HeldGrant:
        """Keep a grant; return it with its id."""

    @abstractmethod
    def drop_grant(self, grant_id: int) -> HeldGrant | None:
        """Remove a grant; return what it was, None if there was none."""

    # -- tokens and sessions ---------------------------------------------------------------------

    @abstractmethod
    def token(self, token_id: str) -> Token | None:
        """Return a token, also an expired or revoked one."""

    @abstractmethod
    def tokens(
        self,
        user: str | None = None,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Token]:
        """Return tokens (of one user), newest first; those of one moment by their ids.

        Only what comes behind a token that was made at a time, with an id, if `after` says so; and
        `limit` of them at most, all of them without it.
        """

    @abstractmethod
    def add_token(self, token: Token) -> None:
        """Keep a new token."""

    @abstractmethod
    def revoke_token(self, token_id: str, now: datetime) -> bool:
        """Revoke a token; False if there is none that is not revoked."""

    @abstractmethod
    def use_token(self, token_id: str, now: datetime) -> None:
        """Note that a token was used. Called at most once a minute per token by the services."""

    @abstractmethod
    def session(self, secret: str) -> BrowserSession | None:
        """Return a session by the SHA-256 of its cookie."""

    @abstractmethod
    def add_session(self, session: BrowserSession) -> None:
        """Keep a session."""

    @abstractmethod
    def drop_session(self, secret: str) -> None:
        """End a session; a missing one is fine."""

    @abstractmethod
    def drop_sessions_of(self, user: str) -> None:
        """End all sessions of a user."""

    @abstractmethod
    def drop_expired_sessions(self, now: datetime) -> int:
        """Forget sessions that are over; return how many."""

    # -- throttling ------------------------------------------------------------------------------

    @abstractmethod
    def failures(self, key: str, since: datetime) -> int:
        """Count the failed sign-ins noted for `key` (a name, an address) since a time."""

    @abstractmethod
    def note_failure(self, key: str, now: datetime) -> None:
        """Note a failed sign-in; entries older than a day may be forgotten."""

    @abstractmethod
    def forgive(self, key: str) -> None:
        """Forget the failures of `key`, after a sign-in that went well."""

    # -- what was uploaded by whom ---------------------------------------------------------------

    @abstractmethod
    def claim_blob(self, digest: str, workspace: str, actor: str, now: datetime) -> None:
        """Note that `actor` has shown to have these bytes; idempotent."""

    @abstractmethod
    def claimed_blobs(self, digests: Sequence[str], workspace: str, actor: str) -> frozenset[str]:
        """Return those of the digests that `actor` has claimed."""

    @abstractmethod
    def models_with_blobs(
        self, digests: Sequence[str], workspace: str
    ) -> Sequence[tuple[str, int]]:
        """Return (digest, model id) for live models with a live version that holds the digest.

        A manifest's own digest counts as held by the versions that it describes.
        """

    # -- audit -----------------------------------------------------------------------------------

    @abstractmethod
    def record_audit(self, entries: Sequence[Entry]) -> None:
        """Append to the audit chain, all or none."""

    @abstractmethod
    def audit(
        self, *, after: int = 0, limit: int, newest_first: bool = False
    ) -> Sequence[Activity]:
        """Return a piece of the audit log; as `MetadataStore.activities`."""

    @abstractmethod
    def audit_head(self) -> AuditHead:
        """Return where the chain stands."""

    @abstractmethod
    def begin_audit(self, first: int, base: str) -> None:
        """Let an audit log that is still empty begin at `first`, after the hash `base`.

        For the log of a registry that moves here, whose beginning was cut off.

        Raises:
            Conflict: there are entries.
        """

    @abstractmethod
    def prune_audit(self, before: datetime) -> int:
        """Cut off the entries older than a time (never the last one); return how many."""
