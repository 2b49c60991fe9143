"""Pages about the API, made on the server: /docs, /openapi.json, and / for whoever comes by.

The pages need no script and nothing from elsewhere; their one style sheet stands inside them, and
the content security policy names it by its hash and forbids all else. They are rendered once.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from muniment import errors
from muniment._version import __version__
from muniment.server import problems
from muniment.server.context import wait_for
from muniment.server.outline import outline

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES: Final = Path(__file__).parent / "templates"
_ORIGIN: Final = "http://127.0.0.1:8000"

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def landing(request: Request) -> Response:
    """Say what this is, and how to begin."""
    return await _page(request, "landing", dict)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Describe every operation."""
    return await _page(request, "reference", partial(_described, request.app))


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI 3.1 document."""
    app: FastAPI = request.app
    document = await wait_for(request, app.openapi)
    return Response(orjson.dumps(document), media_type="application/json")


def _described(app: FastAPI) -> dict[str, object]:
    document = app.openapi()
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


async def _page(request: Request, name: str, describe: Callable[[], dict[str, object]]) -> Response:
    pages: dict[str, bytes] = request.app.state.pages
    if name not in pages:
        pages[name] = await wait_for(request, lambda: _rendered(name, describe()))
    # The host was checked by the guard: a name of ours and a port.
    origin = f"{request.url.scheme}://{request.url.netloc}".encode()
    return Response(
        pages[name].replace(_ORIGIN.encode(), origin),
        media_type="text/html",
        headers={"content-security-policy": _policy(), "cache-control": "no-cache"},
    )


def _rendered(name: str, described: dict[str, object]) -> bytes:
    page = _template(name).render(
        described, style=_style(), version=__version__, origin=_ORIGIN, page=name
    )
    return page.encode()


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def prose(text: str) -> Markup:
        """Mark up the little Markdown that docstrings use: paragraphs and `code`."""
        parts = []
        for paragraph in text.strip().split("\n\n"):
            pieces = [str(escape(piece)) for piece in paragraph.split("`")]
            marked = [
                f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces)
            ]
            parts.append(f"<p>{''.join(marked)}</p>")
        return Markup("".join(parts))  # noqa: S704  # every piece is escaped above

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return environment.get_template(f"{name}.html")


@cache
def _style() -> str:
    return (TEMPLATES / "style.css").read_text("utf-8").strip()


@cache
def _policy() -> str:
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
