"""Models, versions, aliases, search and history, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol

from muniment.domain.activities import Activity
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.entities import ModelVersion, Page, Reference, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.refs import Ref


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
    def delete_model(
        self, name: str, *, force: bool = False, if_match: int | None = None
    ) -> RegisteredModel:
        """Delete softly; the answer's `id` is what `restore_model` needs. The name is free.

        Raises:
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """

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
        self, model: str, number: int, *, force: bool = False, if_match: int | None = None
    ) -> ModelVersion:
        """Delete softly; its aliases are dropped. Its number is never used again.

        Raises:
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """

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
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return a model's activities: of some kinds, by one, of a version, or all.

        A page may be short, or empty, and have a token: there may be more behind it.
        """

    @abstractmethod
    def verify_history(self, model: str) -> int:
        """Check the whole chain; return its length. Raises Corrupt naming the broken entry."""
