"""What the client needs from a registry, wherever that is.

`muniment.services` satisfies these protocols in this process (see `muniment.local`);
`muniment.client.http` satisfies them over the native API. Everything is in terms of the domain,
and every failure is one of `muniment.errors`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from muniment.domain.access import Asked, Decision, Grant, Role, Verb
from muniment.domain.accounts import HeldGrant, Token, User, WhoAmI
from muniment.domain.activities import Activity
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.entities import ModelVersion, Page, Reference, RegisteredModel
from muniment.domain.garbage import GarbageReport
from muniment.domain.manifest import Manifest
from muniment.domain.refs import Ref

Source: TypeAlias = Callable[[int], Iterator[bytes]]
"""Opens the bytes of a blob at an offset; called again, at another offset, to resume."""

Progress: TypeAlias = Callable[[int], None]
"""Told how many more bytes are done (negative if some must be sent again)."""


class CatalogBackend(Protocol):
    """Models, versions, aliases, search and history. Satisfied by `services.catalog.Catalog`."""

    # -- models ----------------------------------------------------------------------------------

    @abstractmethod
    def create_model(
        self,
        name: str,
        changes: ModelChanges = ...,
        *,
        idempotency_key: str | None = None,
    ) -> RegisteredModel:
        """Register a name. Raises AlreadyExists if it is taken."""

    @abstractmethod
    def model(self, name: str) -> RegisteredModel:
        """Return a live model. Raises NotFound."""

    @abstractmethod
    def update_model(
        self, name: str, changes: ModelChanges, *, if_match: int | None = None
    ) -> RegisteredModel:
        """Apply a merge patch; `if_match` is the revision that must still be the present one."""

    @abstractmethod
    def rename_model(
        self, name: str, new_name: str, *, if_match: int | None = None
    ) -> RegisteredModel:
        """Give a model another name; everything else, the slug too, stays."""

    @abstractmethod
    def delete_model(self, name: str, *, if_match: int | None = None) -> RegisteredModel:
        """Delete softly; the answer's `id` is what `restore_model` needs. The name is free."""

    @abstractmethod
    def restore_model(self, model_id: int) -> RegisteredModel:
        """Undo `delete_model`. Raises AlreadyExists if the name was taken in the meantime."""

    @abstractmethod
    def search_models(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[RegisteredModel]:
        """Search models (docs/search.md). Default order: name."""

    # -- versions --------------------------------------------------------------------------------

    @abstractmethod
    def create_version(
        self,
        model: str,
        new: NewVersion,
        *,
        create_model: bool = False,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        """Add a version; with files this is the one commit that makes it visible, READY.

        Raises:
            NotFound: no such model (and not `create_model`).
            MissingBlobs: files that are not stored here; upload them and call again.
            AlreadyExists: the label is taken.
        """

    @abstractmethod
    def version(self, model: str, number: int) -> ModelVersion:
        """Return a live version. Raises NotFound."""

    @abstractmethod
    def resolve(self, ref: Ref) -> ModelVersion:
        """Return the version that a reference means now. Raises NotFound."""

    @abstractmethod
    def update_version(
        self, model: str, number: int, changes: VersionChanges, *, if_match: int | None = None
    ) -> ModelVersion:
        """Apply a merge patch."""

    @abstractmethod
    def seal_version(
        self, model: str, number: int, files: Manifest, *, if_match: int | None = None
    ) -> ModelVersion:
        """Give a PENDING version, or one that is a mere pointer, its content, once and for ever.

        Sealing again with the same files is fine; with others it raises Conflict.
        """

    @abstractmethod
    def fail_version(self, model: str, number: int, message: str) -> ModelVersion:
        """Say that a PENDING version will not come."""

    @abstractmethod
    def delete_version(
        self, model: str, number: int, *, if_match: int | None = None
    ) -> ModelVersion:
        """Delete softly; its aliases are dropped. Its number is never used again."""

    @abstractmethod
    def restore_version(self, model: str, number: int) -> ModelVersion:
        """Undo `delete_version` (aliases stay dropped). Raises AlreadyExists on a label clash."""

    @abstractmethod
    def search_versions(
        self,
        filter: str = "",
        *,
        model: str | None = None,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        """Search versions, of one model if given. Default order: newest (highest id) first."""

    @abstractmethod
    def move_to_stage(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
    ) -> ModelVersion:
        """Move a version to a stage; `archive_existing` archives the others that are there."""

    # -- aliases ---------------------------------------------------------------------------------

    @abstractmethod
    def aliases(self, model: str) -> Sequence[Reference]:
        """Return a model's aliases, by name."""

    @abstractmethod
    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        expect: int | None = None,
        protected: bool | None = None,
    ) -> Reference:
        """Point an alias at a READY version.

        `expect` makes it a compare-and-swap: the version it must point at now, 0 for "must not
        exist"; else PreconditionFailed. A protected alias moves only by compare-and-swap.
        """

    @abstractmethod
    def delete_alias(self, model: str, alias: str, *, expect: int | None = None) -> None:
        """Remove an alias; a missing one is fine (unless `expect` says otherwise)."""

    # -- history ---------------------------------------------------------------------------------

    @abstractmethod
    def history(
        self,
        model: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return a model's activities."""

    @abstractmethod
    def verify_history(self, model: str) -> int:
        """Check the whole chain; return its length. Raises Corrupt naming the broken entry."""


class ArtifactsBackend(Protocol):
    """Bytes in and out. Satisfied by `services.artifacts.Artifacts`."""

    @abstractmethod
    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those digests that must be uploaded; the others are kept safe for a while."""

    @abstractmethod
    def put(self, digest: str, size: int, source: Source, progress: Progress | None = None) -> int:
        """Store a blob, going on where an earlier try stopped; return how many bytes were sent.

        Raises:
            DigestMismatch: the bytes are not those of `digest`.
        """

    @abstractmethod
    def manifest(self, model: str, number: int) -> Manifest:
        """Return the files of a version. Raises NotReady if it has none."""

    @abstractmethod
    def read(
        self, model: str, number: int, path: str, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes [start, end) of one file of a version. Raises NotFound."""

    @abstractmethod
    def local_path(self, digest: str) -> Path | None:
        """Return a read-only file on this machine that holds the blob already, if there is one."""


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


class Backend(Protocol):
    """A registry: in this process, or at the other end of a connection."""

    @property
    @abstractmethod
    def catalog(self) -> CatalogBackend:
        """Models, versions, aliases, search and history."""

    @property
    @abstractmethod
    def artifacts(self) -> ArtifactsBackend:
        """Bytes in and out."""

    @property
    @abstractmethod
    def housekeeping(self) -> HousekeepingBackend:
        """Keeping the house clean."""

    @property
    @abstractmethod
    def administration(self) -> AdministrationBackend:
        """Users, tokens, grants and the audit log."""

    @abstractmethod
    def me(self) -> WhoAmI:
        """Return who the registry takes the caller for, and what they may do."""

    @abstractmethod
    def change_password(self, old: str, new: str) -> None:
        """Choose the caller's own password, knowing the present one.

        Raises:
            Unauthenticated: the present one is another.
            InvalidInput: the new one breaks the rules.
        """

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, for people: a URL or a folder."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files."""
