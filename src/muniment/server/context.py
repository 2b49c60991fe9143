"""How a route reaches the services, and on which thread it calls them.

The services are synchronous. A point read of a local store takes tens of microseconds and runs on
the event loop; so does a search of one, unless it turns out to take long. Everything else that may
wait (a commit, a remote store, a disk) runs in one pool of threads of our own, since the
framework's costs more than the work does.

    services: Annotated[Services, Depends(acting_services)]
    model = await read(request, partial(services.catalog.model, name))
    page = await search(request, partial(services.catalog.search_models, text))
    model = await change(request, partial(services.catalog.update_model, name, changes))
    model = await wait_for(request, partial(services.catalog.delete_model, name))
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from starlette.requests import Request

from muniment.domain import names
from muniment.domain.deployments import check_consumer
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import InvalidInput, NotFound
from muniment.services import Ports, Services
from muniment.services.access.access import Access, SignedIn
from muniment.services.waiting import MustWait, unwaiting
from muniment.storage.metadata import TakesLonger

if TYPE_CHECKING:
    from muniment.server.oidc import Oidc

T = TypeVar("T")
WORKSPACE_HEADER = "x-muniment-workspace"
CONSUMER_HEADER = "x-muniment-consumer"


@dataclass(frozen=True, slots=True)
class Context:
    """What a running server holds: the ports and the threads. Stands in `app.state.context`."""

    ports: Ports
    threads: ThreadPoolExecutor
    workspaces: set[str] = field(default_factory=lambda: {DEFAULT_WORKSPACE})
    """Those that are known to exist; none is ever removed."""
    results: Results = field(default_factory=lambda: Results())


def context_of(request: Request) -> Context:
    """Return the context of the server that handles `request`."""
    return cast(Context, request.app.state.context)


def oidc_of(request: Request) -> Oidc | None:
    """Return the OpenID Connect issuer that the settings name, if they do."""
    return cast("Oidc | None", request.app.state.oidc)


def access_of(request: Request) -> Access:
    """Return what signs people in."""
    return Access(context_of(request).ports)


def address_of(request: Request) -> str:
    """Return the address that `request` comes from: the peer's, or what a trusted proxy says."""
    return request.client.host if request.client else ""


def signed_in_of(request: Request) -> SignedIn | None:
    """Return who sends `request`; None for the owner of a registry without users.

    Found out by the frame: where it was not, on a path that is open to all, this fails.
    """
    return cast(SignedIn | None, request.scope["state"]["signed_in"])


async def acting_services(request: Request, workspace: str | None = None) -> Services:
    """Return the services, acting for whoever sends `request`, in the workspace that it names.

    A page names it in its path, others in a header.

    Raises:
        NotFound: there is no such workspace, or none that the caller may do anything in.
        InvalidInput: what the caller calls itself, or the workspace, is no name.
    """
    signed_in, workspace = signed_in_of(request), await workspace_of(request, workspace)
    request_id = getattr(request.state, "request_id", None)
    consumer = consumer_of(request)
    caller = await read(
        request, partial(access_of(request).caller, signed_in, workspace, request_id, consumer)
    )
    if workspace != DEFAULT_WORKSPACE and not caller.principal.grants:
        raise no_workspace(workspace)
    return Services(context_of(request).ports, caller)


def consumer_of(request: Request) -> str | None:
    """Return what the job that sends `request` calls itself, if it does. Raises InvalidInput."""
    said = request.headers.get(CONSUMER_HEADER)
    if not said:
        return None
    try:
        name = said.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise InvalidInput(
            "The header X-Muniment-Consumer is not UTF-8.", details={"field": "consumer"}
        ) from None
    return check_consumer(name)


async def workspace_of(request: Request, named: str | None = None) -> str:
    """Return the workspace that `request` is about: `named`, or its header's. Raises NotFound."""
    said = request.headers.get(WORKSPACE_HEADER, DEFAULT_WORKSPACE) if named is None else named
    name = names.check_workspace(said)
    context = context_of(request)
    if name not in context.workspaces:
        found = await read(request, context.ports.metadata.workspaces)
        context.workspaces.update(workspace.name for workspace in found)
        if name not in context.workspaces:
            raise no_workspace(name)
    return name


def no_workspace(name: str) -> NotFound:
    """Return the error for a workspace that is not here, or in which the caller holds nothing."""
    return NotFound(f"There is no workspace {name!r}.")


async def read(request: Request, call: Callable[[], T]) -> T:
    """Make a point read: here and now where the store is local, else in a thread."""
    if context_of(request).ports.metadata.reads_are_local:
        return call()
    return await wait_for(request, call)


async def search(request: Request, call: Callable[[], T]) -> T:
    """Make a search, which only reads: here if the store is local and soon done, else in a thread.

    To change threads takes longer than most searches do, and many at once hinder each other.
    """
    metadata = context_of(request).ports.metadata
    if metadata.reads_are_local:
        with suppress(TakesLonger), metadata.briefly():
            return call()
    return await wait_for(request, call)


async def change(request: Request, call: Callable[[], T]) -> T:
    """Make a short call that changes something: in the store's own thread, if it has one.

    There and back are two changes of threads instead of four. See `MetadataStore.submit` for what
    such a call may do.
    """
    context = context_of(request)
    result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    done = partial(context.results.put, result)
    if context.ports.metadata.submit(partial(unwaiting, call), done):
        with suppress(MustWait):
            return await result
    return await wait_for(request, call)


async def wait_for(request: Request, call: Callable[[], T]) -> T:
    """Make a call that may wait, in a thread."""
    threads = context_of(request).threads
    return await asyncio.get_running_loop().run_in_executor(threads, call)


class Results:
    """Results on their way from the thread that writes to the loop, which many wake but once."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()

    def put(self, future: asyncio.Future[T], result: T | None, error: BaseException | None) -> None:
        """Have the future take a result, or an error. For one thread."""
        self._waiting.append((future, result, error))
        if len(self._waiting) == 1:  # else the loop was told, and is not through yet
            with suppress(RuntimeError):  # it has ended, and nobody waits
                future.get_loop().call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        while self._waiting:
            future, result, error = self._waiting.popleft()
            if future.done():
                continue  # whoever waited was cancelled
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
