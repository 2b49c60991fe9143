"""One request to a WSGI application (PEP 3333), in the thread that calls this.

The body is held as a whole: it has been read, within the limit for JSON, before a thread is taken.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.types import Scope

WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_KEPT_BACK: Final = frozenset({"authorization", "cookie", "proxy", "content-length"})
"""Who asks is known: no secret of theirs goes further. (`Proxy` would become HTTP_PROXY.)"""
_UNWANTED: Final = frozenset({"set-cookie", "connection", "server", "date"})


@dataclass(frozen=True, slots=True)
class WsgiAnswer:
    """What an application answers; `pieces` are read, and closed, by whoever sends them."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Iterator[bytes]


def call(app: WsgiApp, scope: Scope, body: bytes) -> WsgiAnswer:
    """Let an application answer a request of ASGI's `scope`."""
    head: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        head[:] = [(status, headers)]
        return _no_write

    result = app(_environ(scope, body), start_response)
    pieces = _pieces(result)
    try:
        first = next(pieces, b"")  # only then, PEP 3333 says, the head must be known
    except BaseException:
        _close(result)
        raise
    status, headers = head[0]
    kept = [(name, value) for name, value in headers if name.lower() not in _UNWANTED]
    return WsgiAnswer(int(status[:3]), kept, _after(first, pieces))


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    host, port = scope.get("server") or ("127.0.0.1", 80)
    client = scope.get("client")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": client[0] if client else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in _KEPT_BACK or "_" in name:  # `X_Y` and `X-Y` would be one
            continue
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _pieces(result: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from filter(None, result)
    finally:
        _close(result)


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _close(result: object) -> None:
    if (close := getattr(result, "close", None)) is not None:
        close()


def _no_write(data: bytes) -> None:
    raise NotImplementedError("write() of PEP 3333 is for applications older than this server")
