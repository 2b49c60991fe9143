"""Files that the kernel sends, and bodies that go past the parser: the same bytes, nobody held."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from muniment.errors import Corrupt
from muniment.server.downloads import TURN
from muniment.server.exchange import ZERO_COPY, extensions
from muniment.server.sending import send_file
from tests.client import servers

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    running = servers.start(tmp_path_factory.mktemp("sending") / "home")
    yield running
    running.end()


@pytest.fixture(scope="module")
def content() -> bytes:
    """More than one turn of a thread."""
    return os.urandom(MIB) * (TURN // MIB + 3) + b"end"


@pytest.fixture(scope="module")
def stored(server: servers.Server, content: bytes) -> str:
    """The path of a blob that holds `content`."""
    path = f"/api/v1/blobs/{hashlib.sha256(content).hexdigest()}"
    assert httpx.put(server.url + path, content=content, trust_env=False).status_code == 201
    return path


@pytest.fixture
def api(server: servers.Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def test_a_large_file_arrives_whole_and_its_connection_goes_on(
    api: httpx.Client, stored: str, content: bytes
) -> None:
    with api.stream("GET", stored) as answer:
        assert b"".join(answer.iter_raw()) == content
        first = answer.extensions["network_stream"].get_extra_info("client_addr")
    again = api.get(stored, headers={"Range": "bytes=0-9"})
    assert again.content == content[:10]
    assert again.extensions["network_stream"].get_extra_info("client_addr") == first


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 3 * MIB), (5, 2 * MIB + 6), (MIB - 1, TURN + MIB), (TURN, TURN + 2 * MIB)],
)
def test_a_range_is_cut_out_of_the_file(
    api: httpx.Client, stored: str, content: bytes, start: int, end: int
) -> None:
    answer = api.get(stored, headers={"Range": f"bytes={start}-{end - 1}"})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(content)}"
    assert answer.content == content[start:end]


def test_many_who_read_nothing_keep_nobody_waiting(
    server: servers.Server, api: httpx.Client, stored: str, content: bytes
) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
    try:
        for connection in idle:
            connection.sendall(f"GET {stored} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert api.get(stored).content == content
    finally:
        for connection in idle:
            connection.close()


def test_a_request_may_follow_at_once_behind_a_large_body(server: servers.Server) -> None:
    body = os.urandom(3 * MIB)
    digest = hashlib.sha256(body).hexdigest()
    first = f"PUT /api/v1/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}"
    second = f"GET /api/v1/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"{first}\r\n\r\n".encode() + body + f"{second}\r\n\r\n".encode())
        came = b"".join(iter(lambda: connection.recv(MIB), b""))
    assert came.startswith(b"HTTP/1.1 201")
    assert came.endswith(body)


def test_a_body_in_small_pieces_is_put_together(server: servers.Server) -> None:
    body = os.urandom(50_001)
    digest = hashlib.sha256(body).hexdigest()
    head = f"PUT /api/v1/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 1_000):
            connection.sendall(body[start : start + 1_000])
        assert connection.recv(12) == b"HTTP/1.1 201"


# -- one file, one socket --------------------------------------------------------------------------


class Wire(asyncio.Transport):
    """What a transport says of itself."""

    def __init__(self, **known: object) -> None:
        super().__init__(known)


@pytest.fixture
def wire() -> Iterator[tuple[Wire, socket.socket]]:
    """A transport, and the other end."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        yield Wire(socket=here), there


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


def test_a_file_that_ends_too_early_is_told(
    tmp_path: Path, wire: tuple[Wire, socket.socket]
) -> None:
    (tmp_path / "short").write_bytes(b"short")
    before = open_files()
    with (tmp_path / "short").open("rb") as file, pytest.raises(Corrupt, match="from 5 on"):
        asyncio.run(send_file(wire[0], file.fileno(), 0, 9, patience=60))
    assert wire[1].recv(9) == b"short"
    assert open_files() == before


def test_who_takes_nothing_is_given_up(tmp_path: Path, wire: tuple[Wire, socket.socket]) -> None:
    (tmp_path / "large").write_bytes(bytes(8 * MIB))
    before = open_files()
    with (tmp_path / "large").open("rb") as file, pytest.raises(TimeoutError):
        asyncio.run(send_file(wire[0], file.fileno(), 0, 8 * MIB, patience=0.05))
    assert open_files() == before


def test_who_is_gone_is_told(tmp_path: Path, wire: tuple[Wire, socket.socket]) -> None:
    (tmp_path / "large").write_bytes(bytes(8 * MIB))
    wire[1].close()
    with (tmp_path / "large").open("rb") as file, pytest.raises(ConnectionError):
        asyncio.run(send_file(wire[0], file.fileno(), 0, 8 * MIB, patience=60))


def test_a_cancelled_task_leaves_no_file_open(
    tmp_path: Path, wire: tuple[Wire, socket.socket]
) -> None:
    (tmp_path / "large").write_bytes(bytes(8 * MIB))

    async def scene() -> None:
        with (tmp_path / "large").open("rb") as file:
            task = asyncio.create_task(send_file(wire[0], file.fileno(), 0, 8 * MIB, patience=60))
            while not task.done():
                await asyncio.sleep(0)
                task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = open_files()
    asyncio.run(scene())  # also ends the threads
    assert open_files() == before


def test_what_is_encrypted_is_not_sent_by_the_kernel() -> None:
    assert extensions(cast(asyncio.Transport, Wire())) == {ZERO_COPY: {}}
    assert extensions(cast(asyncio.Transport, Wire(sslcontext=object()))) == {}
