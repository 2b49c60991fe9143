"""What a server does by itself, behind the requests: it forgets what it was told to forget."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from muniment.domain.caller import Caller
from muniment.server.context import Context
from muniment.services import Services

ACTOR: Final = "muniment"
"""Who is written into the audit log for what nobody asked for."""

_EVERY: Final = 3_600.0  # seconds
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
