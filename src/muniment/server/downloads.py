"""Bytes as an answer: whole or one range, conditional, safe to open in no browser.

Only single ranges are served; several in one header are answered with the whole, as RFC 9110
allows. Whatever the bytes are, a browser saves them: as an attachment, unsniffed, in a sandbox.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from functools import partial
from io import FileIO
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from muniment.domain.filenames import attachment
from muniment.errors import Corrupt, RangeNotSatisfiable
from muniment.server.api.preconditions import digest_tag, is_unchanged
from muniment.server.context import context_of, wait_for
from muniment.server.exchange import ZERO_COPY
from muniment.server.streaming import read_ahead, watching
from muniment.services.artifacts.artifacts import Artifacts
from muniment.storage.blobs import CHUNK, BlobStore

FOREVER: Final = "private, max-age=31536000, immutable"
"""For what is named by its digest."""
REVALIDATE: Final = "private, no-cache"
"""For what is named by a version: that may be deleted, so a cache must ask (and is told 304)."""
TURN: Final = 32 * CHUNK
"""Bytes that a thread sends before others have their turn."""
DIRECT_FROM: Final = 8 * CHUNK
"""Bytes; for less, a second request costs more than it saves."""

_RANGE = re.compile(
    r"bytes\s*=\s*(?:([0-9]{1,18})\s*-\s*([0-9]{1,18})?|-\s*([0-9]{1,18}))\s*", re.I
)


async def send_blob(
    request: Request,
    artifacts: Artifacts,
    digest: str,
    size: int,
    *,
    filename: str,
    media_type: str,
    cache: str,
    direct: bool = False,
) -> Response:
    """Return the answer to a GET or HEAD for the bytes of a blob.

    Who asks for it (`direct`) is sent to the object store itself for large ones, if one can.

    Raises:
        Corrupt: there are no such bytes in the store, or not `size` of them.
        RangeNotSatisfiable: the range begins behind the end.
    """
    tag = digest_tag(digest)
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": cache,
        "Content-Disposition": attachment(filename),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:",
        "X-Content-Type-Options": "nosniff",
    }
    if is_unchanged(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    await wait_for(request, partial(_check_whole, context_of(request).ports.blobs, digest, size))
    if direct and size >= DIRECT_FROM and request.method == "GET":
        url = await wait_for(request, partial(artifacts.link, digest, filename))
        if url is not None:
            return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store"})
    asked = _range(request, tag, size)
    start, end = asked or (0, size)
    headers |= {"Content-Type": media_type, "Content-Length": str(end - start)}
    if asked is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if asked is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    by_kernel = ZERO_COPY in request.scope.get("extensions", ())
    opened = await wait_for(request, partial(_open, artifacts, digest, start, end, by_kernel))
    if isinstance(opened, bytes):
        return Response(opened, status, headers)
    if isinstance(opened, FileIO):
        return _File(opened, start, end, status, headers)
    return _Stream(request, opened, status, headers)


def _check_whole(blobs: BlobStore, digest: str, size: int) -> None:
    """Refuse damage before the headers promise what the bytes would break."""
    stat = blobs.stat(digest)
    if stat is None or stat.size != size:
        state = "gone from the store" if stat is None else f"damaged: {stat.size}, not {size}"
        raise Corrupt(
            f"The bytes of the blob {digest} are {state}.",
            hint="Run `muniment verify`; restore the blob from a backup, or push the same file "
            "again.",
            details={"digest": digest},
        )


def _open(
    artifacts: Artifacts, digest: str, start: int, end: int, by_kernel: bool
) -> bytes | FileIO | Iterator[bytes]:
    """Return the bytes [start, end) if they are few, a file that holds all, or pieces."""
    if end - start <= CHUNK:
        return b"".join(artifacts.read_blob(digest, start, end))
    path = artifacts.local_path(digest) if by_kernel else None
    if path is not None:
        with suppress(FileNotFoundError):  # deleted this very moment: said below
            return FileIO(path)
    return artifacts.read_blob(digest, start, end)


class _File(Response):
    """A part of a file that the kernel sends; stops when nobody listens."""

    def __init__(
        self, file: FileIO, start: int, end: int, status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._file = file
        self._start = start
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file as file:
            await send(_head(self))
            async with watching(receive) as gone:
                for offset in range(self._start, self._end, TURN):
                    part = {"file": file, "offset": offset, "count": min(TURN, self._end - offset)}
                    more = offset + TURN < self._end
                    await send({"type": ZERO_COPY, **part, "more_body": more})
                    if gone.done():
                        return


class _Stream(Response):
    """Pieces that threads read, one ahead of what is sent; stops when nobody listens."""

    def __init__(
        self, request: Request, pieces: Iterator[bytes], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._threads = context_of(request).threads
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(_head(self))
        async with (
            watching(receive) as gone,
            aclosing(read_ahead(self._threads, self._pieces)) as pieces,
        ):
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if gone.done():
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _head(response: Response) -> Message:
    return {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }


def _range(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """Return the asked part as [start, end), or None for the whole."""
    if request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None:
        return None
    first, last, suffix = (None if text is None else int(text) for text in found.groups())
    if first is None:
        start, end = max(0, size - (suffix or 0)), size
    else:
        start, end = first, size if last is None else min(last + 1, size)
    if start >= end:
        raise RangeNotSatisfiable(
            f"The file has {size} bytes; {request.headers['range']!r:.80} lies outside.",
            details={"size": size},
        )
    return start, end
