"""The audit log: who signed in, what was refused, who changed what about users and rules."""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import Response

from muniment.domain.values import JsonObject
from muniment.errors import MunimentError
from muniment.server.web.admin import tabs
from muniment.server.web.frame import Visit, web_routes

_PAGE: Final = 50


async def show(visit: Visit) -> Response:
    """Show the log, newest first."""
    return await _page(visit)


async def verify(visit: Visit) -> Response:
    """Check the chain that the entries form, and say what came of it."""
    try:
        count = await visit.wait_for(visit.services.administration.verify_audit)
    except MunimentError as fault:
        return await _page(visit, fault=fault)
    return visit.lead_on("/admin/audit", f"All {count:,} entries are as they were written.")


async def _page(visit: Visit, *, fault: MunimentError | None = None) -> Response:
    def gather() -> dict[str, object]:
        found = visit.services.administration.audit(
            page_size=_PAGE, page_token=visit.asked.get("page_token") or None
        )
        rows = [(entry, _shown(entry.details)) for entry in found.items]
        return {"rows": rows, "next_token": found.next_token}

    return await visit.page(
        "audit", {"tabs": tabs(visit), **await visit.wait_for(gather)}, fault=fault
    )


def _shown(details: JsonObject) -> list[tuple[str, str]]:
    """Return what there is to say, but for the workspace and the request, as texts."""
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in details.items()
        if key not in ("workspace", "request") and value not in (None, "", [])
    ]


routes: Final = web_routes("/admin/audit", get=show, post=verify)
