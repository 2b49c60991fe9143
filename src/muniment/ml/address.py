"""Addresses that make MLflow ask this plugin.

muniment+http://host:8000                       a registry: what `set_registry_uri` is given
muniment+http://host:8000/models/fraud/3        the files of version 3
muniment+http://host:8000/models/fraud/3/data   … below a folder
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from muniment.client.credentials import without_secrets
from muniment.errors import InvalidInput

PREFIX: Final = "muniment+"
SCHEMES: Final = ("muniment+http", "muniment+https")
_PORTS: Final = {"http": 80, "https": 443}
_FILES = re.compile(
    r"(?P<server>.+?)/models/(?P<name>[^/]+)/(?P<version>[0-9]{1,18})(/(?P<path>.*))?"
)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a version, at or below `path` ("" for all of them)."""

    server: str
    model: str
    version: int
    path: str = ""

    @property
    def uri(self) -> str:
        """What stands for them in MLflow."""
        path = f"/{quote(self.path)}" if self.path else ""
        return f"{PREFIX}{self.server}/models/{quote(self.model, safe='')}/{self.version}{path}"


def is_registry(uri: str) -> bool:
    """Say whether an address is one of this plugin's."""
    return urlsplit(uri).scheme in SCHEMES


def server_of(uri: str) -> str:
    """Return `http://host:8000` for `muniment+http://host:8000`.

    Raises:
        InvalidInput: it is no such address, or holds a user, a query or a fragment.
    """
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise InvalidInput(
            f"{without_secrets(uri)!r:.200} is not the address of a Muniment registry.",
            hint="Write it like muniment+http://127.0.0.1:8000.",
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInput(
            "The address of a registry holds no user, query or fragment.",
            hint="Set MUNIMENT_TOKEN, or MUNIMENT_USERNAME and MUNIMENT_PASSWORD.",
        )
    return uri.removeprefix(PREFIX).rstrip("/")


def files_of(uri: str, path: str = "") -> Files:
    """Return what `path`, as MLflow writes it, means below `uri`.

    MLflow cuts the last part off some addresses, so the version's number may stand in `path`.

    Raises:
        InvalidInput: no version is named.
    """
    whole = f"{uri.rstrip('/')}/{quote(path.strip('/'))}".rstrip("/")
    found = _FILES.fullmatch(server_of(whole))
    if found is None:
        raise InvalidInput(
            f"{whole!r:.200} names no version.",
            hint="Write it like muniment+http://127.0.0.1:8000/models/fraud/3.",
        )
    return Files(
        server=found["server"],
        model=unquote(found["name"]),
        version=int(found["version"]),
        path=unquote(found["path"] or ""),
    )


def same_server(a: str, b: str) -> bool:
    """Say whether two http(s) addresses lead to one server, as far as they tell."""
    return (mine := _origin(a)) is not None and mine == _origin(b)


def _origin(url: str) -> tuple[str, str, int, str] | None:
    try:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            return None
        port = parts.port or _PORTS[parts.scheme]
        return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
    except ValueError:
        return None
