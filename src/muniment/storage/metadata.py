"""The MetadataStore port: everything a registry knows, except the bytes.

Reads are plain methods. All writes to a registered model, its versions, references and history go
through one door, `transact`, which makes them one atomic step. The registered model is the unit of
isolation: changes to one model are serial, changes to different models may run in parallel.

    service                          store
    transact(key, decide) ─────────> open, lock the model of `key`
                                     decide(tx)  ── reads and writes through tx
                                     commit all of it (activities included), or nothing
    result of decide      <───────── after the commit is durable

`decide` may run more than once (the store retries a lost race), so it must have no effect but
through `tx`. An exception from `decide` undoes everything and reaches the caller unchanged.

Blobs are known here by digest and lease. `lease_blobs` says "needed now"; garbage collection never
takes a blob whose lease is younger than its grace period, nor one that a manifest in use or a file
names; `Transaction.add_manifest` and `put_file` refuse digests that are not known. These checks and
`collect_blob` are atomic with respect to each other, so no version and no file can lose a blob.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from muniment.domain.activities import Activity, Entry
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Upload,
    Workspace,
)
from muniment.domain.manifest import Manifest
from muniment.domain.query import Cursor, Query
from muniment.storage.documents import DocumentStore
from muniment.storage.files import FileStore
from muniment.storage.records import RecordStore, RecordTransaction
from muniment.storage.wholes import Remembered, WholeStore

__all__ = [
    "BlobRecord",
    "Done",
    "MetadataStore",
    "ModelId",
    "ModelKey",
    "ModelName",
    "Remembered",
    "StorageTotals",
    "TakesLonger",
    "Transaction",
]

T = TypeVar("T")
Done: TypeAlias = Callable[[T | None, BaseException | None], None]
"""Takes what a call has returned, or what it has raised; raises nothing itself."""


@dataclass(frozen=True, slots=True)
class ModelName:
    """The live (not deleted) model with this name; there may be none (yet)."""

    workspace: str
    name: str


@dataclass(frozen=True, slots=True)
class ModelId:
    """The model with this id, live or soft-deleted."""

    workspace: str
    id: int


ModelKey: TypeAlias = ModelName | ModelId


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """A blob as the metadata knows it: `leased_at` is when somebody last said they need it."""

    digest: str
    size: int
    leased_at: datetime


@dataclass(frozen=True, slots=True)
class StorageTotals:
    """Bytes in all workspaces: as users count them, and as they are stored.

    `files` stand outside of versions; `logical_bytes` are those of versions and of such files.
    """

    models: int
    versions: int
    files: int
    logical_bytes: int
    stored_blobs: int
    stored_bytes: int


class TakesLonger(Exception):  # not an error: to be tried again, elsewhere
    """A read was to be brief, and is not."""


class Transaction(RecordTransaction, Protocol):
    """The inside of one `transact`: reads see the writes made so far."""

    @abstractmethod
    def model(self) -> RegisteredModel | None:
        """Return the model of the key (locked), or None."""

    @abstractmethod
    def version(self, number: int) -> ModelVersion | None:
        """Return the version with this number, also if it is soft-deleted."""

    @abstractmethod
    def version_by_label(self, label: str) -> ModelVersion | None:
        """Return the live version with this label."""

    @abstractmethod
    def versions_in_stage(self, stage: str) -> Sequence[ModelVersion]:
        """Return the live versions in a stage, by number."""

    @abstractmethod
    def newest_ready(self) -> ModelVersion | None:
        """Return the highest live READY version."""

    @abstractmethod
    def sealed_before(self, number: int) -> ModelVersion | None:
        """Return the highest version below `number` that has a snapshot, deleted or not."""

    @abstractmethod
    def references(self, version: int | None = None) -> Sequence[Reference]:
        """Return the model's references (those to `version`, if given), by kind and name."""

    @abstractmethod
    def reference(self, kind: ReferenceKind, name: str) -> Reference | None:
        """Return one reference."""

    @abstractmethod
    def slug_taken(self, slug: str) -> bool:
        """Say whether a live model of the workspace has this slug."""

    @abstractmethod
    def name_taken(self, name: str) -> bool:
        """Say whether a live model of the workspace has this name."""

    @abstractmethod
    def remembered(self, key: str) -> Remembered | None:
        """Return what was made for an idempotency key of this model."""

    @abstractmethod
    def add_model(self, model: RegisteredModel) -> RegisteredModel:
        """Insert the model of the key; return it with its id. Its `aliases` are not looked at.

        Raises:
            AlreadyExists: another live model has its name.
        """

    @abstractmethod
    def save_model(self, model: RegisteredModel) -> None:
        """Replace the model (all fields but `id`, `uuid`, `workspace`, `aliases` and the chain).

        `activity_count` and `activity_head` are moved by `record` alone. A name or slug that is
        taken by now (a rename racing a create) raises AlreadyExists.
        """

    @abstractmethod
    def add_version(self, version: ModelVersion) -> ModelVersion:
        """Insert a version; return it with its id. Its `aliases` are not looked at."""

    @abstractmethod
    def save_version(self, version: ModelVersion) -> None:
        """Replace a version (all fields but `id`, `uuid`, `workspace`, `model`, `aliases`).

        Its `revision` must be a higher one: a store may keep what it made of a lower one.
        """

    @abstractmethod
    def touch_versions(self, at: datetime) -> None:
        """Set `updated_at` of all live versions, and raise their revisions by one."""

    @abstractmethod
    def purge_version(self, number: int) -> None:
        """Remove a version for good, with its properties, references, records and uses."""

    @abstractmethod
    def save_reference(self, reference: Reference) -> None:
        """Insert or replace the reference with this kind and name."""

    @abstractmethod
    def drop_reference(self, kind: ReferenceKind, name: str) -> None:
        """Remove a reference; a missing one is fine."""

    @abstractmethod
    def add_manifest(self, manifest: Manifest) -> None:
        """Make the manifest known, so that its blobs are kept while a version names it.

        The manifest's own blob (`manifest.digest`) must be known, too.

        Raises:
            MissingBlobs: a digest is not known to this store; `details["missing"]` lists up to 100.
        """

    @abstractmethod
    def remember(self, record: Remembered) -> None:
        """Keep an idempotency key."""

    @abstractmethod
    def record(self, entry: Entry) -> Activity:
        """Append to the model's history (after `add_model`); the store chains it."""


