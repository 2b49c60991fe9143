"""Files sent by the kernel, from the page cache to a socket, without passing through this process.

    thread: sendfile, until all is sent or the socket is full ──> event loop: waits for room ──┐
       ^                                                                                       │
       └───────────────────────────────────────────────────────────────────────────────────────┘

Threads, since a file that is not in memory is read from a disk; but a slow peer holds none of them
for longer than a moment.
"""

from __future__ import annotations

import asyncio
import os
import select
from asyncio import Future
from typing import Final

from muniment.errors import Corrupt

MOMENT_MS: Final = 5
"""How long a thread waits for a peer to take more; a fast one has done so long before."""
POSSIBLE: Final = hasattr(os, "sendfile") and hasattr(select, "poll")


async def send_file(
    transport: asyncio.Transport, file: int, offset: int, count: int, *, patience: float
) -> None:
    """Send [offset, offset + count) of an open file to a transport whose own buffer is empty.

    If this task is cancelled, a thread at work finishes its turn, with files of its own.

    Raises:
        TimeoutError: the peer took nothing for `patience` seconds.
        ConnectionError: the peer is gone.
        Corrupt: the file ends before that.
    """
    loop = asyncio.get_running_loop()
    turn: Future[int] | None = None
    out, source = os.dup(transport.get_extra_info("socket").fileno()), os.dup(file)
    try:
        while True:
            turn = loop.run_in_executor(None, _fill, out, source, offset, count)
            sent = await asyncio.shield(turn)
            offset, count = offset + sent, count - sent
            if not count:
                return
            await _writable(out, patience)
    finally:
        if turn is None or turn.done():
            _close(out, source)
        else:
            turn.add_done_callback(lambda _: _close(out, source))


def _fill(out: int, source: int, offset: int, count: int) -> int:
    """Send until the peer takes no more for a moment; return how many bytes it took."""
    room = select.poll()
    room.register(out, select.POLLOUT)
    sent = 0
    while sent < count:
        try:
            some = os.sendfile(out, source, offset + sent, count - sent)
        except BlockingIOError:
            if not room.poll(MOMENT_MS):
                break
            continue
        if not some:
            raise Corrupt(f"A file has lost its bytes from {offset + sent} on.")
        sent += some
    return sent


async def _writable(out: int, patience: float) -> None:
    loop, room = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(out, room.set)
    try:
        async with asyncio.timeout(patience):
            await room.wait()
    finally:
        loop.remove_writer(out)


def _close(*files: int) -> None:
    for file in files:
        os.close(file)
