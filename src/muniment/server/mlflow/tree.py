"""The tree that the artifact proxy shows: what was logged, and beside it every sealed version.

0/7c1…/artifacts/model/…               files, put and removed by clients
_muniment/versions/<uuid>/…            the files of a version: read-only, also after a rename
"""

from __future__ import annotations

import re
from typing import Final

from muniment.domain.entities import ModelVersion
from muniment.errors import InvalidInput
from muniment.server.mlflow.source_uris import PROXIED, decoded

RESERVED: Final = "_muniment"
ARTIFACTS: Final = "api/2.0/mlflow-artifacts/artifacts"
_ADDRESS: Final = re.compile(r"file:|[\w+.-]+://")
_VERSIONS: Final = f"{RESERVED}/versions"


def address_of_version(version: ModelVersion, *, proxied: bool) -> str:
    """Return where the files of a sealed version are: as `mlflow-artifacts:/…`, or as a path."""
    path = f"{_VERSIONS}/{version.uuid}"
    return f"{PROXIED}:/{path}" if proxied else f"{ARTIFACTS}/{path}"


def clean_path(text: str) -> str:
    """Return a path of the tree as clients mean it: decoded, without empty segments and `.`.

    Clients encode a path once or twice, or not at all; so a path holds no `%41`.

    Raises:
        InvalidInput: it is absolute, leads out of the tree, or is an address.
    """
    plain = decoded(text)
    if plain.startswith("/") or _ADDRESS.match(plain) or "#" in plain or ".." in plain.split("/"):
        raise InvalidInput(
            f"{text!r:.300} can't be a path of artifacts.",
            hint="Use a relative path, without '..' and '#'.",
            details={"field": "path"},
        )
    return "/".join(part for part in plain.split("/") if part not in ("", "."))


def is_reserved(path: str) -> bool:
    """Say whether a path is one of this server's own, which no client may write to."""
    return path.split("/", 1)[0] == RESERVED


def path_in_version(path: str) -> tuple[str, str] | None:
    """Return a version's uuid and the path among its files; None if it is no path of a version."""
    uuid, _, rest = path.removeprefix(f"{_VERSIONS}/").partition("/")
    return (uuid, rest) if path.startswith(f"{_VERSIONS}/") else None
