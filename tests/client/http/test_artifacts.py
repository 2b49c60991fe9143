"""Uploads against the real server, with what others and earlier tries have left there."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator

import pytest

from muniment import DigestMismatch, Registry
from muniment.client import http
from muniment.client.backend import Source
from muniment.client.http.artifacts import MISSING_PER_CALL, ONE_SHOT_BYTES, HttpArtifacts
from muniment.client.http.connection import Connection
from tests.client.servers import Server

MIB = 1024 * 1024
SIZE = ONE_SHOT_BYTES + 3 * MIB


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.connection, "PAUSES", (0.01, 0.02, 0.05, 0.1))


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    connection = Connection(server.url)
    yield connection
    connection.close()


@pytest.fixture
def artifacts(connection: Connection) -> HttpArtifacts:
    return HttpArtifacts(connection)


def source_of(data: bytes) -> Source:
    def pieces(offset: int) -> Iterator[bytes]:
        for start in range(offset, len(data), MIB):
            yield data[start : start + MIB]

    return pieces


def begun(connection: Connection, digest: str, data: bytes) -> str:
    """Leave an upload behind that holds `data`, as a try that was broken off does."""
    upload = connection.call("POST", "/uploads", {"digest": digest, "size": SIZE})
    headers = {"Upload-Offset": "0", "Content-Length": str(len(data))}
    connection.request(
        "PATCH",
        f"/uploads/{upload['id']}",
        safe=False,
        headers=headers,
        content=lambda: iter((data,)),
    )
    return str(upload["id"])


@pytest.mark.parametrize("size", [0, 1, MIB, ONE_SHOT_BYTES, SIZE])
def test_bytes_of_any_size_are_sent_once_and_told(artifacts: HttpArtifacts, size: int) -> None:
    data = os.urandom(size)
    told: list[int] = []
    digest = hashlib.sha256(data).hexdigest()

    assert artifacts.put(digest, size, source_of(data), told.append) == size
    assert sum(told) == size
    assert artifacts.missing([digest]) == frozenset()


def test_what_is_there_is_not_sent(artifacts: HttpArtifacts) -> None:
    data = os.urandom(SIZE)
    told: list[int] = []
    digest = hashlib.sha256(data).hexdigest()
    artifacts.put(digest, SIZE, source_of(data))

    assert artifacts.put(digest, SIZE, source_of(data), told.append) == 0
    assert sum(told) == SIZE


def test_an_upload_goes_on_at_its_offset(connection: Connection, artifacts: HttpArtifacts) -> None:
    data = os.urandom(SIZE)
    told: list[int] = []
    digest = hashlib.sha256(data).hexdigest()
    begun(connection, digest, data[: 5 * MIB])

    assert artifacts.put(digest, SIZE, source_of(data), told.append) == SIZE - 5 * MIB
    assert sum(told) == SIZE


def test_wrong_bytes_that_an_earlier_try_left_are_replaced(
    connection: Connection, artifacts: HttpArtifacts
) -> None:
    data = os.urandom(SIZE)
    told: list[int] = []
    digest = hashlib.sha256(data).hexdigest()
    begun(connection, digest, bytes(5 * MIB))

    artifacts.put(digest, SIZE, source_of(data), told.append)

    assert artifacts.missing([digest]) == frozenset()
    assert sum(told) == SIZE


def test_an_upload_that_somebody_else_holds_is_not_waited_for(
    server: Server, connection: Connection, artifacts: HttpArtifacts
) -> None:
    data = os.urandom(SIZE)
    digest = hashlib.sha256(data).hexdigest()
    upload = connection.call("POST", "/uploads", {"digest": digest, "size": SIZE})
    with socket.create_connection(("127.0.0.1", server.port)) as other:
        head = (
            f"PATCH /api/v1/uploads/{upload['id']} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Upload-Offset: 0\r\nContent-Length: {SIZE}\r\n\r\n"
        )
        other.sendall(head.encode() + data[: 2 * MIB])

        assert artifacts.put(digest, SIZE, source_of(data)) >= SIZE - 2 * MIB
        assert artifacts.missing([digest]) == frozenset()


@pytest.mark.parametrize("size", [100, SIZE])
def test_bytes_with_another_digest_are_refused(artifacts: HttpArtifacts, size: int) -> None:
    with pytest.raises(DigestMismatch):
        artifacts.put("ab" * 32, size, source_of(os.urandom(size)))

    assert artifacts.missing(["ab" * 32]) == {"ab" * 32}


def test_any_number_of_digests_can_be_asked_for(artifacts: HttpArtifacts) -> None:
    digests = [
        hashlib.sha256(f"blob {n}".encode()).hexdigest() for n in range(MISSING_PER_CALL + 5)
    ]

    assert artifacts.missing(digests) == frozenset(digests)
    assert artifacts.missing([]) == frozenset()


def test_ranges_are_read(registry: Registry, name: str) -> None:
    version = registry.push(name, bytes(range(200)))
    read = registry.backend.artifacts.read

    assert b"".join(read(name, version.version, "model.bin", 5, 10)) == bytes(range(5, 10))
    assert b"".join(read(name, version.version, "model.bin", 190)) == bytes(range(190, 200))
    assert b"".join(read(name, version.version, "model.bin")) == bytes(range(200))
