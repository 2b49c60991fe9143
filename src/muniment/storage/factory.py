"""The one place that knows the adapters: it opens what the settings name."""

from __future__ import annotations

from pathlib import Path

from muniment.storage.blobs import BlobStore
from muniment.storage.metadata import MetadataStore

DATABASE = "muniment.db"
BLOBS = "blobs"


def open_folder(folder: Path) -> tuple[MetadataStore, BlobStore]:
    """Open (or create) the embedded stores in `folder`.

    folder/muniment.db      SQLite: everything but the bytes
    folder/blobs/           the bytes, by digest
    """
    # Imported here, so that choosing a store costs only the one that is chosen.
    from muniment.storage.checked import CheckedBlobStore
    from muniment.storage.objects.folder import FolderBlobStore
    from muniment.storage.sql.sqlite import open_sqlite

    folder.mkdir(parents=True, exist_ok=True)
    return open_sqlite(folder / DATABASE), CheckedBlobStore(FolderBlobStore(folder / BLOBS))
