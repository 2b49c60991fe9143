"""The session cookie of browsers.

No script can read it, and no page of another site makes a browser send it. Under TLS its name says
that nobody but this host, by TLS, can have set it.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from muniment.services.access.access import SESSION_LIFETIME

SESSION: Final = "muniment"


def cookie(request: Request, name: str) -> str | None:
    """Return the value of a cookie of ours."""
    return request.cookies.get(_full_name(request, name)) or None


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, seconds: int, lax: bool = False
) -> None:
    """Let a browser keep a cookie; a `lax` one also comes back with links from other sites."""
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax" if lax else "strict",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Let a browser forget a cookie."""
    set_cookie(request, response, name, "", seconds=0)


def set_session(request: Request, response: Response, secret: str) -> None:
    """Let a browser keep its session."""
    seconds = int(SESSION_LIFETIME.total_seconds())
    set_cookie(request, response, SESSION, secret, seconds=seconds)


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
