"""A server that is told to end: it finishes what it can, and leaves the rest to another process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from muniment.domain.values import sha256_hex

from .places import on_one_machine, on_postgresql_and_s3
from .serving import ServerProcess

CONTENT = bytes(range(256)) * 60_000  # 15 MB
FIRST = 6_000_000
SECOND = 12_000_000

# The server, with less patience than it usually has.
SERVE = """
import sys
from muniment.server import run
from muniment.server.settings import load_settings
run._GRACE = 1
sys.exit(run.serve(load_settings(port=0)))
"""


class Impatient:
    """A server that gives requests under way a second at the end."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split(" at ")[1].split()[0]

    def told_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        code = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(params=[on_one_machine, on_postgresql_and_s3], ids=lambda of: of.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path, postgres: str) -> Mapping[str, str]:
    of: Callable[[Path], Mapping[str, str]] = request.param
    return {**of(tmp_path), "MUNIMENT_HOME": str(tmp_path), "MUNIMENT_MLFLOW_TRACKING": "off"}


def begun(url: str) -> str:
    """Begin an upload, and send its first bytes; return its path."""
    asked = {"digest": sha256_hex(CONTENT), "size": len(CONTENT)}
    path: str = httpx.post(f"{url}/api/v1/uploads", json=asked).headers["Location"]
    sent = httpx.patch(url + path, content=CONTENT[:FIRST], headers={"Upload-Offset": "0"})
    assert (sent.status_code, sent.headers["Upload-Offset"]) == (200, str(FIRST))
    return path


def patching(url: str, path: str, announced: int) -> socket.socket:
    """Send the head of a PATCH from the first bytes on, and half of its body."""
    host, port = urlsplit(url).netloc.split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    head = f"PATCH {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpload-Offset: {FIRST}\r\n"
    connection.sendall(f"{head}Content-Length: {announced}\r\n\r\n".encode())
    connection.sendall(CONTENT[FIRST : FIRST + announced // 2])
    return connection


def test_an_upload_under_way_is_finished(place: Mapping[str, str]) -> None:
    server = ServerProcess(Path(place["MUNIMENT_HOME"]), variables=place)
    path = begun(server.url)
    with patching(server.url, path, SECOND - FIRST) as connection:
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):  # nothing new is taken
            while True:
                httpx.get(f"{server.url}/health")
        connection.sendall(CONTENT[FIRST + (SECOND - FIRST) // 2 : SECOND])
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert f"upload-offset: {SECOND}".encode() in answer.lower()
    assert server.stop() == 0


def test_an_upload_that_takes_too_long_is_gone_on_with_by_another_process(
    place: Mapping[str, str],
) -> None:
    with ExitStack() as stack:
        server = Impatient(place)
        other = stack.enter_context(ServerProcess(Path(place["MUNIMENT_HOME"]), variables=place))
        path = begun(server.url)
        with patching(server.url, path, SECOND - FIRST):
            server.told_to_end()
            assert server.ended() == 0
        offset = int(httpx.get(other.url + path).headers["Upload-Offset"])
        assert FIRST <= offset < SECOND
        rest = httpx.patch(
            other.url + path, content=CONTENT[offset:], headers={"Upload-Offset": str(offset)}
        )
        assert rest.headers["Upload-Offset"] == str(len(CONTENT))
        assert httpx.post(f"{other.url}{path}/finish").status_code == 200
        read = httpx.get(f"{other.url}/api/v1/blobs/{sha256_hex(CONTENT)}")
        assert read.content == CONTENT
