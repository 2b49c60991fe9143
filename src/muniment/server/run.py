"""Serving: a socket, and one process or several that answer on it.

serve ──> loopback? ──> bind ──┬─ 1 worker:  this process serves
                               └─ N workers: N forks serve, this one watches (workers.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from muniment._version import __version__
from muniment.errors import ConfigurationError
from muniment.server import log, workers
from muniment.server.app import create_app
from muniment.server.context import Context
from muniment.server.settings import Settings

_BACKLOG: Final = 2_048
_KEEP_ALIVE: Final = 75  # seconds; longer than clients and proxies usually keep theirs
_GRACE: Final = 30  # seconds that requests under way get at the end
_MAX_HEAD: Final = 1024 * 1024

_WHY_NOT: Final = {
    errno.EADDRINUSE: (
        "something else uses that port",
        "Choose another port (MUNIMENT_PORT, --port), or 0 for any that is free.",
    ),
    errno.EACCES: ("this user may not use that port", "Choose a port from 1024 on."),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "Use 127.0.0.1."),
}


def serve(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code, 0 after an orderly end.

    Prints one line to stdout as soon as requests are answered:
    `Muniment 0.1.0 serves ./.muniment at http://127.0.0.1:8000  (Ctrl-C ends it)`.

    Raises:
        ConfigurationError: the address is not loopback's or not to be had, or the folder can't
            be used or was written by a newer Muniment.
        Corrupt: the folder's database is damaged.
    """
    log.configure(settings)
    listener = bind(settings)
    with contextlib.closing(listener):
        announce = _Announcement(settings, listener)
        if settings.workers == 1:
            serve_on(listener, settings, announce)
            return 0
        return workers.run(
            settings.workers, lambda ready: serve_on(listener, settings, ready), announce
        )


def serve_on(
    listener: socket.socket, settings: Settings, started: Callable[[_Server], None]
) -> None:
    """Serve in this process; call `started` with the server when the stores are open."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config, app, started)
    server.run(sockets=[listener])
    if server.failure is not None:
        raise server.failure


def bind(settings: Settings) -> socket.socket:
    """Return a socket on the address that `settings` name; it does not listen yet.

    Raises:
        ConfigurationError: the address is not loopback's, or can't be had.
    """
    host = loopback(settings.host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it. Without, small answers wait 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, settings.port))
    except OSError as error:
        listener.close()
        why, hint = _WHY_NOT.get(error.errno or 0, (str(error), ""))
        raise ConfigurationError(
            f"Can't serve on {settings.host} port {settings.port}: {why}.",
            hint=hint,
            details={"host": settings.host, "port": settings.port},
        ) from error
    return listener


def loopback(host: str) -> str:
    """Return the loopback address that `host` names.

    Raises:
        ConfigurationError: it names another address.
    """
    name = "127.0.0.1" if host.lower() == "localhost" else host.strip("[]")
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(name).is_loopback:
            return name
    raise ConfigurationError(
        f"The host is {host!r:.200}, but this version has no sign-in yet: it serves loopback only.",
        hint="Use 127.0.0.1, and let others in by what has a login: "
        "`ssh -L 8000:127.0.0.1:8000 …`, or a reverse proxy "
        "(its name goes into MUNIMENT_ALLOWED_HOSTS).",
        details={"setting": "host"},
    )


class _Announcement:
    """Says on stdout, once, that the server answers, and where."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._home = _shown(settings.home)

    def __call__(self, server: object = None) -> None:
        line = f"Muniment {__version__} serves {self._home} at {self._url}  (Ctrl-C ends it)"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _shown(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else os.path.join(".", folder)  # noqa: PTH118


class _Server(uvicorn.Server):
    """uvicorn's server, that says when the stores are open, and that a signal ends in order."""

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, started: Callable[[_Server], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._tell = started
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; then wait behind the back of the first requests for the stores to open."""
        await super().startup(sockets)
        if self.started:
            self._app.state.opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Task[Context]) -> None:
        self.failure = opening.exception()
        if self.failure is None:
            gc.freeze()  # what is here now stays: a full collection takes 100 ms less without it
            self._tell(self)
        else:
            self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that mean "end", and don't raise them again when it is done."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, end) for number in workers.ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that gives up on a head without an end.

    The parser collects URL and headers until they are complete; only then can the application
    refuse them. This keeps a sender who never completes them from filling the memory.
    """

    _head = 0  # bytes of the head so far; exact to one read of the socket
    _in_head = False

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse, and give up if the head goes on and on."""
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > _MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")
