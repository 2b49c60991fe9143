"""What a browser is shown at an address where there is nothing: a page, from which one gets on."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import MunimentError
from muniment.server.context import acting_services
from muniment.server.web.frame import Visit

_OF_PROGRAMS: Final = ("/api/", "/ajax-api/", "/assets/", "/mlflow/")


def _wants_page(request: Request) -> bool:
    """Say whether somebody looks for a page here; programs are told in their own words."""
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("accept", "")
        and "authorization" not in request.headers
        and not request.url.path.startswith(_OF_PROGRAMS)
    )


async def missing_page(request: Request, fault: MunimentError) -> Response | None:
    """Return the page that says so; None for whoever did not ask for a page."""
    if not _wants_page(request):
        return None
    services = await acting_services(request, DEFAULT_WORKSPACE)
    return await Visit(request, services, DEFAULT_WORKSPACE).page("fault", fault=fault)
