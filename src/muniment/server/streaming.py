"""Bytes between a connection and the stores: constant memory, and the event loop never waits.

in    socket ──> batch of 1 MiB ──> thread: write and hash     while the next batches come
out   thread: read 1 MiB ──> socket                            while the next piece is read

A handful of batches of one request are in memory at any time (`AHEAD`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from threading import Lock
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from muniment.errors import InvalidInput, LimitExceeded
from muniment.services.artifacts.artifacts import Intake
from muniment.storage.blobs import CHUNK, BlobStat

T = TypeVar("T")
SILENCE: Final = 60.0
"""Seconds without a byte after which a connection counts as lost."""
PATIENCE: Final = 300.0
"""Seconds within which a body must have come that is held as a whole."""
AHEAD: Final = 4
"""Batches of one request that may wait for a thread, which has one more in its hands."""


class Truncated(InvalidInput):
    """The body ended before its end; usually nobody is there any more to read this."""


async def chunks_of(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes.

    Raises:
        Truncated: the connection was lost, or nothing came for `SILENCE` seconds.
    """
    async with aclosing(request.stream()) as stream:
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    chunk = await anext(stream, b"")
            except (ClientDisconnect, TimeoutError):
                raise Truncated("The connection was lost before the body had ended.") from None
            if not chunk:
                return
            yield chunk


async def read_whole(request: Request, *, limit: int | None = None) -> bytes:
    """Return a body that is small enough to be held.

    Raises:
        LimitExceeded: it has more than `limit` bytes; without one, the frame's limit holds.
        Truncated: as `chunks_of`; or it took more than `PATIENCE` seconds to come.
    """
    content, now = bytearray(), asyncio.get_running_loop().time
    ends = now() + PATIENCE
    try:
        async with asyncio.timeout(SILENCE) as silence:
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                content += message.get("body", b"")
                if limit is not None and len(content) > limit:
                    raise LimitExceeded(
                        f"The body has more than {limit} bytes.", details={"limit": limit}
                    )
                if not message.get("more_body", False):
                    break
                silence.reschedule(min(now() + SILENCE, ends))
    except (ClientDisconnect, TimeoutError):
        if now() >= ends:
            raise Truncated("The body came too slowly.") from None
        raise Truncated("The connection was lost before the body had ended.") from None
    return bytes(content)


def announced_size(request: Request) -> int | None:
    """Return how long the body says that it is, or None; the server has checked the header."""
    length = request.headers.get("content-length")
    return None if length is None else int(length)


# -- in ------------------------------------------------------------------------------------------


@asynccontextmanager
async def receiving(
    threads: ThreadPoolExecutor, open: Callable[[], Intake]
) -> AsyncIterator[Inflow]:
    """Open an intake, lend it, and close it at the end, whatever has happened.

    Everything is done in threads, one job after the other, also if this task is cancelled: an
    intake never meets two threads at once, and is never left open.
    """
    inflow = Inflow(threads, threads.submit(open))
    try:
        await inflow.opened()
        yield inflow
    finally:
        await inflow.close()


class Inflow:
    """An intake that is fed from the event loop; see `receiving`.

    A thread writes batches for as long as any wait, and goes home when none does: at full speed it
    need not wait for the event loop, and a slow sender holds no thread.
    """

    def __init__(self, threads: ThreadPoolExecutor, opening: Future[Intake]) -> None:
        self._threads = threads
        self._opening = opening
        self._writing: Future[None] | None = None
        self._finishing: Future[BlobStat] | None = None
        self._batch: list[bytes] = []
        self._size = 0  # of the batch, in bytes
        self._waiting: deque[list[bytes]] = deque()
        self._lock = Lock()  # of what waits, and of whether a thread will look for it
        self._at_work = False
        self._failed = False
        self._room = asyncio.Semaphore(AHEAD)

    async def opened(self) -> None:
        """Wait until bytes can come. Raises what opening the intake raised."""
        await _result_of(self._opening)

    async def write(self, chunk: bytes) -> None:
        """Take bytes; they are written by and by. Raises what writing earlier ones raised."""
        self._batch.append(chunk)
        self._size += len(chunk)
        if self._size >= CHUNK:
            await self._hand_over()

    async def flush(self) -> int:
        """Wait until everything that was taken is written; return how many bytes are here."""
        if self._batch:
            await self._hand_over()
        if self._writing is not None:
            await _result_of(self._writing)
        return self._opening.result().offset

    async def finish(self) -> BlobStat:
        """Write the rest and put the blob in its place; see `Intake.finish`."""
        await self.flush()
        self._finishing = self._threads.submit(self._opening.result().finish)
        return await _result_of(self._finishing)

    async def close(self) -> None:
        """Wait for the job at work, then close the intake; a cancellation waits for both."""
        closing = asyncio.wrap_future(self._threads.submit(self._close))
        cancelled: asyncio.CancelledError | None = None
        while not closing.done():
            try:
                await asyncio.wait({closing})
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        closing.result()

    def _close(self) -> None:
        for job in (self._opening, self._writing, self._finishing):
            if job is not None:
                job.exception()  # waits; whoever asked for the job has heard of it
        if self._opening.exception() is None:
            self._opening.result().close()

    async def _hand_over(self) -> None:
        await self._room.acquire()
        if self._failed and self._writing is not None:
            await _result_of(self._writing)
        batch, self._batch, self._size = self._batch, [], 0
        with self._lock:
            self._waiting.append(batch)
            idle, self._at_work = not self._at_work, True
        if idle:
            write = partial(self._write_waiting, asyncio.get_running_loop())
            self._writing = self._threads.submit(write)

    def _write_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        intake = self._opening.result()
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work = False
                    return
                batch = self._waiting.popleft()
            try:
                intake.write(b"".join(batch))
            except BaseException:
                self._failed = True
                raise
            finally:
                loop.call_soon_threadsafe(self._room.release)


async def store(
    threads: ThreadPoolExecutor, open: Callable[[], Intake], chunks: AsyncIterator[bytes]
) -> BlobStat:
    """Store bytes as they come, all or nothing."""
    async with receiving(threads, open) as inflow:
        async for chunk in chunks:
            await inflow.write(chunk)
        return await inflow.finish()


async def append(inflow: Inflow, chunks: AsyncIterator[bytes]) -> int:
    """Write bytes as they come, and also what came before they broke off; return how many."""
    try:
        async for chunk in chunks:
            await inflow.write(chunk)
    except Truncated:
        await inflow.flush()
        raise
    return await inflow.flush()


async def _result_of(job: Future[T]) -> T:
    """Wait for a job. If this task is cancelled, the job goes on."""
    return await asyncio.shield(asyncio.wrap_future(job))


# -- out -----------------------------------------------------------------------------------------


async def read_ahead(
    threads: ThreadPoolExecutor, pieces: Iterator[bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield pieces that threads read, each while the one before it is being sent."""
    read = partial(next, pieces, b"")
    ahead = threads.submit(read)
    try:
        while piece := await _result_of(ahead):
            ahead = threads.submit(read)
            yield piece
    finally:
        threads.submit(_close_after, ahead, pieces)


def _close_after(job: Future[bytes], pieces: Iterator[bytes]) -> None:
    job.exception()  # waits
    if (close := getattr(pieces, "close", None)) is not None:
        close()


@asynccontextmanager
async def watching(receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """Lend a task that is done as soon as the client has hung up."""

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(until_gone())
    try:
        yield task
    finally:
        task.cancel()
