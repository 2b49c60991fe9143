"""MLflow's pages, as the installed MLflow brings them, under /mlflow/.

    /mlflow/                       the one page; what it shows stands behind the # of its address
    /mlflow/static-files/…         its scripts, styles and pictures
    /mlflow/ajax-api/…, graphql    what it asks for: answered as without /mlflow

Nothing in them is ours, so they get a policy of their own: scripts and requests only from and to
this server, whatever they would like to report elsewhere. Styles may stand inside the page, since
its libraries write them as they go.
"""

from __future__ import annotations

import posixpath
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from muniment.server.tracking.calls import mount_here

PREFIX: Final = "/mlflow"
_STATIC: Final = f"{PREFIX}/static-files"
_SERVED: Final = ("static/", "favicon.ico", "manifest.json")
"""Of the files: not the worker that reports what people click, nor the page for notebooks."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LONG: Final = "private, max-age=2419200, immutable"  # their names hold their hashes


class _InFrontOf(Response):
    """Lets the routes answer a request as if it had come without the prefix."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        scope["path"] = scope["path"].removeprefix(PREFIX)
        scope["raw_path"] = raw.removeprefix(PREFIX.encode())
        await scope["app"].router(scope, receive, send)


async def _index(request: Request) -> Response:
    mount_here(request)
    headers = {
        "content-security-policy": _POLICY,
        "cache-control": "no-cache",
        "referrer-policy": "same-origin",
    }
    return FileResponse(_build() / "index.html", headers=headers)


async def _to_index(request: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/", 307)


async def _static(request: Request) -> Response:
    mount_here(request)
    path: str = request.path_params["path"]
    if not path.startswith(_SERVED) or posixpath.normpath(path) != path:
        raise HTTPException(404)
    response = await _files().get_response(path, request.scope)
    response.headers["cache-control"] = _LONG if path.startswith("static/") else "no-cache"
    return response


async def _without_prefix(request: Request) -> Response:
    return _InFrontOf()


@cache
def _build() -> Path:
    """Return the folder of the pages in MLflow's package, which is installed; imports nothing."""
    package = cast(ModuleSpec, find_spec("mlflow"))
    return Path(cast(str, package.origin)).parent / "server" / "js" / "build"


@cache
def _files() -> StaticFiles:
    return StaticFiles(directory=_build())


routes: list[BaseRoute] = [
    Route(PREFIX, _to_index),
    Route(f"{PREFIX}/", _index),
    Route(f"{_STATIC}/{{path:path}}", _static),
    Route(
        f"{PREFIX}/ajax-api/{{path:path}}",
        _without_prefix,
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    ),
    Route(f"{PREFIX}/graphql", _without_prefix, methods=["POST"]),
    Route(f"{PREFIX}/get-artifact", _without_prefix),
    Route(f"{PREFIX}/model-versions/get-artifact", _without_prefix),
]
