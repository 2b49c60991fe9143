"""The one place that knows the adapters: it opens what a place names."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from muniment.errors import ConfigurationError
from muniment.storage.accounts import AccountStore
from muniment.storage.blobs import BlobStore
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.places import Place
from muniment.storage.webhooks import WebhookStore


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a registry keeps things. Closing `metadata` closes all but `blobs`."""

    metadata: MetadataStore
    accounts: AccountStore
    blobs: BlobStore
    webhooks: WebhookStore
    leases: LeaseStore


class Database(MetadataStore, Protocol):
    """A store of metadata, and what lies in the same database; closing it closes them all."""

    @property
    @abstractmethod
    def accounts(self) -> AccountStore:
        """Users, tokens, grants and the audit log."""

    @property
    @abstractmethod
    def webhooks(self) -> WebhookStore:
        """Webhooks and what is on its way to them."""

    @property
    @abstractmethod
    def leases(self) -> LeaseStore:
        """Who does what only one may do."""


def open_stores(place: Place) -> Stores:
    """Open the stores of a place; what a registry needs is made there if it is not.

    Raises:
        ConfigurationError: a place can't be used, was written by a newer Muniment, or needs an
            extra that is not installed.
        Corrupt: the database is damaged.
        Unavailable: a server does not answer.
        OSError: a folder can't be made.
    """
    database = open_database(place)
    try:
        blobs = _open_blobs(place)
    except BaseException:
        database.close()
        raise
    return Stores(database, database.accounts, blobs, database.webhooks, database.leases)


def open_folder(folder: Path) -> Stores:
    """Open (or create) the embedded stores in `folder`.

    folder/muniment.db      SQLite: everything but the bytes
    folder/blobs/           the bytes, by digest
    """
    return open_stores(Place.of_folder(folder))


# The adapters are imported where they are chosen, so that each costs only whoever uses it.


def open_database(place: Place) -> Database:
    """Open the database of a place alone; raises what `open_stores` does."""
    _refuse_lost_database(place)
    if place.sqlite_file is not None:
        from muniment.storage.sql.sqlite import open_sqlite

        place.sqlite_file.parent.mkdir(parents=True, exist_ok=True)
        return open_sqlite(place.sqlite_file)
    if place.database_kind == "postgresql":
        try:
            from muniment.storage.sql.postgres import open_postgres
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"To keep a registry in PostgreSQL, {error.name} is needed.",
                hint='Install it: pip install "muniment[postgres]".',
            ) from error
        return open_postgres(place.database)
    from muniment.storage.mongo import open_mongo

    return open_mongo(place.database)


def _open_blobs(place: Place) -> BlobStore:
    from muniment.storage.checked import CheckedBlobStore

    if place.blobs_folder is not None:
        from muniment.storage.objects.folder import FolderBlobStore

        return CheckedBlobStore(FolderBlobStore(place.blobs_folder))
    from muniment.storage.objects.remote import open_objects

    return CheckedBlobStore(open_objects(place.blobs, place.options))


def _refuse_lost_database(place: Place) -> None:
    """Raise ConfigurationError if there are blobs without the database that knows them.

    A new database beside them would know of none, and call all of them garbage.
    """
    file, folder = place.sqlite_file, place.blobs_folder
    if file is None or folder is None or (file.exists() and file.stat().st_size):
        return
    blobs = folder / "sha256"
    if blobs.is_dir() and any(blobs.iterdir()):
        raise ConfigurationError(
            f"{str(folder.parent)!r} holds files of models, but its database {file.name} is gone "
            "or empty.",
            hint=f"Restore {file.name} from a backup; or move {folder.name}/ away to begin anew.",
        )
