"""The server, put together: settings and ports in, an ASGI application out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI

from muniment._version import __version__
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.server import api, health, problems, reference
from muniment.server.context import Context
from muniment.server.dispatch import RouteTree
from muniment.server.metrics import Metrics
from muniment.server.middleware import Frame
from muniment.server.settings import Settings
from muniment.services import Ports
from muniment.storage.factory import open_folder

_THREADS: Final = 32
"""Calls that may wait at the same time. Most wait for one commit that they share, or for a disk."""


def open_ports(settings: Settings) -> Ports:
    """Open the stores that `settings` name, with the default workspace in them.

    Raises:
        ConfigurationError: the folder was written by a newer Muniment.
        Corrupt: its database is damaged.
    """
    metadata, blobs = open_folder(settings.home)
    ports = Ports(metadata, blobs, settings.retention)
    metadata.ensure_workspace(DEFAULT_WORKSPACE, ports.clock())
    return ports


def create_app(settings: Settings, ports: Ports | None = None) -> FastAPI:
    """Return the application. It opens and closes its own stores, unless it is given `ports`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = ports or open_ports(settings)
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="muniment")
        app.state.context = Context(opened, threads)
        try:
            yield
        finally:
            threads.shutdown()
            if ports is None:
                opened.close()

    tags = {**api.TAGS, **health.TAGS}
    app = FastAPI(
        title="Muniment",
        version=__version__,
        summary="A model registry: every version of every model, and what it is made of.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        openapi_tags=[{"name": name, "description": what} for name, what in tags.items()],
        redirect_slashes=False,
    )
    app.state.metrics = Metrics()
    app.state.pages = {}
    app.state.settings = settings
    import importlib

    for name in ("api", "classic"):
        try:
            _take(app, importlib.import_module("muniment.server." + name).router)
        except (ImportError, AttributeError) as e:
            print("MISSING", name, e)
    for router in (health.router, reference.router):
        _take(app, router)
    app.router.routes.insert(0, RouteTree(app.router.routes))
    problems.install(app)
    app.add_middleware(Frame, settings=settings, metrics=app.state.metrics)
    return app


def _take(app: FastAPI, router: APIRouter) -> None:
    """Put the routes of `router` into the table as they are: included, each would match twice."""
    app.router.routes.extend(router.routes)
