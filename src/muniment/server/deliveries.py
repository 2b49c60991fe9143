"""Delivering webhooks behind the requests: of several processes over one registry, one does it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Final

from muniment.errors import Unavailable
from muniment.server.context import Context
from muniment.services.webhooks.delivering import Deliverer

_LOOKS_EVERY: Final = 1.0  # seconds; another process may have changed something
_RESTS_FOR: Final = 0.02  # seconds; many changes at once are one look
_log = logging.getLogger("muniment.server")


async def deliver_webhooks(context: Context, changed: asyncio.Event, retention: timedelta) -> None:
    """Tell webhooks of what happens, as soon as `changed` is set and once a second, for ever.

    Every worker looks, one of them delivers. Cancelled, this waits for what is under way.
    """
    ports, loop = context.ports, asyncio.get_running_loop()
    if ports.webhooks is None or ports.leases is None:
        return

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    deliverer = Deliverer(ports, ports.webhooks, ports.leases, wake=wake, retention=retention)
    try:
        while True:
            changed.clear()
            try:
                await loop.run_in_executor(context.threads, deliverer.round)
            except Unavailable as error:  # expected where the database is a server
                _log.warning("Webhooks can't be served; the next try is in a second: %s", error)
                await asyncio.sleep(_LOOKS_EVERY)
            except Exception:
                _log.exception("Webhooks could not be served; the next try is in a second.")
                await asyncio.sleep(_LOOKS_EVERY)
            await asyncio.sleep(_RESTS_FOR)
            with suppress(TimeoutError):  # wait_for may lose a cancellation in Python 3.11
                async with asyncio.timeout(_LOOKS_EVERY):
                    await changed.wait()
    finally:
        await loop.run_in_executor(None, deliverer.close)
