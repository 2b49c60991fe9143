"""The frame around every request, as one ASGI layer: id, checks, limits, headers, counts, log.

    request ──> id ──> guard ──> stores open? ──> who is it? ──> route ──> answer + headers ──> log
                         │                             │           └─ raised by accident ──> 500
                         │                             └─ refused ──> 401, 403, 429, or /sign-in
                         └─ refused ──> 403, 414, 431

One layer and not six, since each costs every request a call and a closure on the way in and out.
"""

from __future__ import annotations

import asyncio
import logging
import re
from secrets import token_hex
from time import perf_counter
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muniment.errors import LimitExceeded, MunimentError, PermissionDenied, Unauthenticated
from muniment.server.authentication import Authentication
from muniment.server.exchange import ZERO_COPY
from muniment.server.metrics import UNROUTED, Metrics
from muniment.server.problems import error_response, internal_error
from muniment.server.proxies import Proxies
from muniment.server.security import SAFE_METHODS, Guard, TooLong, is_local_name
from muniment.server.settings import Settings

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_CLOSED_BY_CLIENT: Final = 499  # nginx's number for it; nobody receives it
_DRAINED: Final = 1024 * 1024  # a body with less left than this is read to its end

EARLY: Final = "/health"
"""What is answered while the stores are being opened."""

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_TLS_FROM_NOW_ON: Final = (b"strict-transport-security", b"max-age=31536000")

_log = logging.getLogger("muniment.server")
_access = logging.getLogger("muniment.access")


