"""The registry for asynchronous code: the same methods, as coroutines.

The work is done by the synchronous client in threads of its own, so the event loop stays free. A
coroutine that is cancelled stops waiting; what its thread has begun, it ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeAlias, TypeVar

from muniment.client.listing import Listing
from muniment.client.registry import Registry
from muniment.client.verification import VerifyReport
from muniment.domain.entities import Page

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

THREADS: Final = 8
Run: TypeAlias = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]


class AsyncListing(Generic[T]):
    """What a search finds: `async for` over it, or take it a page at a time."""

    def __init__(self, registry: AsyncRegistry, open_listing: Callable[[], Listing[T]]) -> None:
        self._registry = registry
        self._open = open_listing

    async def __aiter__(self) -> AsyncIterator[T]:
        token: str | None = None
        while True:
            page = await self.page(token)
            for item in page.items:
                yield item
            token = page.next_token
            if token is None:
                return

    async def page(self, token: str | None = None, *, size: int | None = None) -> Page[T]:
        """Return one page; its `next_token` leads to the next one, None at the end."""
        return await self._registry._run(lambda: self._open().page(token, size=size))

    async def first(self) -> T | None:
        """Return the first entry, or None."""
        return await self._registry._run(lambda: self._open().first())

    async def all(self) -> list[T]:
        """Return everything, in a list."""
        return await self._registry._run(lambda: self._open().all())


def _coroutine(
    method: Callable[Concatenate[Registry, P], R],
) -> Callable[Concatenate[AsyncRegistry, P], Coroutine[Any, Any, R]]:
    """Return a method of `Registry` as one of `AsyncRegistry`."""

    @functools.wraps(method)
    async def call(self: AsyncRegistry, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(lambda: method(self._registry(), *args, **kwargs))

    return call


def _listing(
    method: Callable[Concatenate[Registry, P], Listing[T]],
) -> Callable[Concatenate[AsyncRegistry, P], AsyncListing[T]]:
    """Return a method that lists, which needs no waiting itself: the list is waited for."""

    @functools.wraps(method)
    def call(self: AsyncRegistry, /, *args: P.args, **kwargs: P.kwargs) -> AsyncListing[T]:
        return AsyncListing(self, lambda: method(self._registry(), *args, **kwargs))

    return call


class AsyncRegistry:
    """A model registry; `muniment.connect_async` makes one. See `Registry` for each method.

    The models and versions that it returns are plain values here: `await registry.load(version)`
    rather than `version.load()`, which would wait in the event loop.
    """

    def __init__(self, connect: Callable[[], Registry]) -> None:
        self._connect = connect
        self._connected: Registry | None = None
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="muniment-async")

    async def close(self) -> None:
        """Let go of connections, files and threads."""
        connected = self._connected
        if connected is not None:
            await self._run(connected.close)
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> AsyncRegistry:
        await self._run(self._registry)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    whoami = _coroutine(Registry.whoami)
    can = _coroutine(Registry.can)

    push = _coroutine(Registry.push)
    pull = _coroutine(Registry.pull)
    load = _coroutine(Registry.load)
    open = _coroutine(Registry.open)
    read = _coroutine(Registry.read)

    model = _coroutine(Registry.model)
    version = _coroutine(Registry.version)
    models = _listing(Registry.models)
    versions = _listing(Registry.versions)
    manifest = _coroutine(Registry.manifest)
    aliases = _coroutine(Registry.aliases)
    history = _listing(Registry.history)
    diff = _coroutine(Registry.diff)
    verify = _coroutine(Registry.verify)

    async def verify_model(self, name: str) -> AsyncIterator[VerifyReport]:
        """Verify every version of a model; see `Registry.verify_model`."""
        reports = await self._run(lambda: self._registry().verify_model(name))
        while (report := await self._run(lambda: next(reports, None))) is not None:
            yield report

    create_model = _coroutine(Registry.create_model)
    update_model = _coroutine(Registry.update_model)
    update_version = _coroutine(Registry.update_version)
    tag = _coroutine(Registry.tag)
    rename = _coroutine(Registry.rename)
    set_alias = _coroutine(Registry.set_alias)
    delete_alias = _coroutine(Registry.delete_alias)

    stages = _coroutine(Registry.stages)
    define_stage = _coroutine(Registry.define_stage)
    drop_stage = _coroutine(Registry.drop_stage)
    requirements = _coroutine(Registry.requirements)
    move_to_stage = _coroutine(Registry.move_to_stage)
    request = _coroutine(Registry.request)
    requests = _listing(Registry.requests)
    blockers = _coroutine(Registry.blockers)
    approve = _coroutine(Registry.approve)
    reject = _coroutine(Registry.reject)
    cancel = _coroutine(Registry.cancel)
    resolve = _coroutine(Registry.resolve)
    tenures = _coroutine(Registry.tenures)
    rollback = _coroutine(Registry.rollback)
    reviews_due = _coroutine(Registry.reviews_due)

    report_check = _coroutine(Registry.report_check)
    checks = _coroutine(Registry.checks)
    run_checks = _coroutine(Registry.run_checks)
    waiting_checks = _coroutine(Registry.waiting_checks)
    available_checks = _coroutine(Registry.available_checks)
    check_configuration = _coroutine(Registry.check_configuration)
    configure_checks = _coroutine(Registry.configure_checks)
    sign = _coroutine(Registry.sign)
    add_signature = _coroutine(Registry.add_signature)
    signatures = _coroutine(Registry.signatures)
    bundle = _coroutine(Registry.bundle)
    remove_signature = _coroutine(Registry.remove_signature)
    keys = _coroutine(Registry.keys)
    trust_key = _coroutine(Registry.trust_key)
    drop_key = _coroutine(Registry.drop_key)
    card = _coroutine(Registry.card)
    bom = _coroutine(Registry.bom)
    evidence = _coroutine(Registry.evidence)
    comment = _coroutine(Registry.comment)
    comments = _listing(Registry.comments)
    edit_comment = _coroutine(Registry.edit_comment)
    delete_comment = _coroutine(Registry.delete_comment)
    link = _coroutine(Registry.link)
    unlink = _coroutine(Registry.unlink)
    origins = _coroutine(Registry.origins)
    lineage = _coroutine(Registry.lineage)
    deploy = _coroutine(Registry.deploy)
    retire = _coroutine(Registry.retire)
    deployments = _listing(Registry.deployments)
    drift = _listing(Registry.drift)
    users_of = _coroutine(Registry.users_of)
    consumers = _coroutine(Registry.consumers)
    activities = _listing(Registry.activities)

    delete_model = _coroutine(Registry.delete_model)
    restore_model = _coroutine(Registry.restore_model)
    delete_version = _coroutine(Registry.delete_version)
    restore_version = _coroutine(Registry.restore_version)
    collect_garbage = _coroutine(Registry.collect_garbage)

    def _registry(self) -> Registry:
        """Return the registry, opened by whoever needs it first. Called in threads only."""
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    async def _run(self, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        return await loop.run_in_executor(self._threads, context.run, work)
