"""Pages about the API, made on the server: /docs and /openapi.json.

They are rendered once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from muniment import errors
from muniment.server import problems
from muniment.server.authentication import PROBES, PUBLIC
from muniment.server.context import wait_for
from muniment.server.outline import outline
from muniment.server.pages import page_response, rendered

SECURITY_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Name and password of a person; or any name, and a token as password.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token (`mun_…`), or a JWT of the issuer that the server trusts.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "muniment",
        "description": "What a browser keeps of a sign-in; `__Host-muniment` under TLS.",
    },
}
"""How one signs in; no way at all in a registry without users."""

_ORIGIN: Final = "http://127.0.0.1:8000"

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Describe every operation."""
    return await _page(request, "reference", partial(_described, request.app))


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI 3.1 document."""
    app: FastAPI = request.app
    document = await wait_for(request, partial(_document, app))
    return Response(orjson.dumps(document), media_type="application/json")


def _described(app: FastAPI) -> dict[str, object]:
    document = _document(app)
    tree = [
        (cls.status, cls.code, (cls.__doc__ or "").strip().splitlines()[0])
        for cls in (getattr(errors, name) for name in errors.__all__)
        if isinstance(cls, type) and issubclass(cls, errors.MunimentError)
    ]
    missing = errors.NotFound("There is no model 'frad'.", hint="`muniment ls` lists the models.")
    problem = problems.document(missing, request_id="0f6c1d2e", status=missing.status)
    return {
        "api": outline(document),
        "errors": sorted(tree),
        "problem": json.dumps(problem, indent=2),
    }


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, which also says how one signs in."""
    document = app.openapi()
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    document["security"] = [*({name: []} for name in SECURITY_SCHEMES), {}]
    for path in document["paths"].keys() & (PROBES | PUBLIC):
        for operation in document["paths"][path].values():
            operation["security"] = []
    return document


async def _page(request: Request, name: str, describe: Callable[[], dict[str, object]]) -> Response:
    pages: dict[str, bytes] = request.app.state.pages
    if name not in pages:
        pages[name] = await wait_for(request, lambda: rendered(name, origin=_ORIGIN, **describe()))
    # The host was checked by the guard: a name of ours and a port.
    origin = f"{request.url.scheme}://{request.url.netloc}".encode()
    return page_response(pages[name].replace(_ORIGIN.encode(), origin))
