"""Chores: what a registry wants done every so often, by one process of all that serve it.

    look ──> the lease is free? ──> hold it ──> work ──┬─ done: keep the lease until it is due again
     ▲              └─ no: somebody does it, or has    ├─ failed: give it back, try again soon
     └──────────────── a while later ──────────────────┴─ the server ends: stop, give it back

The lease is also the calendar: it tells a process that starts when the chore was last done. Whoever
dies at work holds it for an hour at most; every chore may be begun again, and be done by two.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from muniment.domain.caller import Caller
from muniment.errors import Unavailable
from muniment.server.context import Context
from muniment.server.settings import Settings
from muniment.services import Ports, Services

ACTOR: Final = "muniment"
"""Who is written into histories and the audit log for what nobody asked for."""

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_REST: Final = timedelta(minutes=10)  # what is not urgent is left alone when a server starts
_log = logging.getLogger("muniment.server")


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so often.

    Args:
        name: of its lease.
        every: when it is due again.
        at_first: how long a process waits after its start before it looks.
        work: does it, in a thread. It may take any time, and stops early when the server ends.
    """

    name: str
    every: timedelta
    at_first: timedelta
    work: Callable[[], object]

    @property
    def looks_every(self) -> timedelta:
        """How long a process waits between looks whether it is due."""
        return min(self.every / 2, _REST)

    @property
    def held_for(self) -> timedelta:
        """How long a process that dies at work keeps others waiting."""
        return min(2 * self.every, _HOUR)


def chores(ports: Ports, settings: Settings, ending: Callable[[], bool]) -> Iterator[Chore]:
    """Yield what the settings ask for; `ending` says whether long work is to stop."""
    act = Services(ports, Caller(actor=ACTOR))
    yield Chore("requests", _MINUTE, timedelta(0), partial(_close_overdue, ports))
    if settings.checks_every:
        check = partial(_check, ports, ending)
        yield Chore("checks", settings.checks_every, settings.checks_every, check)
    if settings.audit_retention:
        prune = partial(act.administration.prune_audit, settings.audit_retention)
        yield Chore("audit", _HOUR, timedelta(0), prune)
    if settings.gc_every:
        every = settings.gc_every
        collect = partial(act.housekeeping.collect_garbage, ending=ending)
        yield Chore("garbage", every, min(every, _REST), collect)
    if settings.use_retention:
        forget = partial(_forget_uses, ports, settings.use_retention)
        yield Chore("uses", timedelta(days=1), _REST, forget)


async def keep_up(context: Context, chore: Chore, ending: Callable[[], bool]) -> None:
    """Do a chore whenever it is due and nobody else does it, for ever."""
    loop, do = asyncio.get_running_loop(), partial(do_if_due, context.ports, chore, ending)
    await asyncio.sleep(chore.at_first.total_seconds())
    while True:
        try:
            await loop.run_in_executor(context.threads, do)
        except Unavailable as error:  # expected where the database is a server
            _log.warning("The chore %r can't be done; it is tried again: %s", chore.name, error)
        except Exception:
            _log.exception("The chore %r failed; it is tried again.", chore.name)
        # Not all processes at the same moment, though they may have started so.
        await asyncio.sleep(chore.looks_every.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311


def do_if_due(ports: Ports, chore: Chore, ending: Callable[[], bool]) -> bool:
    """Do a chore in this thread unless somebody does it or has done it; say whether."""
    leases, now = ports.leases, ports.clock()
    holder = uuid4().hex  # a new one each time: who has done it must wait like all others
    if leases is None or not leases.lease(chore.name, holder, now, now + chore.held_for):
        return False
    due_again = now
    try:
        chore.work()
        if not ending():
            due_again = now + chore.every
    finally:
        leases.lease(chore.name, holder, ports.clock(), due_again)
    return True


def _close_overdue(ports: Ports) -> None:
    """Close the transition requests whose time is over, in all workspaces."""
    for workspace in ports.metadata.workspaces():
        caller = Caller(actor=ACTOR, workspace=workspace.name)
        Services(ports, caller).lifecycle.expire_requests()


def _check(ports: Ports, ending: Callable[[], bool]) -> None:
    """Run what sealed versions wait for, in all workspaces."""
    for workspace in ports.metadata.workspaces():
        caller = Caller(actor=ACTOR, workspace=workspace.name)
        Services(ports, caller).checks.work_off(ending)


def _forget_uses(ports: Ports, retention: timedelta) -> None:
    ports.metadata.drop_uses(ports.clock() - retention)
