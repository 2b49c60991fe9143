"""The server, put together: settings and ports in, an ASGI application out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware

from muniment._version import __version__
from muniment.errors import ConfigurationError
from muniment.server import api, classic, health, mlflow, problems, reference, sign_in, web
from muniment.server.chores import chores, keep_up
from muniment.server.context import Context
from muniment.server.deliveries import deliver_webhooks
from muniment.server.dispatch import RouteTree, Shortcut
from muniment.server.metrics import Metrics
from muniment.server.middleware import Frame
from muniment.server.settings import Settings
from muniment.server.tracking import mount_of
from muniment.server.tracking.routes import routes as tracking_routes
from muniment.services import Auditor, Observer, Ports
from muniment.services.webhooks.sending import Sender
from muniment.storage.factory import open_stores

if TYPE_CHECKING:
    from muniment.server.oidc import Oidc

_THREADS: Final = 32
"""Calls that may wait at the same time. Most wait for one commit that they share, or for a disk."""


def open_ports(settings: Settings) -> Ports:
    """Open the stores that `settings` name, with the default workspace in them.

    Raises:
        ConfigurationError: a place can't be used, or was written by a newer Muniment.
        Corrupt: the database is damaged.
        Unavailable: a server does not answer.
    """
    with usable(settings):
        stores = open_stores(settings.place)
    ports = Ports(
        stores.metadata,
        stores.blobs,
        accounts=stores.accounts,
        auditor=Auditor(stores.accounts),
        observer=Observer(stores.metadata),
        webhooks=stores.webhooks,
        leases=stores.leases,
        sender=Sender(settings.webhook_schemes, settings.webhook_allow_private),
        retention=settings.retention,
        runs_checks=bool(settings.checks_every),
    )
    try:
        ports.begin()
    except BaseException:
        ports.close()
        raise
    return ports


@contextmanager
def usable(settings: Settings) -> Iterator[None]:
    """Say of a folder that can't be made or entered which one it is."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The folder {settings.shown_place!r} can't be used: {error.strerror or error}.",
            hint="Choose another one (MUNIMENT_HOME, --home), or mend its permissions.",
            details={"setting": "home"},
        ) from error


def create_app(settings: Settings, ports: Ports | None = None) -> FastAPI:
    """Return the application. It opens and closes its own stores, unless it is given `ports`.

    The stores are opened behind its back when it starts: it answers /health meanwhile, and lets
    other requests wait. `app.state.opening` is the task that does so; its exception, if it ends
    with one, is what those requests are answered with.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="muniment")
        ending = threading.Event()

        async def open_stores() -> Context:
            opened = ports
            if opened is None:
                loop = asyncio.get_running_loop()
                opened = await loop.run_in_executor(threads, open_ports, settings)
            context = app.state.context = Context(opened, threads)
            for chore in chores(opened, settings, ending.is_set):
                upkeep.append(asyncio.create_task(keep_up(context, chore, ending.is_set)))
            delivering = deliver_webhooks(context, app.state.changed, settings.webhook_retention)
            upkeep.append(asyncio.create_task(delivering))
            return context

        upkeep: list[asyncio.Task[None]] = []
        app.state.opening = asyncio.create_task(open_stores())
        try:
            yield
        finally:
            await asyncio.wait([app.state.opening])
            ending.set()
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*upkeep, return_exceptions=True)
            threads.shutdown()
            if app.state.tracking is not None:
                app.state.tracking.close()
            if ports is None and app.state.opening.exception() is None:
                app.state.opening.result().ports.close()

    tags = {**api.TAGS, "classic": "What classic clients speak.", **health.TAGS}
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
    app.state.changed = asyncio.Event()
    app.state.ending = asyncio.Event()
    app.state.streams = set()
    app.state.metrics = Metrics()
    app.state.pages = {}
    app.state.dialects = problems.Dialects(mlflow.ERRORS)
    app.state.settings = settings
    app.state.oidc = _oidc(settings)
    app.state.tracking = mount_of(settings)
    for router in (api.router, classic.router, health.router, sign_in.router, reference.router):
        # As they are: routers that are included match every request twice.
        app.router.routes.extend(router.routes)
    app.router.routes.extend(web.routes)
    app.router.routes.extend(mlflow.routes)
    app.router.routes.extend(tracking_routes)
    app.router.routes.insert(0, RouteTree(app.router.routes))
    problems.install(app, web.missing_page)
    # In place of the framework's own outer layers: the frame catches, limits and counts.
    inner = ExceptionMiddleware(AsyncExitStackMiddleware(app.router), app.exception_handlers)
    direct = Shortcut(inner, mlflow.calls)
    app.middleware_stack = Frame(direct, settings=settings, metrics=app.state.metrics)
    return app


def _oidc(settings: Settings) -> Oidc | None:
    if settings.oidc_issuer is None:
        return None
    from muniment.server.oidc import Oidc  # imported only where it is used: it needs an extra

    secret = settings.oidc_client_secret
    if settings.oidc_client_id and secret is None and settings.place.sqlite_file is None:
        raise ConfigurationError(
            "Sign-ins by OIDC need the client's secret: processes on several machines share it.",
            hint="Let the issuer give its client a secret: MUNIMENT_OIDC_CLIENT_SECRET_FILE.",
            details={"setting": "oidc_client_secret"},
        )
    return Oidc(
        issuer=settings.oidc_issuer,
        home=settings.home,
        client_id=settings.oidc_client_id or "",
        client_secret=secret.get_secret_value() if secret else "",
        audience=settings.oidc_audience or "",
        name_claim=settings.oidc_name_claim,
        groups_claim=settings.oidc_groups_claim,
        scopes=settings.oidc_scopes,
    )
