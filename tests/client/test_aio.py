"""The same registry for asynchronous code."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import muniment
from muniment import AsyncRegistry, NotFound, Registry
from muniment.client.aio import AsyncListing
from muniment.client.listing import Listing
from tests.client.servers import Server


def public(cls: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(cls)
        if not name.startswith("_") and callable(member)
    }


@pytest.mark.parametrize(("one", "other"), [(Registry, AsyncRegistry), (Listing, AsyncListing)])
def test_both_have_the_same_methods_with_the_same_parameters(one: type, other: type) -> None:
    sync, aio = public(one), public(other)

    assert sync.keys() == aio.keys()
    for name in sync:
        assert list(sync[name].parameters.values()) == list(aio[name].parameters.values()), name


@pytest.fixture(params=["folder", "server"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "registry")
    server: Server = request.getfixturevalue("server")
    return server.url


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def strictly() -> None:
        await main()

    asyncio.run(strictly())


def test_the_main_job(address: str, name: str) -> None:
    async def main() -> None:
        async with muniment.connect_async(address) as registry:
            version = await registry.push(name, {"a": 1}, metrics={"auc": 0.5}, alias="champion")
            assert (version.model, version.version) == (name, 1)
            assert await registry.load(f"{name}@champion") == {"a": 1}
            assert (await registry.pull(version) / "model.json").is_file()
            assert await registry.read(version, "model.json") == b'{"a": 1}'
            assert (await registry.verify(version)).ok
            stream = await registry.open(version, "model.json")
            assert isinstance(stream, io.BufferedReader)
            stream.close()
            with pytest.raises(NotFound):
                await registry.model("no such model")

    run(main)


def test_lists_are_iterated_and_paged(address: str, name: str) -> None:
    async def main() -> None:
        async with muniment.connect_async(address) as registry:
            await asyncio.gather(*(registry.push(name, f"{n}".encode()) for n in range(5)))
            versions = registry.versions(model=name, order_by="version")
            assert [version.version async for version in versions] == [1, 2, 3, 4, 5]
            page = await versions.page(size=2)
            assert [v.version for v in (await versions.page(page.next_token, size=2)).items] == [
                3,
                4,
            ]
            assert len(await versions.all()) == 5
            first = await registry.models(f"name = '{name}'").first()
            assert first is not None
            assert [entry.kind async for entry in registry.history(name)][-1] == "model.created"

    run(main)


def test_the_event_loop_stays_free(address: str, name: str) -> None:
    """While a push waits inside the source that it reads, the loop goes on and lets it end."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()

        class Waiting(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                loop.call_soon_threadsafe(asked.set)
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
                return super().read(size)

        async with muniment.connect_async(address) as registry:
            pushing = asyncio.create_task(registry.push(name, Waiting(b"slow")))
            await asked.wait()
            assert await registry.read(await pushing, "model.bin") == b"slow"

    run(main)


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    async def main() -> None:
        registry = muniment.connect_async(tmp_path / "registry")
        assert not (tmp_path / "registry").exists()
        assert await registry.models().all() == []
        assert (tmp_path / "registry").exists()
        await registry.close()

    run(main)


def test_the_versions_of_a_model_are_verified_one_by_one(address: str) -> None:
    async def main() -> None:
        async with muniment.connect_async(address) as registry:
            for content in (b"one", b"two"):
                await registry.push("fraud", content)
            reports = [report async for report in registry.verify_model("fraud")]
            assert [(report.ref, report.ok) for report in reports] == [
                ("fraud/2", True),
                ("fraud/1", True),
            ]

    run(main)
