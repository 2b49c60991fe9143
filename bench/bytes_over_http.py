"""Files up and down over HTTP by a client that costs next to nothing: sendfile, recv_into."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MIB = 1024 * 1024
STAMP = 16  # bytes


@dataclass
class Sample:
    """A file of random bytes that can be made another by a few of them."""

    path: Path
    mib: int
    digest: str = ""

    @classmethod
    def create(cls, path: Path, mib: int) -> Sample:
        """Write a file of so many MiB."""
        with path.open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(MIB))
        sample = cls(path, mib)
        sample.renew()
        return sample

    def renew(self) -> None:
        """Make it a file that nobody has seen, in memory and on the disk."""
        with self.path.open("r+b") as file:
            file.write(os.urandom(STAMP))
        with self.path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.sync()

    def rate(self, begun: float) -> float:
        """Return MiB per second, if it was begun at `begun` by the performance counter."""
        return self.mib / (time.perf_counter() - begun)


def connect(url: str) -> HTTPConnection:
    """Return a connection to a server."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port)
    connection.connect()
    return connection


def call(connection: HTTPConnection, method: str, path: str, body: object) -> Any:
    """Send JSON, return JSON."""
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    return json.loads(_answer(connection).read())


def send(
    connection: HTTPConnection, method: str, path: str, sample: Sample, **headers: str
) -> None:
    """Send a file as the body of a request, from the page cache, and wait for the answer."""
    connection.putrequest(method, path)
    connection.putheader("Content-Length", str(sample.mib * MIB))
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    with sample.path.open("rb") as file:
        connection.sock.sendfile(file)
    _answer(connection).read()


def fetch(connection: HTTPConnection, path: str) -> int:
    """GET a file and drop it; return how many bytes came."""
    connection.request("GET", path)
    answer, buffer, came = _answer(connection), bytearray(MIB), 0
    while count := answer.readinto(buffer):
        came += count
    return came


def _answer(connection: HTTPConnection) -> HTTPResponse:
    answer = connection.getresponse()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{answer.status}: {answer.read()!r:.500}")
    return answer
