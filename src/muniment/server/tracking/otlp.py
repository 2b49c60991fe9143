"""Spans, as OpenTelemetry's exporters and MLflow's client send them: POST /v1/traces.

    socket ──> body, unpacked within the limit ──> thread: MLflow's endpoint, on a loop of its own

MLflow's endpoint parses and stores on the event loop that it is called on: not on ours.
"""

from __future__ import annotations

import asyncio
import zlib
from functools import partial
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Scope

from muniment.errors import InvalidInput, LimitExceeded, MunimentError
from muniment.server.mlflow.wire import refusal
from muniment.server.settings import Settings
from muniment.server.streaming import read_whole
from muniment.server.tracking.calls import mount_here, permitted
from muniment.server.tracking.mount import Mount
from muniment.server.tracking.surface import WRITE

PATH: Final = "/v1/traces"
_PASSED_ON: Final = frozenset(
    {b"content-type", b"user-agent", b"x-mlflow-experiment-id", b"x-mlflow-run-id"}
)
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS  # which of them, the first bytes say


async def _take(request: Request) -> Response:
    try:
        await permitted(request, WRITE)
        mount = mount_here(request)
        limit = cast(Settings, request.app.state.settings).max_json_bytes
        body = await read_whole(request, limit=limit)
        encoding = request.headers.get("content-encoding", "identity")
        return await mount.wait_for(partial(_store, mount, request.scope, body, encoding, limit))
    except MunimentError as error:
        return refusal(error)


def _store(mount: Mount, scope: Scope, body: bytes, encoding: str, limit: int) -> Response:
    return asyncio.run(_answer(mount.official().otlp, scope, unpacked(body, encoding, limit)))


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body without its Content-Encoding.

    Raises:
        InvalidInput: another encoding than gzip and deflate, or the body is not in it.
        LimitExceeded: it has more than `limit` bytes.
    """
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "deflate"):
        raise InvalidInput(
            f"The Content-Encoding {encoding!r:.50} is not known here.", hint="Use gzip, or none."
        )
    unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidInput(f"The body is not {encoding}: {error}.") from None
    if len(content) > limit:
        raise LimitExceeded(
            f"The unpacked body has more than {limit} bytes.", details={"limit": limit}
        )
    if not unpacking.eof:
        raise InvalidInput(f"The body ends before its {encoding} does.")
    return content


async def _answer(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    given = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
    inner: Scope = {
        "type": "http",
        "asgi": scope["asgi"],
        "http_version": "1.1",
        "method": "POST",
        "scheme": scope["scheme"],
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": given,
        "server": scope.get("server"),
        "client": scope.get("client"),
    }
    await app(inner, receive, send)
    head, *pieces = sent
    content = b"".join(piece.get("body", b"") for piece in pieces)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head["headers"]}
    return Response(content, head["status"], headers)


routes: list[BaseRoute] = [Route(PATH, _take, methods=["POST"])]
