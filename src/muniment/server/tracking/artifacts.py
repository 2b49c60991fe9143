"""The files of runs and logged models, straight from our store: whole, in ranges, of any size.

MLflow's application would first copy each to a temporary file.

    GET /get-artifact?run_id=…&path=…
    GET /ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path=…
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from muniment.domain.manifest import media_type_of
from muniment.errors import InvalidInput, MunimentError, NotFound, NotImplementedHere
from muniment.server.context import wait_for
from muniment.server.downloads import REVALIDATE, send_blob
from muniment.server.mlflow.source_uris import PROXIED
from muniment.server.mlflow.tree import clean_path
from muniment.server.mlflow.wire import refusal
from muniment.server.tracking.calls import mount_here, permitted
from muniment.server.tracking.lookups import TrackedModel, TrackedRun
from muniment.server.tracking.mount import Mount
from muniment.server.tracking.surface import READ


async def _of_run(request: Request, mount: Mount) -> tuple[TrackedRun, str]:
    query = request.query_params
    run_id = query.get("run_id") or query.get("run_uuid") or _missing("run_id")
    path = query.get("path") or _missing("path")
    run = await mount.wait_for(partial(mount.run, run_id))
    if run is None:
        raise NotFound(f"There is no run {run_id!r:.100}.")
    return run, path


async def _of_model(request: Request, mount: Mount) -> tuple[TrackedModel, str]:
    model_id: str = request.path_params["model_id"]
    path = request.query_params.get("artifact_file_path") or _missing("artifact_file_path")
    model = await mount.wait_for(partial(mount.logged_model, model_id))
    if model is None:
        raise NotFound(f"There is no logged model {model_id!r:.100}.")
    return model, path


async def _send(
    find: Callable[[Request, Mount], Awaitable[tuple[TrackedRun | TrackedModel, str]]],
    request: Request,
) -> Response:
    try:
        services = await permitted(request, READ)
        mount = mount_here(request)
        owner, path = await find(request, mount)
        folder = urlsplit(owner.artifact_uri)
        if folder.scheme != PROXIED:
            raise NotImplementedHere(
                f"These files are kept at {owner.artifact_uri!r:.200}, where this server does not "
                "look.",
                hint="Read them from there, with MLflow's client.",
            )
        full = clean_path(f"{folder.path}/{path}".lstrip("/"))
        file = await wait_for(request, partial(services.files.file, full))
        return await send_blob(
            request,
            services.artifacts,
            file.digest,
            file.size,
            filename=posixpath.basename(full),
            media_type=media_type_of(full),
            cache=REVALIDATE,
        )
    except MunimentError as error:
        return refusal(error)


def _missing(field: str) -> str:
    raise InvalidInput(f"Missing value for required parameter {field!r}.", details={"field": field})


routes: list[BaseRoute] = [
    Route("/get-artifact", partial(_send, _of_run)),
    Route(
        "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", partial(_send, _of_model)
    ),
]
