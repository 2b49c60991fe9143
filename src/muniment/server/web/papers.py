"""The papers of a version, for whoever follows a link: as the API writes them, in any workspace.

GET /models/fraud/3/card        the model card
GET /models/fraud/3/bom         the bill of materials
GET /models/fraud/3/evidence    all that is known of it, to be proved offline
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from muniment.server.api import provenance
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.services import Services

_Paper: TypeAlias = Callable[[Request, str, int, Services], Awaitable[Response]]


def _paper(name: str, get: _Paper) -> list[Route]:
    async def send(visit: Visit) -> Response:
        return await get(visit.request, visit.params["name"], number_in(visit), visit.services)

    return web_routes(f"/models/{{name}}/{{number}}/{name}", get=send)


routes: Final = [
    *_paper("card", provenance.get_card),
    *_paper("bom", provenance.get_bom),
    *_paper("evidence", provenance.get_evidence),
]
