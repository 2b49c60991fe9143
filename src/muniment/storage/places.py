"""Where a registry lives: the URL of its database, and that of its blobs.

    database   sqlite:///relative/path.db   sqlite:////absolute/path.db
               postgresql://user:password@host:port/name?…
               mongodb://user:password@host:port/name?…      mongodb+srv://…
    blobs      file:///absolute/path   a/path   s3://bucket/prefix   gs://…   az://container/…

Both may hold a password: `shown` is how they are written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from muniment.errors import ConfigurationError
from muniment.storage.objects.options import ObjectOptions

__all__ = ["BLOBS", "DATABASE", "ObjectOptions", "Place", "is_place", "object_options", "shown_url"]

DATABASE: Final = "muniment.db"
BLOBS: Final = "blobs"
"""What the embedded stores are called in their folder."""

HIDDEN: Final = "***"
"""What is shown of a password in a URL."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_DATABASES: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mongodb": "mongodb",
    "mongodb+srv": "mongodb+srv",
}
_STORES: Final = frozenset({"s3", "gs", "az"})
_SECRET: Final = re.compile(r"([?&][^=&]*(?:pass|secret|token|key|propert)[^=&]*=)[^&]*", re.I)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a registry lives. Made by `of` or `of_folder`, which read what somebody wrote."""

    database: str = field(repr=False)
    blobs: str = field(repr=False)
    options: ObjectOptions = field(default_factory=ObjectOptions)

    @classmethod
    def of(cls, database: str, blobs: str, options: ObjectOptions | None = None) -> Place:
        """Return the place that two URLs name. Relative paths are those of the current folder.

        Raises:
            ConfigurationError: one of them names no store that there is an adapter for.
        """
        return cls(database_url(database), blobs_url(blobs), options or ObjectOptions())

    @classmethod
    def of_folder(cls, folder: Path) -> Place:
        """Return the place of the embedded stores in a folder: SQLite, and a folder of blobs."""
        return cls(sqlite_url(folder / DATABASE), file_url(folder / BLOBS))

    @property
    def database_kind(self) -> str:
        """The scheme of the database: `sqlite`, `postgresql`, `mongodb` or `mongodb+srv`."""
        return self.database.partition(":")[0]

    @property
    def blobs_kind(self) -> str:
        """The scheme of the blobs: `file`, `s3`, `gs` or `az`."""
        return self.blobs.partition(":")[0]

    @property
    def sqlite_file(self) -> Path | None:
        """The file of the database; None if it is a server's."""
        return file_of(self.database)

    @property
    def blobs_folder(self) -> Path | None:
        """The folder of the blobs; None if they lie in an object store."""
        return Path(unquote(urlsplit(self.blobs).path)) if self.blobs_kind == "file" else None

    @property
    def folder(self) -> Path | None:
        """The folder that `of_folder` was given; None if this is no such place."""
        file, blobs = self.sqlite_file, self.blobs_folder
        if file is None or blobs is None or file.name != DATABASE or blobs.name != BLOBS:
            return None
        return file.parent if file.parent == blobs.parent else None

    @property
    def shown(self) -> str:
        """Both, as they may be shown: without passwords. A folder is just that."""
        if self.folder is not None:
            return str(self.folder)
        return f"{shown_url(self.database)} with {shown_url(self.blobs)}"

    def __repr__(self) -> str:
        return f"<Place {self.shown}>"


def sqlite_url(file: Path) -> str:
    """Return the URL of an SQLite database."""
    return f"sqlite:///{quote(str(file.absolute()))}"


def file_of(database: str) -> Path | None:
    """Return the file of an SQLite database; None for any other one's URL."""
    if not database.startswith("sqlite:///"):
        return None
    return Path(unquote(database.removeprefix("sqlite:///")))


def file_url(folder: Path) -> str:
    """Return the URL of a folder of blobs."""
    return f"file://{quote(str(folder.absolute()))}"


def is_place(address: str) -> bool:
    """Say whether an address is the URL of a database."""
    scheme = _SCHEME.match(address)
    return scheme is not None and scheme[1].lower() in _DATABASES


def object_options(variables: Mapping[str, str]) -> ObjectOptions:
    """Return what environment variables say of an object store.

    What MUNIMENT_S3_… does not name is left to AWS_… and to wherever the store's tools look.
    """

    def said(name: str) -> str:
        return variables.get(f"MUNIMENT_S3_{name}", "")

    endpoint = said("ENDPOINT")
    return ObjectOptions(
        endpoint=endpoint,
        region=said("REGION"),
        access_key_id=said("ACCESS_KEY_ID"),
        secret_access_key=said("SECRET_ACCESS_KEY"),
        allow_http=is_plain_http(endpoint),
        public_endpoint=said("PUBLIC_ENDPOINT"),
    )


def is_plain_http(endpoint: str) -> bool:
    """Say whether an endpoint is one without TLS: whoever writes `http://` means it."""
    return endpoint.lower().startswith("http://")


def shown_url(url: str) -> str:
    """Return a URL as it may be shown, even if it is misspelt: without its password.

    Everything up to the last `@` may belong to one; only a user's name is told apart.

    >>> shown_url("postgresql://ada:secret@db/models?sslpassword=other")
    'postgresql://ada:***@db/models?sslpassword=***'
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, rest = "", url
    before, at, after = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    who = HIDDEN if set("/?#") & set(user) else f"{user}:{HIDDEN}" if colon else user
    if not slashes and at:
        who = HIDDEN
    after = _SECRET.sub(lambda found: found[1] + HIDDEN, after)
    return f"{scheme}{slashes}{who}{at}{after}"


def database_url(url: str) -> str:
    """Return the URL of a database in its one form. Raises ConfigurationError."""
    found = _SCHEME.match(url)
    scheme = _DATABASES.get(found[1].lower()) if found else None
    if found is None or scheme is None:
        raise _wrong(
            "database",
            url,
            "sqlite:////path/muniment.db, postgresql://user@host/name or mongodb://host/name",
        )
    rest = url[found.end() :]
    if scheme == "sqlite":
        if not rest.startswith("/") or rest.endswith("/") or "?" in rest:
            raise _wrong("database", url, "sqlite:///relative.db or sqlite:////absolute.db")
        return sqlite_url(Path(unquote(rest[1:])).expanduser())
    return f"{scheme}://{rest}"


def blobs_url(url: str) -> str:
    """Return the URL of blobs, or of a folder's path, in its one form.

    Raises:
        ConfigurationError: it is none; or there are credentials in it, which belong elsewhere.
    """
    found = _SCHEME.match(url)
    if found is None:
        if not url:
            raise _wrong("blobs", url, "a folder, or s3://bucket/prefix, gs://… or az://…")
        return file_url(Path(url).expanduser())
    scheme, rest = found[1].lower(), url[found.end() :]
    if scheme == "file":
        if not rest.removeprefix("localhost").startswith("/"):
            raise _wrong("blobs", url, "file:///path: three slashes, and a path of this machine")
        return file_url(Path(unquote(rest.removeprefix("localhost"))))
    bucket = rest.partition("/")[0]
    if scheme not in _STORES or not bucket or set("@:?#") & set(rest):
        raise _wrong(
            "blobs", url, "a folder, or s3://bucket/prefix, gs://… or az://…, without credentials"
        )
    return f"{scheme}://{rest.rstrip('/')}"


def _wrong(what: str, url: str, rule: str) -> ConfigurationError:
    return ConfigurationError(
        f"A registry can't keep its {what} at {shown_url(url)!r:.200}.",
        hint=f"Write {rule}.",
        details={"setting": what, "rule": rule},
    )
