"""The routes of MLflow's own calls: who may make them, and who answers."""

from __future__ import annotations

from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from muniment.domain.access import Verb
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import MunimentError, NotImplementedHere
from muniment.server.context import acting_services, workspace_of
from muniment.server.mlflow.wire import answer, refusal
from muniment.server.settings import Settings
from muniment.server.streaming import read_whole
from muniment.server.tracking.mount import Mount, how_to_keep_runs
from muniment.server.tracking.surface import operations
from muniment.services import Services


def mount_here(request: Request) -> Mount:
    """Return what answers about runs. Raises NotImplementedHere where nothing does."""
    mount = cast(Mount | None, request.app.state.tracking)
    if mount is None:
        raise NotImplementedHere(
            "This server keeps models, and no runs.",
            hint=how_to_keep_runs(request.app.state.settings),
        )
    return mount


async def permitted(request: Request, verb: Verb) -> Services:
    """Return the services for whoever may do `verb` with runs.

    Raises:
        NotImplementedHere: in a workspace that has no runs.
        PermissionDenied: the caller may not.
    """
    services = await acting_services(request)
    if await workspace_of(request) != DEFAULT_WORKSPACE:
        raise NotImplementedHere(
            f"Runs are kept in the workspace {DEFAULT_WORKSPACE!r} alone.",
            hint="Leave the header X-Muniment-Workspace out.",
        )
    services.runs.check(verb)
    return services


async def _official(verb: Verb, request: Request) -> Response:
    try:
        services = await permitted(request, verb)
        mount = mount_here(request)
        settings = cast(Settings, request.app.state.settings)
        body = await read_whole(request, limit=settings.max_json_bytes)
        return await mount.answer(request, services, body)
    except MunimentError as error:
        return refusal(error)


async def _no_telemetry(request: Request) -> Response:
    """Tell MLflow's pages to report nothing."""
    return answer(
        {"disable_ui_telemetry": True, "disable_ui_events": [], "ui_rollout_percentage": 0}
    )


routes: list[BaseRoute] = [
    *(
        Route(operation.path, partial(_official, operation.verb), methods=[operation.method])
        for operation in operations()
    ),
    Route("/ajax-api/3.0/mlflow/ui-telemetry", _no_telemetry),
]
