"""Style sheet and scripts: served under a name that holds their digest, and kept for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from muniment.errors import NotFound
from muniment.server.problems import error_response

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/assets/"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def asset(name: str) -> str:
    """Return the path of an asset, such as /assets/1f8a0c2e/style.css."""
    return f"{PREFIX}{_digest(name)}/{name}"


async def serve(request: Request) -> Response:
    """Return an asset; one of another Muniment than this, mid-upgrade, is not kept."""
    name, digest = request.path_params["name"], request.path_params["digest"]
    if name not in _names():
        missing = NotFound(f"There is no asset {name!r:.100}.")
        return error_response(request.scope, missing, request_id=None)
    kept = _FOR_EVER if digest == _digest(name) else "no-cache"
    return Response(
        _content(name),
        media_type=_TYPES[Path(name).suffix],
        headers={"cache-control": kept, "x-content-type-options": "nosniff"},
    )


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in _TYPES)


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@cache
def _digest(name: str) -> str:
    return sha256(_content(name)).hexdigest()[:12]


routes: Final = [Route(f"{PREFIX}{{digest}}/{{name}}", serve, methods=["GET", "HEAD"])]
