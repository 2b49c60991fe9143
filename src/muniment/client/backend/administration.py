"""Keeping house; users, tokens, grants and the audit log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol

from muniment.domain.access import Asked, Decision, Grant, Role, Verb
from muniment.domain.accounts import HeldGrant, Token, User
from muniment.domain.activities import Activity
from muniment.domain.entities import Page
from muniment.domain.garbage import GarbageReport


class HousekeepingBackend(Protocol):
    """Keeping the house clean. Satisfied by `services.housekeeping.Housekeeping`."""

    @abstractmethod
    def collect_garbage(
        self,
        *,
        dry_run: bool = False,
        restore_window: float | None = None,
        grace: float | None = None,
    ) -> GarbageReport:
        """Purge what was deleted longer ago than `restore_window`, then free unneeded bytes.

        Times in seconds; None: as the server is set up. Bytes needed within the last `grace`
        seconds (uploads in progress) are left alone.
        """


class AdministrationBackend(Protocol):
    """Users, tokens, grants, the audit log. Satisfied by `services.administration.Administration`.

    A workspace of `*` means all of them.
    """

    # -- users -----------------------------------------------------------------------------------

    @abstractmethod
    def users(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[User]:
        """Return users by name."""

    @abstractmethod
    def user(self, name: str) -> User:
        """Return a user. Raises NotFound."""

    @abstractmethod
    def create_user(
        self,
        name: str,
        *,
        service: bool = False,
        display_name: str = "",
        role: Role | None = None,
        workspace: str = ...,
    ) -> tuple[User, str | None]:
        """Make a user; return it with a one-time password (None for a service account)."""

    @abstractmethod
    def set_active(self, name: str, active: bool) -> User:
        """Deactivate a user (tokens and sessions stop working at once), or undo that."""

    @abstractmethod
    def reset_password(self, name: str) -> str:
        """Give a person a new one-time password; return it."""

    # -- tokens ----------------------------------------------------------------------------------

    @abstractmethod
    def create_token(
        self,
        *,
        user: str | None = None,
        description: str = "",
        lifetime: timedelta | None = None,
        automation: bool = False,
        scopes: Sequence[Grant] | None = None,
    ) -> tuple[Token, str]:
        """Make a token for oneself or another; return it with its text, shown this once."""

    @abstractmethod
    def tokens(self, user: str | None = None) -> Sequence[Token]:
        """Return one's own tokens, or another's; `*` for everybody's."""

    @abstractmethod
    def revoke_token(self, token_id: str) -> None:
        """Revoke a token, at once; again is fine."""

    # -- grants ----------------------------------------------------------------------------------

    @abstractmethod
    def grants(self) -> Sequence[HeldGrant]:
        """Return who holds what in the workspace."""

    @abstractmethod
    def add_grant(self, workspace: str, subject: str, grant: Grant) -> HeldGrant:
        """Let a subject (`user:ada`, `group:x`, `oidc:issuer|subject`) do something."""

    @abstractmethod
    def drop_grant(self, grant_id: int) -> None:
        """Take a grant away."""

    @abstractmethod
    def explain(self, user: str, verb: Verb, asked: Asked) -> Decision:
        """Say whether a user may do something in the workspace, and why."""

    # -- the audit log ---------------------------------------------------------------------------

    @abstractmethod
    def audit(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return the audit log, a page at a time."""

    @abstractmethod
    def export_audit(self) -> Iterator[Activity]:
        """Yield the whole audit log, oldest first."""

    @abstractmethod
    def verify_audit(self) -> int:
        """Check the audit chain; return how many entries it has. Raises Corrupt."""

    @abstractmethod
    def prune_audit(self, older_than: timedelta) -> int:
        """Cut off entries older than a time; return how many. What is left still verifies."""
