"""All routes of runs, for the application's table."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute

from muniment.server.tracking import artifacts, calls, otlp, pages

routes: Final[list[BaseRoute]] = [
    *calls.routes,
    *otlp.routes,
    *artifacts.routes,
    *pages.routes,
]
