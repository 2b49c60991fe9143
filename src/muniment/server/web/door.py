"""Pages outside of any workspace, for whoever has not signed in, or is about to."""

from __future__ import annotations

from starlette.responses import Response

from muniment.server.web.frame import HEADERS, rendered


def door(template: str, *, status: int = 200, **values: object) -> Response:
    """Return a page with a form, which belongs to one person. It takes some milliseconds."""
    return Response(rendered(template, values), status, HEADERS, "text/html")