class MetadataStore(FileStore, RecordStore, WholeStore, DocumentStore, Protocol):
    """The port. Safe to use from many threads; see the module for what `transact` promises."""

    @property
    @abstractmethod
    def reads_are_local(self) -> bool:
        """True if a point read takes tens of microseconds and may run on an event loop."""

    def briefly(self) -> AbstractContextManager[None]:
        """Let what this thread reads inside take a few milliseconds at most, or raise TakesLonger.

        Of use where reads are local: then a search that is soon done may run on an event loop.
        """
        return nullcontext()

    # -- writing ---------------------------------------------------------------------------------

    @abstractmethod
    def transact(self, key: ModelKey, decide: Callable[[Transaction], T]) -> T:
        """Run `decide` as one atomic, durable change of one model; return its result.

        Raises:
            NotFound: the workspace does not exist.
            Unavailable: the store can't be reached, or gave up after many lost races.
            StorageFull: there is no room.
        """

    def submit(self, call: Callable[[], T], done: Done[T]) -> bool:
        """Make a short call in the one thread that writes, if this store has one; else say False.

        For whoever can't wait for `transact`. The call may use this store as it likes, but must
        wait for nothing else: no lock, no bytes, no other thread. It sees what it has written;
        `done` is called in that thread when all of it is durable. Like `decide`, the call may be
        made more than once: what it had written is undone then.

        Raises:
            Unavailable: the store is closed.
        """
        return False

    @abstractmethod
    def ensure_workspace(self, name: str, now: datetime, *, uuid: str | None = None) -> Workspace:
        """Return the workspace, created if there is none: with `uuid`, or one of its own."""

    # -- reading ---------------------------------------------------------------------------------

    @abstractmethod
    def workspaces(self) -> Sequence[Workspace]:
        """Return all workspaces, by name."""

    @abstractmethod
    def model(self, key: ModelKey) -> RegisteredModel | None:
        """Return a model, or None."""

    @abstractmethod
    def model_by_slug(self, workspace: str, slug: str) -> RegisteredModel | None:
        """Return the live model with this slug, or None."""

    @abstractmethod
    def version(self, workspace: str, model: str, number: int) -> ModelVersion | None:
        """Return a live version of a live model, or None."""

    @abstractmethod
    def version_by_alias(self, workspace: str, model: str, alias: str) -> ModelVersion | None:
        """Return the live version that an alias points at, or None."""

    @abstractmethod
    def version_by_label(self, workspace: str, model: str, label: str) -> ModelVersion | None:
        """Return the live version with a label, or None."""

    @abstractmethod
    def version_by_uuid(self, workspace: str, uuid: str) -> ModelVersion | None:
        """Return the live version with a uuid, or None."""

    @abstractmethod
    def newest_version(
        self, workspace: str, model: str, *, stage: str | None = None, digest: str | None = None
    ) -> ModelVersion | None:
        """Return the highest live READY version of a live model, in a stage or with a digest.

        Stage names compare without regard to the case of ASCII letters.
        """

    @abstractmethod
    def newest_in_stages(self, workspace: str, model_ids: Iterable[int]) -> Sequence[ModelVersion]:
        """Return the highest live version in each stage of each model, whatever its status.

        By model id; of one model, first the stage with the lowest live version. Deleted models and
        those of other workspaces have none.
        """

    @abstractmethod
    def search_models(self, query: Query) -> Sequence[tuple[RegisteredModel, Cursor]]:
        """Return the models that a query (with the target MODELS) finds, with their cursors."""

    @abstractmethod
    def search_versions(self, query: Query) -> Sequence[tuple[ModelVersion, Cursor]]:
        """Return the versions that a query finds. Only live models' versions are found.

        With `query.deleted`, the deleted versions of live models.
        """

    @abstractmethod
    def activities(
        self,
        model_id: int,
        *,
        after: int = 0,
        limit: int,
        newest_first: bool = False,
        kinds: frozenset[str] | None = None,
        version: int | None = None,
        until: datetime | None = None,
    ) -> Sequence[Activity]:
        """Return a piece of a model's history: of some kinds, of a version, up to a time.

        Oldest first: the entries with a sequence above `after`. Newest first: those below
        `after`, or from the end if `after` is 0. Entries after `until` are left out.
        """

    @abstractmethod
    def references(self, workspace: str, model: str) -> Sequence[Reference]:
        """Return a live model's references, by kind and name."""

    # -- blobs, uploads and garbage --------------------------------------------------------------

    @abstractmethod
    def add_blob(self, digest: str, size: int, now: datetime) -> None:
        """Make a blob known and lease it, before its bytes are put in their place."""

    @abstractmethod
    def lease_blobs(self, digests: Iterable[str], now: datetime) -> dict[str, int]:
        """Renew the leases of the digests that are known; return their sizes in bytes."""

    @abstractmethod
    def collectable_blobs(
        self, leased_before: datetime, limit: int, *, deleted_before: datetime | None = None
    ) -> Sequence[BlobRecord]:
        """Return blobs that no manifest in use and no file names and nobody has leased since.

        With `deleted_before`, as if the versions that are `purgeable` by then were purged already
        (for a dry run).
        """

    @abstractmethod
    def collect_blob(
        self, digest: str, leased_before: datetime, remove: Callable[[], None]
    ) -> bool:
        """If the blob is (still) collectable or unknown, forget it and call `remove`.

        It is forgotten durably first, so that a known blob always has its bytes, whenever the
        process dies. No lease, add or manifest can come between the last check and the end of
        `remove`. Returns whether it was collected.
        """

    @abstractmethod
    def known_blobs(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those of the digests that are known, without renewing leases."""

    @abstractmethod
    def purgeable(self, deleted_before: datetime, limit: int) -> Sequence[tuple[ModelId, int]]:
        """Return soft-deleted versions whose restore window is over: (model, version number).

        A version counts as deleted when it, or its whole model, was deleted before that time.
        """

    @abstractmethod
    def drop_unused_manifests(
        self, *, deleted_before: datetime | None = None, dry_run: bool = False
    ) -> int:
        """Forget manifests that no version names; return how many. Purge versions first.

        A dry run only counts, as if the versions that are `purgeable` by `deleted_before` were
        purged already.
        """

    @abstractmethod
    def add_upload(self, upload: Upload) -> None:
        """Keep an upload session (its offset lives with the bytes)."""

    @abstractmethod
    def upload(self, workspace: str, upload_id: str) -> Upload | None:
        """Return an upload session, or None."""

    @abstractmethod
    def open_uploads(self, workspace: str, created_by: str, digest: str) -> Sequence[Upload]:
        """Return the sessions of one caller for one digest, newest first, to be resumed."""

    @abstractmethod
    def drop_upload(self, upload_id: str) -> None:
        """Forget an upload session; a missing one is fine."""

    @abstractmethod
    def stale_uploads(self, created_before: datetime, limit: int) -> Sequence[Upload]:
        """Return sessions that were begun before a time, in any workspace."""

    # -- the whole -------------------------------------------------------------------------------

    @abstractmethod
    def all_models(self) -> Iterator[RegisteredModel]:
        """Yield every model of every workspace, deleted ones too, for verification and export."""

    @abstractmethod
    def digests_in_use(self) -> Iterator[str]:
        """Yield the manifest digests that versions name, deleted ones too, each once."""

    @abstractmethod
    def totals(self) -> StorageTotals:
        """Count what is stored. May scan; not for requests that must be fast."""

    @abstractmethod
    def ping(self) -> None:
        """Raise Unavailable unless the store answers."""

    @abstractmethod
    def close(self) -> None:
        """Finish what was accepted and let go of all resources; the store can't be used after."""
