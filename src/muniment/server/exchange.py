"""One request and its answer, between the protocol and the application.

body      handed on in the pieces that the socket gave, none of them copied
answer    as uvicorn writes it; or a part of a file, sent by the kernel, as ASGI's extension
          `http.response.zerocopysend` describes:

    {"type": "http.response.zerocopysend", "file": a file, "offset": …, "count": …, "more_body": …}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, Final

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from muniment.server.sending import POSSIBLE, send_file

HELD: Final = 256 * 1024
"""Bytes of a body that nobody has asked for yet; with more, the socket is read no further."""
SEND_SECONDS: Final = 300.0
"""Within which some of an answer must be taken."""
ZERO_COPY: Final = "http.response.zerocopysend"


def extensions(transport: asyncio.Transport) -> dict[str, dict[object, object]]:
    """Return those extensions of ASGI that a connection has: none if it encrypts what is sent."""
    able = POSSIBLE and transport.get_extra_info("sslcontext") is None
    return {ZERO_COPY: {}} if able else {}


class Exchange:
    """What an application calls for one request, in the place of the methods of uvicorn's cycle.

    `came` counts the bytes of the body.
    """

    def __init__(self, cycle: RequestResponseCycle, transport: asyncio.Transport) -> None:
        self._cycle = cycle
        self._transport = transport
        self._receive, self._send = cycle.receive, cycle.send
        self._body: deque[bytes] = deque()
        self._held = 0
        self.came = 0

    def take(self, body: bytes) -> None:
        """Keep a piece of the body until it is asked for."""
        self.came += len(body)
        cycle = self._cycle
        if cycle.response_complete:
            return
        self._body.append(body)
        self._held += len(body)
        if self._held > HELD:
            cycle.flow.pause_reading()
        cycle.waiting_for_100_continue = False  # whoever sends already needs no leave
        cycle.message_event.set()

    async def receive(self) -> Message:
        """Return the next piece of the body, or that the client is gone. As ASGI has it."""
        if not self._body:
            message: Any = await self._receive()
            if message["type"] != "http.request" or not self._body:
                return dict(message)
        piece = self._body.popleft()
        self._held -= len(piece)
        if self._held <= HELD:
            self._cycle.flow.resume_reading()
        more = bool(self._body) or self._cycle.more_body
        return {"type": "http.request", "body": piece, "more_body": more}

    def send(self, message: Any) -> Awaitable[None]:
        """Send the head of an answer, a piece of its body, or a part of a file."""
        if message["type"] == ZERO_COPY:
            return self._send_file(message)
        return self._send(message)

    async def _send_file(self, message: Message) -> None:
        cycle, count = self._cycle, message["count"]
        if count > cycle.expected_content_length:
            raise RuntimeError("Response content longer than Content-Length")
        await self._written()
        if cycle.disconnected or self._transport.is_closing():
            return
        file, offset = message["file"].fileno(), message["offset"]
        try:
            await send_file(self._transport, file, offset, count, patience=SEND_SECONDS)
        except ConnectionError:
            return  # the transport learns of it by itself, and says so to whoever receives
        except TimeoutError:
            self._transport.abort()
            return
        cycle.expected_content_length -= count
        if not message.get("more_body", False):
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _written(self) -> None:
        """Wait until what was sent before has left the transport."""
        self._transport.set_write_buffer_limits(0)
        try:
            await self._cycle.flow.drain()
        finally:
            self._transport.set_write_buffer_limits()
