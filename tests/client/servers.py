"""Servers for the client's tests: the real one, a wire that breaks, and one that means ill."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVE = """
import sys
from pathlib import Path
from muniment.server.run import serve
from muniment.server.settings import Settings
sys.exit(serve(Settings(home=Path(sys.argv[1]), port=int(sys.argv[2]))))
"""


@dataclass
class Server:
    """A server in a process of its own, over the registry in `home`."""

    home: Path
    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def end(self, *, kill: bool = False) -> None:
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def staged(home: Path) -> list[Path]:
    """Return what lies about of unfinished uploads."""
    return list((home / "blobs" / "staging").iterdir())


def left_staged(home: Path) -> list[Path]:
    """Return what still lies about ten seconds later: a broken upload is cleared after its end."""
    deadline = time.monotonic() + 10
    while (left := staged(home)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def start(home: Path, port: int = 0) -> Server:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://[\w.:]+", line):
            return Server(home, found.group(), process)
    raise AssertionError(f"the server ended with {process.wait()}")


@dataclass
class Wire:
    """A TCP proxy that counts bytes, and cuts the connection that exceeds an allowance.

    `cut_up` and `cut_down` are allowances for single connections, used up one after another.
    A connection that sends more than `hold_up` bytes is held until `release` is set, then cut.
    """

    target: int
    cut_up: list[int] = field(default_factory=list)
    cut_down: list[int] = field(default_factory=list)
    hold_up: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    up: int = 0
    down: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def listening(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.05)
            thread = threading.Thread(target=self._accept, args=(listener,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                self._ended.set()
                self.release.set()
                thread.join()

    def _accept(self, listener: socket.socket) -> None:
        threads = []
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client, _ = listener.accept()
                threads.append(threading.Thread(target=self._connection, args=(client,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _connection(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            with suppress(OSError):
                self._pump(client, server)
            for end in (client, server):
                with suppress(OSError):  # closed with a reset, as from a machine that has gone
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        came = {client: 0, server: 0}
        for end in other:
            end.settimeout(5)
        while not self._ended.is_set():
            for source in select.select(list(other), [], [], 0.05)[0]:
                data = source.recv(65_536)
                if not data:
                    return
                other[source].sendall(data)
                came[source] += len(data)
                if self._is_over(came[source], len(data), up=source is client):
                    return

    def _is_over(self, came: int, count: int, *, up: bool) -> bool:
        if up:
            self.up += count
        else:
            self.down += count
        allowances = self.cut_up if up else self.cut_down
        if allowances and came > allowances[0]:
            allowances.pop(0)
            return True
        if up and self.hold_up is not None and came > self.hold_up:
            self.held.set()
            self.release.wait()
            return True
        return False


@dataclass(frozen=True)
class Answer:
    """What a scripted server says; `close` ends the connection without a word."""

    status: int = 200
    body: bytes | Iterator[bytes] = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False

    @classmethod
    def of(cls, document: object, status: int = 200) -> Answer:
        return cls(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    @classmethod
    def problem(cls, status: int, code: str, **headers: str) -> Answer:
        body = json.dumps({"status": status, "code": code, "detail": "No.", "request_id": "r1"})
        return cls(status, body.encode(), {"Content-Type": "application/problem+json", **headers})


@dataclass(frozen=True)
class Request:
    """What a scripted server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Request], Answer]


@contextmanager
def scripted(script: Script) -> Iterator[tuple[str, list[Request]]]:
    """Serve what `script` says: for failures, and for malice, that a real server can't show."""
    seen: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            seen.append(request)
            answer = script(request)
            if answer.close:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            if isinstance(answer.body, bytes):
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)
            else:
                self.send_header("Connection", "close")
                self.end_headers()
                with suppress(OSError):
                    for piece in answer.body:
                        self.wfile.write(piece)
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        thread.join()
