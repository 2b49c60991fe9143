"""Bytes in and out: constant memory, nothing left open, whatever breaks."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from muniment.domain.caller import Caller
from muniment.server import streaming
from muniment.server.streaming import read_ahead, receiving
from muniment.services import Services
from muniment.services.artifacts.artifacts import Intake
from muniment.services.base import Ports
from muniment.storage.factory import open_folder
from tests.client import servers

MIB = 1024 * 1024


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    stores = open_folder(tmp_path)
    ports = Ports(stores.metadata, stores.blobs)
    yield Services(ports, Caller())
    ports.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Server]:
    """A server of its own, whose memory and files nobody else uses."""
    running = servers.start(tmp_path / "home")
    yield running
    running.end()


def test_a_cancelled_task_leaves_nothing_open(
    services: Services, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    closed: list[bool] = []

    class Slow(Intake):
        """A disk that takes its time."""

        def write(self, data: bytes | bytearray | memoryview) -> None:
            entered.set()
            go_on.wait(30)
            super().write(data)

        def close(self) -> None:
            closed.append(go_on.is_set())
            super().close()

    def open_slow() -> Intake:
        intake = services.artifacts.receive()
        intake.__class__ = Slow
        return intake

    async def upload() -> None:
        async with receiving(threads, open_slow) as inflow:
            await inflow.write(bytes(2 * MIB))
            await inflow.flush()

    async def scene() -> None:
        task = asyncio.create_task(upload())
        await asyncio.to_thread(entered.wait, 30)
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()  # also a second time
        await asyncio.sleep(0.05)
        assert not task.done()  # the thread is still writing
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert closed == [True]  # once, after the write
    assert servers.left_staged(tmp_path) == []


def test_a_task_cancelled_while_it_opens_leaves_nothing_open(
    services: Services, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def open_slowly() -> Intake:
        entered.set()
        go_on.wait(30)
        return services.artifacts.receive()

    async def upload() -> None:
        async with receiving(threads, open_slowly):
            raise AssertionError("never entered")

    async def scene() -> None:
        task = asyncio.create_task(upload())
        await asyncio.to_thread(entered.wait, 30)
        task.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert servers.left_staged(tmp_path) == []


def test_what_a_write_raises_reaches_the_sender(
    services: Services, threads: ThreadPoolExecutor
) -> None:
    async def upload() -> None:
        receive = partial(services.artifacts.receive, size=MIB)
        async with receiving(threads, receive) as inflow:
            for _ in range(10):
                await inflow.write(bytes(MIB))

    with pytest.raises(Exception, match="More bytes"):
        asyncio.run(upload())


def test_a_silent_connection_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.05)
    messages = [{"type": "http.request", "body": b"some", "more_body": True}]

    async def receive() -> Message:
        return messages.pop() if messages else await asyncio.Future()

    async def read() -> list[bytes]:
        request = Request({"type": "http", "headers": []}, receive)
        heard: list[bytes] = []
        with pytest.raises(streaming.Truncated, match="lost"):
            async for chunk in streaming.chunks_of(request):
                heard.append(chunk)
        return heard

    assert asyncio.run(read()) == [b"some"]


def test_reading_ahead_closes_what_it_reads(threads: ThreadPoolExecutor) -> None:
    closed = threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"piece"
        finally:
            closed.set()

    async def listen_to_three() -> list[bytes]:
        heard: list[bytes] = []
        ahead = read_ahead(threads, pieces())
        async for piece in ahead:
            heard.append(piece)
            if len(heard) == 3:
                break
        await ahead.aclose()
        return heard

    assert asyncio.run(listen_to_three()) == [b"piece"] * 3
    assert closed.wait(30)


def test_large_bodies_do_not_fill_the_memory(server: servers.Server) -> None:
    def pieces(mebibytes: int) -> Iterator[bytes]:
        block = os.urandom(MIB)
        for n in range(mebibytes):
            yield n.to_bytes(8, "big") + block[8:]

    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="form"\r\n\r\n'
        yield from pieces(128)
        yield b"\r\n--b--\r\n"

    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=300, trust_env=False) as api:
        before = peak_memory(server)
        pushed = api.put("/models/m/push/big", content=pieces(512))
        assert pushed.json()["size"] == 512 * MIB
        multipart = {"Content-Type": "multipart/form-data; boundary=b"}
        assert api.post("/models/m/push", content=form(), headers=multipart).status_code == 201
        upload = api.post("/uploads", json={"size": 128 * MIB}).json()["id"]
        offset = {"Upload-Offset": "0"}
        sent = api.patch(f"/uploads/{upload}", content=pieces(128), headers=offset)
        assert sent.json()["offset"] == 128 * MIB
        with api.stream("GET", "/models/m/versions/1/files/big") as answer:
            came = sum(len(piece) for piece in answer.iter_raw())
        assert came == 512 * MIB
        assert peak_memory(server) - before < 40 * MIB


def test_a_slow_reader_does_not_fill_the_memory(server: servers.Server) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=300, trust_env=False) as api:
        api.put("/models/m/push/big", content=(bytes(MIB) for _ in range(256)))
        before = peak_memory(server)
        with api.stream("GET", "/models/m/versions/1/files/big") as answer:
            next(answer.iter_raw())
            for _ in range(3):  # the server has time to run ahead
                assert api.get("/models/m").status_code == 200
                time.sleep(0.1)
        assert peak_memory(server) - before < 40 * MIB


def test_connections_that_break_leave_no_file_open(server: servers.Server) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=60, trust_env=False) as api:
        api.put("/models/m/push/big", content=(bytes(MIB) for _ in range(64)))
        before = open_files(server)
        for n in range(20):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                if n % 2:
                    head = "GET /api/v1/models/m/versions/1/files/big HTTP/1.1\r\nHost: 127.0.0.1"
                    connection.sendall(f"{head}\r\n\r\n".encode())
                    assert connection.recv(1000)
                else:
                    head = "PUT /api/v1/models/m/push/x HTTP/1.1\r\nHost: 127.0.0.1"
                    connection.sendall(f"{head}\r\nContent-Length: 999999\r\n\r\nxyz".encode())
        deadline = time.monotonic() + 30
        while open_files(server) > before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert open_files(server) <= before
        assert servers.left_staged(server.home) == []


def peak_memory(server: servers.Server) -> int:
    """Return the most memory that the server has ever had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def open_files(server: servers.Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
