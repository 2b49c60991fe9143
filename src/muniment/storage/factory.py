"""The one place that knows the adapters: it opens what the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muniment.errors import ConfigurationError
from muniment.storage.accounts import AccountStore
from muniment.storage.blobs import BlobStore
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.webhooks import WebhookStore

DATABASE = "muniment.db"
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a registry keeps things. Closing `metadata` closes all but `blobs`."""

    metadata: MetadataStore
    accounts: AccountStore
    blobs: BlobStore
    webhooks: WebhookStore
    leases: LeaseStore


def open_folder(folder: Path) -> Stores:
    """Open (or create) the embedded stores in `folder`.

    folder/muniment.db      SQLite: everything but the bytes
    folder/blobs/           the bytes, by digest
    """
    # Imported here, so that choosing a store costs only the one that is chosen.
    from muniment.storage.checked import CheckedBlobStore
    from muniment.storage.objects.folder import FolderBlobStore
    from muniment.storage.sql.sqlite import open_sqlite

    folder.mkdir(parents=True, exist_ok=True)
    _refuse_lost_database(folder)
    metadata = open_sqlite(folder / DATABASE)
    blobs = CheckedBlobStore(FolderBlobStore(folder / BLOBS))
    return Stores(metadata, metadata.accounts, blobs, metadata.webhooks, metadata.leases)


def _refuse_lost_database(folder: Path) -> None:
    """Raise ConfigurationError if there are blobs without the database that knows them.

    A new database beside them would know of none, and call all of them garbage.
    """
    database, blobs = folder / DATABASE, folder / BLOBS / "sha256"
    if database.exists() and database.stat().st_size:
        return
    if blobs.is_dir() and any(blobs.iterdir()):
        raise ConfigurationError(
            f"{str(folder)!r} holds files of models, but its database {DATABASE} is gone or empty.",
            hint=f"Restore {DATABASE} from a backup; or move {BLOBS}/ away to begin anew.",
        )