class Frame:
    """The layer. `scope["state"]["request_id"]` is the request's id from here on inwards."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self._guard = Guard(settings)
        self._proxies = Proxies(settings)
        self._authentication = Authentication(settings)
        self._metrics = metrics
        self._json_limit = settings.max_json_bytes
        self._upload_limit = settings.max_upload_bytes
        self._logs_access = settings.access_log
        self._opened = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})  # nothing here speaks that
            return
        began = perf_counter()
        self._proxies.apply(scope)
        headers = dict(scope["headers"])
        exchange = _Exchange(
            scope, receive, send, headers, json=self._json_limit, upload=self._upload_limit
        )
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        self._metrics.in_flight += 1
        try:
            try:
                self._guard.check(scope, headers)
            except MunimentError as refusal:
                await exchange.refuse(refusal)
            else:
                await self._answer(scope, exchange, headers)
        finally:
            self._metrics.in_flight -= 1
            self._account(scope, exchange, perf_counter() - began)

    async def _answer(self, scope: Scope, exchange: _Exchange, headers: dict[bytes, bytes]) -> None:
        try:
            if not self._opened and scope["path"] != EARLY:
                await asyncio.shield(scope["app"].state.opening)
                self._opened = True
            await self._authentication.admit(scope, headers)
            await self.app(scope, exchange.receive, exchange.send)
        except MunimentError as error:  # routes' own are caught inside
            await exchange.refuse(error, instead=_page_instead(error, scope, headers))
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception:
            _log.exception(
                "%s %s failed (request %s)", scope["method"], _route(scope), exchange.request_id
            )
            if exchange.status is None:
                await exchange.refuse(internal_error())
            # Else the answer is under way: returning without its end makes the server cut the
            # connection, so that the caller can't take half of it for the whole.

    def _account(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        if scope["method"] not in SAFE_METHODS:
            scope["app"].state.changed.set()  # a hint: something may have changed
        status = exchange.status or _CLOSED_BY_CLIENT
        route = _route(scope)
        self._metrics.count(
            scope["method"], route, status, seconds, exchange.received, exchange.sent
        )
        if self._logs_access:
            client = scope.get("client")
            _access.info(
                "%s %s %d",
                scope["method"],
                scope["path"],  # without the query, which may hold what is nobody's business
                status,
                extra={
                    "fields": {
                        "route": route,
                        "milliseconds": round(seconds * 1_000, 3),
                        "received": exchange.received,
                        "sent": exchange.sent,
                        "client": client[0] if client else None,
                        "user": getattr(scope["state"].get("signed_in"), "name", None),
                        "request_id": exchange.request_id,
                    }
                },
            )


class _Exchange:
    """One request and its answer on their way through: what came, what went, and the limits."""

    __slots__ = (
        "_host",
        "_json_limit",
        "_limit",
        "_more",
        "_receive",
        "_scope",
        "_send",
        "_upload_limit",
        "announced",
        "received",
        "request_id",
        "sent",
        "status",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[bytes, bytes],
        *,
        json: int,
        upload: int,
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._json_limit, self._upload_limit = json, upload
        self._limit: int | None = None  # known when the route is, at the first piece of the body
        self._host = headers.get(b"host", b"")
        length = headers.get(b"content-length")
        self.announced = int(length) if length is not None and length.isdigit() else None
        self._more = bool(self.announced) or b"transfer-encoding" in headers
        given = headers.get(b"x-request-id", b"")
        self.request_id = given.decode("ascii") if _REQUEST_ID.fullmatch(given) else token_hex(16)
        self.status: int | None = None
        self.received = 0
        self.sent = 0

    async def receive(self) -> Message:
        """Hand a piece of the body on, within the limit of the route that it goes to."""
        if self._limit is None:
            self._limit = self._limit_of_route()
            if self.announced is not None and self.announced > self._limit:
                raise self._too_large(self._limit)
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            self._more = message.get("more_body", False)
            if self.received > self._limit:
                raise self._too_large(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """Hand a piece of the answer on; its head gets the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [item for item in SECURITY_HEADERS if item[0] not in present]
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._scope["scheme"] == "https" and not is_local_name(self._host):
                headers.append(_TLS_FROM_NOW_ON)
            if self._more and self._much_is_left():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        elif message["type"] == ZERO_COPY:
            self.sent += message["count"]
        await self._send(message)

    async def refuse(self, error: MunimentError, *, instead: str | None = None) -> None:
        """Answer with an error from here, outside of the framework; or lead to a page instead."""
        status = error.http_status if isinstance(error, TooLong) else None
        response = error_response(self._scope, error, request_id=self.request_id, status=status)
        if instead is not None:
            response = RedirectResponse(instead, 303, {"cache-control": "no-store"})
        await response(self._scope, self.receive, self.send)

    def _limit_of_route(self) -> int:
        """Return the JSON limit if the framework parses the body, else that of raw bytes."""
        route = self._scope.get("route")
        takes_json = route is None or getattr(route, "body_field", None) is not None
        return self._json_limit if takes_json else self._upload_limit

    def _much_is_left(self) -> bool:
        return self.announced is None or self.announced - self.received > _DRAINED

    def _too_large(self, limit: int) -> LimitExceeded:
        what = f"{self.announced} bytes" if self.announced else "more bytes"
        return LimitExceeded(
            f"The body has {what}; at most {limit} are allowed here.",
            hint="Bytes of files go to /api/v1/blobs or /api/v1/uploads."
            if limit == self._json_limit
            else "Send it in pieces, by an upload session.",
            details={"limit": limit},
        )


def _page_instead(error: MunimentError, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
    """Return the page that a browser's user needs next, if a browser asked for a page."""
    if b"text/html" not in headers.get(b"accept", b"") or b"authorization" in headers:
        return None
    if isinstance(error, PermissionDenied) and error.details.get("must_change"):
        return "/password"
    if not isinstance(error, Unauthenticated):
        return None
    wanted = quote(scope["path"])
    if scope["query_string"]:
        wanted += "?" + scope["query_string"].decode("latin-1")
    if scope["method"] not in SAFE_METHODS:
        wanted = "/"
    return "/sign-in" + (f"?{urlencode({'next': wanted})}" if wanted != "/" else "")


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path_format", UNROUTED))
