"""A network in front of an object store that does harm: between two sockets, nothing is faked.

Requests are passed on as they are (their signatures hold). `rules` say what happens to the next
answers, one after another; each is used once, unless it is `always`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

Rule: TypeAlias = Callable[["Exchange"], None]
"""Does something else with an exchange than to pass it on."""


@dataclass
class Exchange:
    """One request, and whom to answer."""

    method: str
    path: str
    request: bytes
    client: socket.socket
    fetch: Callable[[bytes], bytes]
    """Sends a request on; returns the whole answer, headers and all."""


@dataclass
class FaultyStore:
    """`matches` picks the requests that rules are for; by default those that carry bytes."""

    target: tuple[str, int]
    rules: list[Rule] = field(default_factory=list)
    always: Rule | None = None
    matches: Callable[[str, str], bool] = lambda method, path: True
    seen: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def listening(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ended = threading.Event()
            listener.settimeout(0.05)
            thread = threading.Thread(target=self._accept, args=(listener, ended), daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                ended.set()
                thread.join()

    def _accept(self, listener: socket.socket, ended: threading.Event) -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Serve one request; then the connection is closed, so that each has one of its own."""
        with client, suppress(OSError):
            client.settimeout(30)
            request = _message(client)
            if not request:
                return
            method, path, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
            with self._lock:
                self.seen.append(f"{method} {path}")
                rule = self.always
                if self.rules and self.matches(method, path):
                    rule = self.rules.pop(0)
            exchange = Exchange(method, path, request, client, self._fetch)
            if rule is None or not self.matches(method, path):
                client.sendall(exchange.fetch(exchange.request))
            else:
                rule(exchange)

    def _fetch(self, request: bytes) -> bytes:
        with socket.create_connection(self.target) as server:
            server.settimeout(30)
            server.sendall(_closing(request))
            return _until_end(server)


# -- what can happen -----------------------------------------------------------------------------


def hang_up(exchange: Exchange) -> None:
    """Say nothing."""


def hang_up_after_doing(exchange: Exchange) -> None:
    """Let it happen, and lose the answer."""
    exchange.fetch(exchange.request)


def status(code: int, name: str = "InternalError") -> Rule:
    """Refuse, as stores do."""

    def rule(exchange: Exchange) -> None:
        said = f"<Error><Code>{name}</Code><AWSAccessKeyId>muniment</AWSAccessKeyId></Error>"
        body = said.encode()
        head = f"HTTP/1.1 {code} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        exchange.client.sendall(head.encode() + (b"" if exchange.method == "HEAD" else body))

    return rule


def truncate(share: float, *, announced: bool = True) -> Rule:
    """Answer with the first bytes only; the length is announced as it was, or not at all."""

    def rule(exchange: Exchange) -> None:
        head, _, body = exchange.fetch(exchange.request).partition(b"\r\n\r\n")
        if not announced:
            head = b"\r\n".join(
                line
                for line in head.split(b"\r\n")
                if not line.lower().startswith(b"content-length")
            )
        exchange.client.sendall(head + b"\r\n\r\n" + body[: int(len(body) * share)])

    return rule


def garble(exchange: Exchange) -> None:
    """Change one bit in the middle of the answer's body."""
    head, _, body = exchange.fetch(exchange.request).partition(b"\r\n\r\n")
    changed = bytearray(body)
    changed[len(changed) // 2] ^= 1
    exchange.client.sendall(head + b"\r\n\r\n" + changed)


def garble_request(exchange: Exchange) -> None:
    """Change one bit in the middle of what is put."""
    head, _, body = exchange.request.partition(b"\r\n\r\n")
    changed = bytearray(body)
    changed[len(changed) // 2] ^= 1
    exchange.client.sendall(exchange.fetch(head + b"\r\n\r\n" + changed))


def say_nothing(exchange: Exchange) -> None:
    """Keep the connection open, and say nothing until the other side gives up."""
    with suppress(OSError):
        exchange.client.recv(1)


# -- HTTP, as far as it is needed ----------------------------------------------------------------


def _message(source: socket.socket) -> bytes:
    """Read one request: its head, and a body of the length that it says."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = source.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    pieces, missing = [body], _length(head) - len(body)
    while missing > 0:
        piece = source.recv(1 << 20)
        if not piece:
            return b""
        pieces.append(piece)
        missing -= len(piece)
    return head + b"\r\n\r\n" + b"".join(pieces)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _closing(message: bytes) -> bytes:
    """Ask for the connection to be closed behind the answer: so its end is known."""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def _until_end(source: socket.socket) -> bytes:
    pieces = []
    while piece := source.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)
