"""The server's frame: an application in this process, over real stores in a new folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from muniment.server.app import create_app
from muniment.server.settings import Settings

ORIGIN = "http://127.0.0.1:8000"


class InProcess(httpx.BaseTransport):
    """Requests to an application on an event loop in a thread, in the pieces they are sent in."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._send, request)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in cast(httpx.SyncByteStream, request.stream):
                yield piece

        again = httpx.Request(
            request.method, request.url, headers=request.headers.raw, content=pieces()
        )
        response = await self._transport.handle_async_request(again)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers.raw, content=content)


@contextmanager
def serving(app: FastAPI, origin: str = ORIGIN) -> Iterator[httpx.Client]:
    """Run an application from its start to its end; yield a client of it."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx.Client(transport=InProcess(app, portal), base_url=origin) as client,
    ):
        yield client


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """An application with the settings that nobody has changed."""
    return create_app(Settings(home=tmp_path / "home"))


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of `app`, which runs."""
    with serving(app) as client:
        yield client
