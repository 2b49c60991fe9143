"""The connection to a database: how it is opened, how long it waits, what its errors mean.

Every write waits until it is in the journals of a majority (of the one server, if it stands alone),
and every read asks the primary: what was acknowledged to anybody is seen by everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pymongo import IndexModel, MongoClient, ReadPreference, WriteConcern, errors
from pymongo.collection import Collection
from pymongo.database import Database

from muniment.errors import (
    ConfigurationError,
    LimitExceeded,
    MunimentError,
    StorageFull,
    Unavailable,
)

Document: TypeAlias = dict[str, Any]
Documents: TypeAlias = Collection[Document]

_DEFAULTS: Final[Mapping[str, Any]] = {
    "appname": "muniment",
    "serverSelectionTimeoutMS": 10_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 60_000,
    "waitQueueTimeoutMS": 20_000,
}
_PIECE: Final = 500
_DURABLE: Final = WriteConcern(w="majority", j=True, wtimeout=30_000)
_NO_RIGHTS: Final = frozenset({13, 18, 8_000})  # Unauthorized, AuthenticationFailed, Atlas's own
_NO_ROOM: Final = frozenset({14_031})  # OutOfDiskSpace
_TOO_LARGE: Final = frozenset({10_334, 17_419, 17_420})  # BSONObjectTooLarge, by an update


class Connection:
    """One database of one server. Safe to use from many threads.

    `database` is pymongo's own; whoever uses it does so inside of `guarded`:

        with connection.guarded():
            connection["users"].insert_one(document)
    """

    def __init__(self, client: MongoClient[Document], name: str, where: str) -> None:
        self._client = client
        self.database: Database[Document] = client.get_database(
            name, write_concern=_DURABLE, read_preference=ReadPreference.PRIMARY
        )
        self.where = where

    @classmethod
    def open(cls, url: str) -> Connection:
        """Connect to the database that a URL names. Raises ConfigurationError, Unavailable."""
        where = _shown(url)
        asked = {key.lower() for key, _ in parse_qsl(urlsplit(url).query)}
        options = {key: value for key, value in _DEFAULTS.items() if key.lower() not in asked}
        try:
            client: MongoClient[Document] = MongoClient(url, connect=False, **options)
        except (errors.PyMongoError, ValueError) as error:
            raise _not_a_database(where) from error
        try:
            name = client.get_default_database().name
        except errors.PyMongoError as error:  # it names none
            client.close()
            raise _not_a_database(where) from error
        connection = cls(client, name, where)
        try:
            connection.ping()
        except MunimentError:
            client.close()
            raise
        return connection

    def __getitem__(self, name: str) -> Documents:
        """Return a collection."""
        return self.database[name]

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn errors of the driver into ours; a duplicate key is the business of who asked."""
        try:
            yield
        except (errors.DuplicateKeyError, errors.BulkWriteError):
            raise
        except errors.DocumentTooLarge as error:
            raise _too_large() from error
        except errors.PyMongoError as error:
            raise self._translated(error) from error

    def walk(
        self, collection: str, where: Document, field: str, **shown: int
    ) -> Iterator[Document]:
        """Yield documents that have a field in its order: at least one for each of its values.

        They come in pieces. A cursor would be gone when nobody has asked it for ten minutes.
        """
        after: Document = {}
        projection = shown or {"terms": 0}
        while True:
            with self.guarded():
                behind = {"$and": [where, {field: {"$ne": None, **after}}]}
                found = self[collection].find(behind, projection).sort(field, 1)
                piece = list(found.limit(_PIECE))
            yield from piece
            if len(piece) < _PIECE:
                return
            after = {"$gt": piece[-1][field]}

    def create_indexes(self, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
        """Create the indexes of collections, unless they are there."""
        with self.guarded():
            for name, models in indexes.items():
                for model in models:  # FerretDB stumbles over several at once that are there
                    self[name].create_indexes([model])

    def ping(self) -> None:
        """Raise Unavailable unless the server answers."""
        with self.guarded():
            self.database.command("ping")

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()

    def _translated(self, error: errors.PyMongoError) -> MunimentError:
        if isinstance(error, errors.InvalidOperation):
            return Unavailable("The store is closed.", hint="Open it again.")
        if isinstance(error, errors.ConnectionFailure | errors.WTimeoutError):
            return Unavailable(
                f"MongoDB at {self.where} does not answer.",
                hint="Check that it runs and can be reached from here; then try again.",
            )
        code = error.code if isinstance(error, errors.OperationFailure) else None
        if code in _NO_RIGHTS:
            return ConfigurationError(
                f"MongoDB at {self.where} refuses the user of this registry.",
                hint="Check user, password and authSource; the role readWrite is needed.",
            )
        if code in _NO_ROOM:
            return StorageFull(f"MongoDB at {self.where} has no room left.")
        if code in _TOO_LARGE:
            return _too_large()
        if isinstance(error, errors.ExecutionTimeout | errors.WriteConcernError):
            return Unavailable(f"MongoDB at {self.where} took too long.", hint="Try again.")
        return MunimentError(
            f"MongoDB at {self.where} can't do what is asked of it (code {code}).",
            hint="Is it MongoDB 5 or newer?",
        )


def _not_a_database(where: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where!r} is not the URL of a MongoDB database.",
        hint="Write it like mongodb://host:27017/muniment (user:password@ before the host, "
        "?authSource=admin behind the name, if need be).",
    )


def _too_large() -> LimitExceeded:
    return LimitExceeded(
        "This change takes more than the 16 MB that MongoDB can write at once.",
        hint="Make it in smaller steps, with less text in tags and parameters.",
        details={"limit": 16 * 2**20},
    )


def _shown(url: str) -> str:
    """Return the host and database of a URL, without user, password and options."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path
