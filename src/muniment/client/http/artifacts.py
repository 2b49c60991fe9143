"""Bytes in and out over the native API: resumed after a lost connection, never held in memory.

up, small    PUT /blobs/{digest}                       sent again whole
up, large    POST /uploads -> PATCH … -> finish        goes on at the offset that arrived
             or POST /uploads -> PUT to the store      if there is one that we can reach
                -> finish
down         GET …/files/{path}, Range: bytes=n-m      goes on behind the last byte that came;
                                                       large ones from the store, if it is in reach
"""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

from muniment.client.backend import ArtifactsBackend, Progress, Source
from muniment.client.http import connection as http
from muniment.client.http.catalog import version_path
from muniment.client.http.connection import Connection
from muniment.domain.manifest import Manifest
from muniment.domain.names import check_digest, check_path
from muniment.domain.values import JsonObject
from muniment.errors import (
    DigestMismatch,
    NotFound,
    RateLimited,
    Unavailable,
    Unreachable,
    UploadConflict,
)

MISSING_PER_CALL: Final = 10_000
ONE_SHOT_BYTES: Final = 8 * 1024 * 1024
"""Up to this size a blob goes up in one request; above, through a session that can be resumed."""


def _silent(_bytes: int) -> None:
    pass


class HttpArtifacts(ArtifactsBackend):
    """`ArtifactsBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        rest = iter(digests)
        missing: set[str] = set()
        while asked := list(islice(rest, MISSING_PER_CALL)):
            body: JsonObject = {"digests": list(asked)}
            answer = self._connection.call("POST", "/blobs/missing", body, safe=True)
            missing.update(cast(list[str], answer["missing"]))
        return frozenset(missing)

    def put(self, digest: str, size: int, source: Source, progress: Progress | None = None) -> int:
        check_digest(digest)
        if size <= ONE_SHOT_BYTES:
            return self._put_whole(digest, size, source, progress or _silent)
        return _Upload(self._connection, digest, size, source, progress or _silent).run()

    def _put_whole(self, digest: str, size: int, source: Source, tell: Progress) -> int:
        told = sent = 0

        def body() -> Iterator[bytes]:
            nonlocal told, sent
            tell(-told)
            told = 0
            for piece in source(0):
                yield piece
                told += len(piece)
                sent += len(piece)
                tell(len(piece))

        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        self._connection.request(
            "PUT", f"/blobs/{digest}", safe=True, headers=headers, content=body
        )
        return sent

    def manifest(self, model: str, number: int) -> Manifest:
        path = f"{version_path(model, number)}/manifest"
        content = self._connection.request("GET", path, safe=True).content
        return Manifest.from_json(json.loads(content))

    def read(
        self, model: str, number: int, path: str, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        if end is not None and start >= end:
            return
        url = f"{version_path(model, number)}/files/{quote(check_path(path), safe='/')}"
        position, stalls = start, 0
        while True:
            opened, came = False, 0
            try:
                large = end is None or end - position > ONE_SHOT_BYTES
                with self._connection.stream(url, _range(position, end), direct=large) as response:
                    opened = True
                    # a proxy in between may know no ranges, and send the whole
                    skip = position if response.status_code == 200 else 0
                    for piece in response.iter_raw():
                        fresh = piece[skip : None if end is None else skip + end - position]
                        skip = max(skip - len(piece), 0)
                        if fresh:
                            came += len(fresh)
                            position += len(fresh)
                            yield fresh
                        if position == end:
                            return
                return
            except Unreachable:
                stalls = 1 if came else stalls + 1
                if not opened or stalls > len(http.PAUSES):  # opening was retried already
                    raise
                time.sleep(http.PAUSES[stalls - 1])

    def local_path(self, digest: str) -> Path | None:
        return None


def _range(start: int, end: int | None) -> dict[str, str]:
    if start == 0 and end is None:
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


class _Upload:
    """One large blob on its way up.

    open ──> send from its offset ──> finish ──> stored
      ^            │ connection lost    │
      └────────────┴────────────────────┘  ask for the offset, go on
    """

    def __init__(
        self, connection: Connection, digest: str, size: int, source: Source, tell: Progress
    ) -> None:
        self._connection = connection
        self._digest = digest
        self._size = size
        self._source = source
        self._tell = tell
        self._id: str | None = None
        self._fresh = False
        self._resumed = False
        self._direct: JsonObject | None = None
        self._told = 0
        self._sent = 0

    def run(self) -> int:
        """Store the blob; return how many bytes were sent."""
        reached, stalls = -1, 0
        while True:
            try:
                offset = self._open()
            except NotFound:
                if self._id is None:
                    raise
                self._id = None  # finished by a try whose answer was lost, or swept
                continue
            if offset > reached:
                reached, stalls = offset, 0
            try:
                if self._id is not None:
                    self._send(self._id, offset)
                self._tell(self._size - self._told)
                return self._sent
            except DigestMismatch:
                # what an earlier try left there was not from this file: once more, from nothing
                if self._fresh or not self._resumed:
                    raise
                self._id, self._fresh = None, True
            except (Unavailable, RateLimited, UploadConflict, NotFound) as error:
                stalls += 1
                if stalls > len(http.PAUSES):
                    raise
                if isinstance(error, UploadConflict) and stalls > 1:
                    self._id, self._fresh = None, True  # somebody else is sending the same bytes
                time.sleep(http.PAUSES[stalls - 1])

    def _open(self) -> int:
        """Begin or look again; return the offset to go on from (`_id` is None: all is there)."""
        if self._id is None:
            body: JsonObject = {
                "digest": self._digest,
                "size": self._size,
                "fresh": self._fresh,
                "direct": self._connection.direct,
            }
            answer = self._connection.call("POST", "/uploads", body, safe=True)
            if answer.get("present"):
                return self._size
            self._id = cast(str, answer["id"])
            self._direct = cast(JsonObject | None, answer.get("direct"))
        else:
            answer = self._connection.get(f"/uploads/{self._id}")
        offset = cast(int, answer["offset"])
        self._resumed = self._resumed or offset > 0
        self._tell(offset - self._told)
        self._told = offset
        return offset

    def _send(self, upload_id: str, offset: int) -> None:
        path = f"/uploads/{upload_id}"
        if offset < self._size and not self._send_directly():
            headers = {
                "Upload-Offset": str(offset),
                "Content-Length": str(self._size - offset),
                "Content-Type": "application/octet-stream",
            }
            self._connection.request(
                "PATCH", path, safe=False, headers=headers, content=self._body(offset)
            )
        self._connection.call("POST", f"{path}/finish", {"digest": self._digest})

    def _send_directly(self) -> bool:
        """Send all bytes to the store, if there was an offer; say whether it has taken them.

        An offer is taken once: what fails there goes the way that can be gone on with.
        """
        offer, self._direct = self._direct, None
        if offer is None:
            return False
        headers = cast(dict[str, str], offer["headers"])
        if self._connection.send_directly(cast(str, offer["url"]), headers, self._body(0)):
            return True
        self._tell(-self._told)
        self._told = 0
        return False

    def _body(self, offset: int) -> Callable[[], Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            for piece in self._source(offset):
                yield piece
                self._told += len(piece)
                self._sent += len(piece)
                self._tell(len(piece))

        return pieces
