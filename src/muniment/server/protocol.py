"""HTTP/1.1 that gives up on whoever keeps it waiting, or never comes to an end.

head      complete within HEAD_SECONDS, and within 1 MiB
body      its reader gives up after a time of silence (`streaming.SILENCE`)
answer    some of it is taken within `exchange.SEND_SECONDS`, or the connection is cut
end       an answer that comes before the end of its request is left time to arrive
idle      uvicorn closes kept connections on its own
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from muniment.server.exchange import SEND_SECONDS, Exchange, extensions

HEAD_SECONDS: Final = 30.0
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
    _unparsed = 0  # bytes of the body that go past the parser
    _exchange: Exchange  # whose head came last
    _waiting: asyncio.TimerHandle | None = None  # for a head
    _lingering: asyncio.TimerHandle | None = None  # for the rest of a body that nobody reads
    _sending: asyncio.TimerHandle | None = None  # to somebody who takes nothing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._extensions = extensions(transport)
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
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head, self._in_body = False, True
        self._stop_waiting()
        super().on_headers_complete()
        cycle = self.cycle
        self._exchange = exchange = Exchange(cycle, self.transport)
        cycle.receive = exchange.receive  # type: ignore[method-assign, assignment]
        cycle.send = exchange.send  # type: ignore[method-assign, assignment]
        cycle.transport = cast(asyncio.Transport, _Answering(self))

    def on_body(self, body: bytes) -> None:
        """A piece of the body is here."""
        self._exchange.take(body)

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
        if self._unparsed:
            self._unset_keepalive_if_required()
            data = self._take_unparsed(data)
        if data:
            super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_body and not self._unparsed:
            self._unparsed = self._bytes_left()
        if self._in_head:
            self._head += len(data)
            if self._head > _MAX_HEAD:
                self.send_400_response("The head of the request is too long.")
                return
        if self._in_head or not self._is_answering():
            self._wait()

    def _bytes_left(self) -> int:
        """Return how long the rest of the body is if it is nothing but bytes, else 0."""
        headers = dict(self.headers)
        if b"transfer-encoding" in headers or self.parser.should_upgrade():
            return 0
        return int(headers.get(b"content-length", 0)) - self._exchange.came

    def _take_unparsed(self, data: bytes) -> bytes:
        """Hand on what belongs to the body, past the parser, which would copy it; return the rest.

        After that the parser would wait for the body: it is replaced.
        """
        body, rest = data[: self._unparsed], data[self._unparsed :]
        self._unparsed -= len(body)
        self.on_body(body)
        if not self._unparsed:
            self.on_message_complete()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as it was
        return rest

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
