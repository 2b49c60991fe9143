"""Results on their way from the thread that writes to the loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from muniment.server.context import Results


def test_all_that_come_together_are_handed_out() -> None:
    async def scene() -> list[Any]:
        results, loop = Results(), asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(100)]

        def put() -> None:
            for number, future in enumerate(futures):
                results.put(future, number, None)

        writing = threading.Thread(target=put)
        writing.start()
        found = await asyncio.wait_for(asyncio.gather(*futures), 30)
        writing.join()
        return found

    assert asyncio.run(scene()) == list(range(100))


def test_an_error_reaches_whoever_waits() -> None:
    async def scene() -> None:
        results, future = Results(), asyncio.get_running_loop().create_future()
        results.put(future, None, KeyError("mine"))
        with pytest.raises(KeyError, match="mine"):
            await future

    asyncio.run(scene())


def test_who_was_cancelled_is_passed_over() -> None:
    async def scene() -> str:
        results, loop = Results(), asyncio.get_running_loop()
        gone, other = loop.create_future(), loop.create_future()
        gone.cancel()
        results.put(gone, "nobody's", None)
        results.put(other, "mine", None)
        found: str = await other
        return found

    assert asyncio.run(scene()) == "mine"


def test_a_loop_that_has_ended_is_told_nothing() -> None:
    async def future_of() -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    future = asyncio.run(future_of())
    Results().put(future, "too late", None)
    assert not future.done()
