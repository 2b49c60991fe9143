"""HTTP/1.1 that gives up on whoever keeps it waiting, or never comes to an end.

head      complete within HEAD_SECONDS, and within 1 MiB
body      its reader gives up after a time of silence (`streaming.SILENCE`)
answer    some of it is taken within SEND_SECONDS, or the connection is cut
end       an answer that comes before the end of its request is left time to arrive
idle      uvicorn closes kept connections on its own
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 30.0
SEND_SECONDS: Final = 300.0
LINGER_SECONDS: Final = 5.0
_MAX_HEAD: Final = 1024 * 1024
_TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """See the module.

    The parser collects URL and headers until they are complete; only then can the application
    refuse them. This keeps a sender who never completes them from filling the memory, and many who
    are slow at it from taking all connections.
    """

    _head = 0  # bytes of the head so far; exact to one read of the socket
    _in_head = False
    _in_body = False
    _waiting: asyncio.TimerHandle | None = None  # for a head
    _lingering: asyncio.TimerHandle | None = None  # for the rest of a body that nobody reads
    _sending: asyncio.TimerHandle | None = None  # to somebody who takes nothing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        self._resume_sending()
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head, self._in_body = False, True
        self._stop_waiting()
        super().on_headers_complete()
        self.cycle.transport = cast(asyncio.Transport, _Answering(self))

    def on_message_complete(self) -> None:
        """The body is complete, if there is one."""
        self._in_body = False
        super().on_message_complete()
        if self._lingering is not None:
            self.transport.close()

    def close_after_answer(self) -> None:
        """Close the connection, but not yet if its sender is still busy.

        What arrives at a closed socket is answered by a reset, which takes the answer away from
        whoever has not read it yet. A proxy would report a broken server, and ask it no more.
        """
        if not self._in_body:
            self.transport.close()
        elif self._lingering is None:
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Parse, and give up if the head goes on and on."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head += len(data)
            if self._head > _MAX_HEAD:
                self.send_400_response("The head of the request is too long.")
                return
        if self._in_head or not self._is_answering():
            self._wait()

    def pause_writing(self) -> None:
        """The peer takes less than we send."""
        super().pause_writing()
        self._sending = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer has taken enough of it."""
        self._resume_sending()
        super().resume_writing()

    def _resume_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self._in_head and not self._is_answering():
            self.transport.write(_TOO_LATE)
        self.transport.close()

    def _is_answering(self) -> bool:
        return not getattr(self.cycle, "response_complete", True)  # at first there is no cycle


class _Answering:
    """What an answer is written to: the transport of a protocol, which closes it in its own way."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, protocol: BoundedProtocol) -> None:
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.close_after_answer
