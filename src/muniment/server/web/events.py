"""Live updates: a page that somebody waits at is told when something happens to what it shows.

    GET /events?model=fraud              whatever happens to a model
    GET /events?model=fraud&version=3    to one of its versions
    GET /events?request=4                to what a request is about
    GET /events?kind=request             to any model that the visitor may see, of one sort

    id: 5f1c…                            the entry of the history that it is
    event: happened
    data: {"actor": "ada", "told": "approved the request for Production of version 3", …}

As Server-Sent Events: the browser connects again by itself, and says what it was told last (a page
that comes back into sight says it by `since`). Each stream ends after a while, so that who may see
what is decided anew. Any process can be asked: what happens is read off the histories, wherever it
was written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from muniment.domain import names
from muniment.domain.activities import Activity, Happened
from muniment.errors import InvalidInput, Unavailable
from muniment.server.context import wait_for
from muniment.server.streaming import watching
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.telling import told
from muniment.services import Services

MOST: Final = 200
"""Streams at once in one process: each looks once in a while."""
_LOOKS_EVERY: Final = 1.0  # seconds
_LASTS: Final = 300.0
_BREATH: Final = 15.0  # a word now and then, so that no proxy takes the connection for dead
_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream tells of; nothing said is anything."""

    model: str | None
    version: int | None
    kind: str

    def fits(self, activity: Activity) -> bool:
        """Say whether an activity is one to tell of."""
        if self.kind and activity.kind.partition(".")[0] != self.kind:
            return False
        return self.version is None or activity.version in (None, self.version)


async def show(visit: Visit) -> Response:
    """Begin to tell of what happens from now on, or since what was told last."""
    wanted = await visit.wait_for(lambda: _wanted(visit.services, visit.asked))
    streams: set[object] = visit.request.app.state.streams
    if len(streams) >= MOST:
        raise Unavailable("Too many pages are waiting for news.", hint="Load the page again later.")
    newest = await visit.wait_for(lambda: _happened(visit.services, wanted))
    known = visit.request.headers.get("last-event-id") or visit.asked.get("since", "")
    if not names.DIGEST.fullmatch(known):
        known = _mark(newest)
    return _Stream(visit.request, visit.services, wanted, known)


def _wanted(services: Services, asked: Mapping[str, str]) -> Wanted:
    if request := asked.get("request"):
        about = services.lifecycle.request(_number(request, "request"))
        return Wanted(about.model, about.version, "")
    model = asked.get("model") or None
    if model is not None:
        services.catalog.model(model)
    version = asked.get("version")
    number = _number(version, "version") if version else None
    return Wanted(model, number, asked.get("kind", ""))


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"{field} is {text!r:.80}, which is no number.")
    return int(text)


def _happened(services: Services, wanted: Wanted) -> Sequence[Happened]:
    return services.feed.activities(model=wanted.model, page_size=_TOLD).items


def _mark(happened: Sequence[Happened]) -> str:
    return happened[0].activity.hash if happened else ""


def _news(happened: Sequence[Happened], known: str) -> list[Happened]:
    """Return what happened after an entry, oldest first; the last of it if that is long ago."""
    fresh = []
    for one in happened:
        if one.activity.hash == known:
            break
        fresh.append(one)
    return fresh[::-1]


def _lines(happened: Sequence[Happened], wanted: Wanted) -> Iterator[bytes]:
    for one in happened:
        activity = one.activity
        if not wanted.fits(activity):
            continue
        data = {
            "model": one.model,
            "version": activity.version,
            "kind": activity.kind,
            "actor": activity.actor,
            "told": told(activity),
        }
        yield f"id: {activity.hash}\nevent: happened\ndata: {json.dumps(data)}\n\n".encode()


async def _until(event: asyncio.Event) -> None:
    await event.wait()


class _Stream(Response):
    """Looks for news until the reader leaves, the server ends or the stream is old enough."""

    media_type = "text/event-stream"

    def __init__(self, request: Request, services: Services, wanted: Wanted, known: str) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._is_head = request.method == "HEAD"
        self._request, self._services = request, services
        self._wanted, self._known = wanted, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        if self._is_head:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        state = self._request.app.state
        streams, ending = cast("set[object]", state.streams), cast(asyncio.Event, state.ending)
        streams.add(self)
        end = asyncio.create_task(_until(ending))
        try:
            async with watching(receive) as gone:
                await self._tell(send, {gone, end})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            end.cancel()
            streams.discard(self)

    async def _tell(self, send: Send, stops: set[asyncio.Task[None]]) -> None:
        loop = asyncio.get_running_loop()
        spoke = loop.time()
        ends, pieces = spoke + _LASTS, [f"id: {self._known}\nevent: began\ndata: {{}}\n\n".encode()]
        while loop.time() < ends:
            happened = await wait_for(
                self._request, lambda: _happened(self._services, self._wanted)
            )
            pieces += _lines(_news(happened, self._known), self._wanted)
            self._known = _mark(happened) or self._known
            if not pieces and loop.time() - spoke >= _BREATH:
                pieces = [b": still here\n\n"]
            for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                spoke = loop.time()
            pieces = []
            done, _ = await asyncio.wait(
                stops, timeout=_LOOKS_EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return


routes: Final = web_routes("/events", get=show)
