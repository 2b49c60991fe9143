"""How a route reaches the services, and on which thread it calls them.

The services are synchronous. A point read of a local store takes tens of microseconds and runs on
the event loop; everything that may wait (a commit, a search, a remote store, a disk) runs in one
pool of threads of our own, since the framework's costs more than the work does.

    services: Annotated[Services, Depends(acting_services)]
    model = await read(request, partial(services.catalog.model, name))
    model = await wait_for(request, partial(services.catalog.delete_model, name))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, cast

from starlette.requests import Request

from muniment.domain import names
from muniment.domain.caller import Caller
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.services import Ports, Services

T = TypeVar("T")
WORKSPACE_HEADER = "x-muniment-workspace"


@dataclass(frozen=True, slots=True)
class Context:
    """What a running server holds: the ports and the threads. Stands in `app.state.context`."""

    ports: Ports
    threads: ThreadPoolExecutor


def context_of(request: Request) -> Context:
    """Return the context of the server that handles `request`."""
    return cast(Context, request.app.state.context)


def acting_services(request: Request) -> Services:
    """Return the services, acting for whoever sends `request`. A FastAPI dependency."""
    workspace = names.check_workspace(request.headers.get(WORKSPACE_HEADER, DEFAULT_WORKSPACE))
    request_id = getattr(request.state, "request_id", None)
    return Services(
        context_of(request).ports, Caller(workspace=workspace, request_id=request_id)
    )


async def read(request: Request, call: Callable[[], T]) -> T:
    """Make a point read: here and now where the store is local, else in a thread."""
    if context_of(request).ports.metadata.reads_are_local:
        return call()
    return await wait_for(request, call)


async def wait_for(request: Request, call: Callable[[], T]) -> T:
    """Make a call that may wait, in a thread."""
    threads = context_of(request).threads
    return await asyncio.get_running_loop().run_in_executor(threads, call)
