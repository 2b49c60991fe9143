"""The adapter for MongoDB, and whatever speaks its protocol and keeps its promises.

It needs no transactions, no replica set and no JavaScript on the server: only that a write to one
document is atomic, and that `_id` is unique. See `collections` for what is kept where, `commits`
for how many documents change as one, `blobs` for why no version loses a blob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from muniment.errors import ConfigurationError

if TYPE_CHECKING:
    from muniment.storage.mongo.store import MongoMetadataStore


def open_mongo(url: str) -> MongoMetadataStore:
    """Open the registry in a database: `mongodb://host:port/name`, or `mongodb+srv://…`.

    What is missing in the database (collections, indexes) is created.

    Raises:
        ConfigurationError: pymongo is not installed, the URL is wrong, names no database, or the
            rights in it do not suffice; or a newer Muniment has written to the database.
        Unavailable: the server does not answer.
    """
    try:
        import pymongo  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "To keep a registry in MongoDB, pymongo is needed.",
            hint="Install it: pip install 'muniment[mongodb]'",
        ) from error
    from muniment.storage.mongo.store import MongoMetadataStore

    return MongoMetadataStore.open(url)
