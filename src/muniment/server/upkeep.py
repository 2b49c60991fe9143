"""What a server does by itself, behind the requests: it forgets and closes in time, and delivers.

Of several processes over one registry each looks; a lease says which of them does what only one is
to do.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from muniment.domain.caller import Caller
from muniment.server.context import Context
from muniment.services import Services
from muniment.services.webhooks.delivering import Deliverer

ACTOR: Final = "muniment"
"""Who is written into histories and the audit log for what nobody asked for."""

_EVERY: Final = 3_600.0  # seconds
_EXPIRES_EVERY: Final = 60.0  # seconds; what is overdue is refused before it is closed, too
_LOOKS_EVERY: Final = 1.0  # seconds; another process may have changed something
_RESTS_FOR: Final = 0.02  # seconds; many changes at once are one look
_log = logging.getLogger("muniment.server")


async def keep_audit(context: Context, retention: timedelta) -> None:
    """Cut entries off the audit log as they grow older than `retention`, once an hour, for ever.

    Every worker does: whoever comes second finds nothing left to cut.
    """
    administration = Services(context.ports, Caller(actor=ACTOR)).administration
    loop = asyncio.get_running_loop()
    while True:
        try:
            await loop.run_in_executor(context.threads, administration.prune_audit, retention)
        except Exception:
            _log.exception("The audit log could not be cut; the next try is in an hour.")
        await asyncio.sleep(_EVERY)


async def expire_requests(context: Context) -> None:
    """Close the transition requests whose time is over, in all workspaces, for ever."""
    loop, close = asyncio.get_running_loop(), partial(_close_overdue, context, uuid4().hex)
    while True:
        try:
            await loop.run_in_executor(context.threads, close)
        except Exception:
            _log.exception("Overdue requests could not be closed; the next try is in a minute.")
        await asyncio.sleep(_EXPIRES_EVERY)


def _close_overdue(context: Context, holder: str) -> None:
    """Close what is overdue, unless another process has done so within the last minutes."""
    ports = context.ports
    now = ports.clock()
    until = now + timedelta(seconds=2 * _EXPIRES_EVERY)
    if ports.leases is None or not ports.leases.lease("requests", holder, now, until):
        return
    for workspace in ports.metadata.workspaces():
        caller = Caller(actor=ACTOR, workspace=workspace.name)
        Services(ports, caller).lifecycle.expire_requests()


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
            except Exception:
                _log.exception("Webhooks could not be served; the next try is in a second.")
                await asyncio.sleep(_LOOKS_EVERY)
            await asyncio.sleep(_RESTS_FOR)
            with suppress(TimeoutError):  # wait_for may lose a cancellation in Python 3.11
                async with asyncio.timeout(_LOOKS_EVERY):
                    await changed.wait()
    finally:
        await loop.run_in_executor(None, deliverer.close)
