"""The stores that the classic registry's variables name, as settings of ours.

MONGODB_URL, MONGODB_DB                                  ──> database
MINIO_ENDPOINT, _BUCKET, _SECURE, _ACCESS_KEY, _SECRET_KEY ──> blobs, s3_endpoint, s3_…
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

Said: TypeAlias = Mapping[str, tuple[str, str]]
"""The name of a setting -> its value, and the variable that it comes from."""

VARIABLES: Final = {
    "MONGODB_URL": ("MONGODB_DB",),
    "MINIO_ENDPOINT": ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET", "MINIO_SECURE"),
}
"""The variable that selects a store, and those that mean nothing without it."""

_DATABASE: Final = "metadata"
_BUCKET: Final = "models"
"""What they are called where nothing else is said, as in the classic registry's manual."""

_YES: Final = frozenset({"1", "true", "yes", "on"})


def classic_stores(variables: Mapping[str, str]) -> Iterator[Said]:
    """Yield what is said of each store. Each goes as a whole: it fits no other's settings."""
    if url := variables.get("MONGODB_URL"):
        yield {"database": (_mongodb(url, variables.get("MONGODB_DB")), "MONGODB_URL")}
    if endpoint := variables.get("MINIO_ENDPOINT"):
        secure = variables.get("MINIO_SECURE", "").lower() in _YES
        scheme = "" if "://" in endpoint else "https://" if secure else "http://"
        bucket = variables.get("MINIO_BUCKET")
        named_by = "MINIO_BUCKET" if bucket else "MINIO_ENDPOINT"
        said = {
            "blobs": (f"s3://{bucket or _BUCKET}", named_by),
            "s3_endpoint": (scheme + endpoint, "MINIO_ENDPOINT"),
            "s3_access_key_id": (variables.get("MINIO_ACCESS_KEY", ""), "MINIO_ACCESS_KEY"),
            "s3_secret_access_key": (variables.get("MINIO_SECRET_KEY", ""), "MINIO_SECRET_KEY"),
        }
        yield {name: found for name, found in said.items() if found[0]}


def _mongodb(url: str, name: str | None) -> str:
    """Return the URL with the database's name in it, which MONGODB_DB holds apart.

    Whoever signs in does so where the URL alone says: naming another database must not move that.
    """
    address, _, query = url.partition("?")
    scheme, slashes, rest = address.partition("://")
    hosts, _, path = rest.partition("/")
    database = name or path or _DATABASE
    options = parse_qsl(query, keep_blank_values=True)
    if "@" in hosts and database != path and "authsource" not in (k.lower() for k, _ in options):
        options.append(("authSource", path or "admin"))
    asked = f"?{urlencode(options)}" if options else ""
    return f"{scheme}{slashes}{hosts}/{quote(database)}{asked}"
