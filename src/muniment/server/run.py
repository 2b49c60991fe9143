"""Serving: a socket, and one process or several that answer on it.

serve ──> may it be reached? ──> bind ──┬─ 1 worker:  this process serves
                                        └─ N workers: N forks serve, this one watches (workers.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import gc
import ipaddress
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from muniment._version import __version__
from muniment.errors import ConfigurationError
from muniment.server import log, workers
from muniment.server.app import create_app, usable
from muniment.server.context import Context
from muniment.server.protocol import BoundedProtocol
from muniment.server.setting_values import is_loopback
from muniment.server.settings import Settings
from muniment.storage.factory import open_database

_BACKLOG: Final = 2_048
_KEEP_ALIVE: Final = 75  # seconds; longer than clients and proxies usually keep theirs
_GRACE: Final = 20  # seconds that requests under way get at the end; then uploads are handed over
_log = logging.getLogger("muniment.server")

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
        ConfigurationError: others can reach the address and there are no users, or it is not to
            be had; a certificate or the folder can't be used; or a newer Muniment wrote it.
        Corrupt: the folder's database is damaged.
    """
    log.configure(settings)
    check_certificate(settings)
    listener = bind(settings)
    warn_of_plain_text(settings)
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
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
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
        ConfigurationError: the host is no address, or can't be had; or others can reach it, and
            the registry has no users.
    """
    host = address(settings.host)
    check_exposure(settings)
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


def address(host: str) -> str:
    """Return the address that `host` names: itself, or that of `localhost`.

    Raises:
        ConfigurationError: it names none.
    """
    name = "127.0.0.1" if host.lower() == "localhost" else host.strip("[]")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    raise ConfigurationError(
        f"The host is {host!r:.200}, which is no address.",
        hint="Use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them. "
        "Names by which clients call the server go into MUNIMENT_ALLOWED_HOSTS.",
        details={"setting": "host"},
    )


def check_exposure(settings: Settings) -> None:
    """Refuse an address that others can reach unless the registry has users, who sign in.

    Raises:
        ConfigurationError: it has none.
    """
    if is_loopback(settings.host):
        return
    with usable(settings):
        database = open_database(settings.place)  # no object store: its threads outlive no fork
    with contextlib.closing(database):
        if database.accounts.any_user():
            return
    raise ConfigurationError(
        f"The host is {settings.host!r:.200}, which others can reach, but the registry in "
        f"{settings.shown_place!r} has no users: anybody could do anything.",
        hint="Run `muniment init` with the same settings to make the first admin, or serve "
        "loopback alone (127.0.0.1).",
        details={"setting": "host"},
    )


def warn_of_plain_text(settings: Settings) -> None:
    """Say on stderr that others could read what is sent, if nothing seems to encrypt it."""
    if not (is_loopback(settings.host) or settings.tls_certificate or settings.trusted_proxies):
        _log.warning(
            "Passwords and tokens can be read on their way to http://%s: nothing encrypts them. "
            "Set MUNIMENT_TLS_CERTIFICATE; or put a reverse proxy before this server, and set "
            "MUNIMENT_TRUSTED_PROXIES.",
            settings.host,
        )


def check_certificate(settings: Settings) -> None:
    """Refuse files of a certificate and its key that can't be used.

    Raises:
        ConfigurationError: they are missing, no PEM, encrypted, or don't belong together.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None:
        if key is None:
            return
        raise ConfigurationError(
            "There is a key for TLS, but no certificate.",
            hint="Set MUNIMENT_TLS_CERTIFICATE, too.",
            details={"setting": "tls_certificate"},
        )

    def encrypted() -> str:
        raise ConfigurationError(
            f"The key of {str(certificate)!r} is encrypted.",
            hint="Give it without a passphrase, in a file that only the server can read.",
            details={"setting": "tls_key"},
        )

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, encrypted)
    except OSError as error:  # also what OpenSSL says of their content
        raise ConfigurationError(
            f"The certificate {str(certificate)!r} and its key can't be used: "
            f"{error.strerror or error}.",
            hint="Both are PEM; the certificate is followed by those that it depends on.",
            details={"setting": "tls_certificate"},
        ) from error


class _Announcement:
    """Says on stdout, once, that the server answers, and where."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        scheme = "https" if settings.tls_certificate else "http"
        self._url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self._place = settings.shown_place

    def __call__(self, server: object = None) -> None:
        line = f"Muniment {__version__} serves {self._place} at {self._url}  (Ctrl-C ends it)"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _trim() -> None:
    """Give back to the system what starting has used; glibc would keep it, some 5 MiB."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries have none, and need none
        trim(0)


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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would else go on for as long as somebody listens; then wait for the rest."""
        self._app.state.ending.set()
        await super().shutdown(sockets)

    def _opened(self, opening: asyncio.Task[Context]) -> None:
        self.failure = opening.exception()
        if self.failure is None:
            gc.freeze()  # what is here now stays: a full collection takes 100 ms less without it
            gc.enable()  # whoever started this may have put it off
            if sys.platform == "linux":
                _trim()
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
