"""How the text of a setting is read.

Each function takes what somebody wrote and returns the value; what is no text, it leaves to
pydantic. It raises ValueError with the rule, as the end of "it must be …".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from muniment.errors import ConfigurationError
from muniment.storage import places

SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_SIZE = re.compile(r"(\d+)\s*(?:([KMGT])iB)?")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_HEADER = re.compile(r"[A-Za-z0-9-]+")


def duration(value: object) -> object:
    """Read `3600`, `90s`, `30m`, `12h`, `7d` or `2w`."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("a number of seconds, or a duration such as 90s, 30m, 12h, 7d or 2w")
    return timedelta(seconds=float(match[1]) * SECONDS[match[2]])


def retention(value: object) -> object:
    """Read a duration of a day at least, or none."""
    found = duration(value)
    if isinstance(found, timedelta) and timedelta(0) != found < timedelta(days=1):
        raise ValueError("1d or more, or 0")
    return found


def size(value: object) -> object:
    """Read `33554432` or `32MiB`."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("a number of bytes, or a size such as 64KiB, 32MiB or 5GiB")
    return int(match[1]) * 1024 ** " KMGT".index(match[2] or " ")


def host_names(value: object) -> object:
    """Read names as a Host header carries them, but without a port; text is split at commas."""
    names = listed(value)
    if not isinstance(names, list | tuple):
        return value
    for name in names:
        if not _HOST.fullmatch(str(name)):
            raise ValueError("names or addresses without scheme and port, separated by commas")
    return tuple(str(name).lower() for name in names)


def listed(value: object) -> object:
    """Read what is separated by commas."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def schemes(value: object) -> object:
    """Read `https` or `http,https`."""
    found = listed(value)
    if not isinstance(found, list | tuple) or not found or {*found} - {"http", "https"}:
        raise ValueError("https, http or both, with a comma")
    return tuple(found)


def networks(value: object) -> object:
    """Read addresses and networks, such as `10.0.0.0/8`; text is split at commas."""
    networks = listed(value)
    if not isinstance(networks, list | tuple):
        return value
    try:
        return tuple(str(ip_network(str(network), strict=False)) for network in networks)
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8, with commas") from None


def database(value: object) -> object:
    """Read the URL of a database."""
    return _url(value, places.database_url)


def tracking_database(value: object) -> object:
    """Read the URL of a database that MLflow can use, too."""
    found = _url(value, places.database_url)
    if isinstance(found, str) and found.startswith("mongodb"):
        raise ValueError("a postgresql:// or sqlite:/// URL: MLflow has no other way to keep runs")
    return found


def blobs(value: object) -> object:
    """Read the URL of an object store, or a folder."""
    return _url(value, places.blobs_url)


def _url(value: object, read: Callable[[str], str]) -> object:
    if not isinstance(value, str):
        return value
    try:
        return read(value)
    except ConfigurationError as error:
        raise ValueError(str(error.details["rule"])) from None


def endpoint(value: object) -> object:
    """Read the address of a server: scheme, host and port."""
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("an address such as http://minio:9000, without credentials")
        return value.rstrip("/")
    return value


def header_name(value: object) -> object:
    """Read the name of a header."""
    if isinstance(value, str) and not _HEADER.fullmatch(value):
        raise ValueError("the name of a header: letters, digits and hyphens")
    return value


def issuer(value: object) -> object:
    """Read the address of an issuer: `https`, or `http` on loopback."""
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and is_loopback(parts.hostname or "")
        ):
            raise ValueError("an https:// URL")
    return value


def ingest_places(value: object) -> object:
    """Read addresses of folders and servers; text is split at commas."""
    places = listed(value)
    if not isinstance(places, list | tuple):
        return value
    for place in places:
        parts = urlsplit(str(place))
        folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        server = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if not (folder or server) or parts.query or parts.fragment:
            raise ValueError("addresses such as file:///srv/mlruns or http://tracking:5000")
    return tuple(str(place) for place in places)


def is_loopback(host: str) -> bool:
    """Say whether a server on `host` (an address or `localhost`) is reached from here alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
