"""multipart/form-data as it comes: part after part, never held, never spooled.

async for part in parts_of(request):          a part must be read before the next one comes
    if part.filename is not None:
        async for chunk in part.chunks(): …
    else:
        text = await part.read(limit)
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from muniment.errors import InvalidInput, LimitExceeded
from muniment.server.streaming import chunks_of

FORM: Final = "multipart/form-data"


class _End:
    """The end of a part."""


_END: Final = _End()


@dataclass
class Part:
    """One part of a form: a file if it has a `filename`, else a field."""

    name: str
    filename: str | None
    media_type: str | None
    _feed: _Feed = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the part's content as it comes."""
        while not isinstance(event := await self._feed.next(), _End):
            if isinstance(event, bytes):
                yield event

    async def read(self, limit: int) -> bytes:
        """Return the part's whole content.

        Raises:
            LimitExceeded: it has more than `limit` bytes.
        """
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) > limit:
                raise LimitExceeded(
                    f"The part {self.name!r:.200} is larger than {limit} bytes.",
                    details={"limit": limit, "field": self.name},
                )
        return bytes(content)


async def parts_of(request: Request, *, limit: int) -> AsyncIterator[Part]:
    """Yield the parts of a form; what was left unread of one is skipped.

    Raises:
        InvalidInput: the body is no form, or breaks off.
        LimitExceeded: more than `limit` parts.
        HTTPException: 415, if the body says that it is something else.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != FORM.encode():
        raise HTTPException(
            415, f"The body is {media_type.decode() or 'of an unnamed type'}; this takes {FORM}."
        )
    async with aclosing(chunks_of(request)) as body:
        feed = _Feed(body, options.get(b"boundary", b""))
        count = 0
        while (event := await feed.next_part()) is not None:
            count += 1
            if count > limit:
                raise LimitExceeded(f"More than {limit} parts.", details={"limit": limit})
            yield event


class _Feed:
    """The parser, and what it has found and nobody has asked for yet."""

    def __init__(self, body: AsyncIterator[bytes], boundary: bytes) -> None:
        if not boundary:
            raise InvalidInput("The Content-Type names no boundary.")
        self._body = body
        self._events: deque[Part | bytes | _End] = deque()
        self._ended = False
        self._header_name = self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise _unreadable(error) from None

    async def next_part(self) -> Part | None:
        """Return the next part, skipping the rest of this one; None at the end of the form."""
        while (event := await self._next()) is not None:
            if isinstance(event, Part):
                return event
        return None

    async def next(self) -> Part | bytes | _End:
        """Return what comes next within a part."""
        event = await self._next()
        assert event is not None  # the parser ends each part before the form  # noqa: S101
        return event

    async def _next(self) -> Part | bytes | _End | None:
        while not self._events:
            if self._ended:
                return None
            chunk = await anext(self._body, b"")
            if not chunk:
                raise InvalidInput("The form breaks off: its closing boundary is missing.")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise _unreadable(error) from None
        return self._events.popleft()

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise InvalidInput("A part of the form has no name.")
        media_type = self._headers.get(b"content-type")
        filename = options.get(b"filename")
        self._events.append(
            Part(
                name=_text(options[b"name"]),
                filename=None if filename is None else _text(filename),
                media_type=None if media_type is None else _text(media_type),
                _feed=self,
            )
        )

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _on_part_end(self) -> None:
        self._events.append(_END)

    def _on_end(self) -> None:
        self._ended = True


def _text(header: bytes) -> str:
    return header.decode("utf-8", "surrogateescape")


def _unreadable(error: FormParserError) -> InvalidInput:
    return InvalidInput(f"The form can't be read: {error}.")
