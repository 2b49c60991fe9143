"""Is it alive, is it ready, what is it: for whoever looks after servers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from muniment._version import __version__
from muniment.domain.access import GLOBAL
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import MunimentError, NotFound, Unavailable
from muniment.server.context import access_of, context_of, read, signed_in_of, wait_for
from muniment.server.metrics import Metrics
from muniment.server.mlflow.about import SPOKEN
from muniment.server.settings import Settings

_log = logging.getLogger("muniment.server")
_PATIENCE: Final = 5.0  # seconds that a store may take to answer a ping
_TOTALS_AGE: Final = 60.0  # seconds that counts of all that is stored are good for

TAGS: Final = {"server": "Whether it lives, what it is, and what it has counted."}

router = APIRouter(tags=["server"])


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _answers(
    description: str, example: object, media_type: str = "application/json", *, text: str = ""
) -> Any:
    """Return the documentation of an answer; with `text` also of that in its place."""
    forms = {media_type: {"example": example}}
    if text:
        forms["text/plain"] = {"example": text}
    return {200: {"description": description, "content": forms}}


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    operation_id="health",
    summary="Does the process live?",
    responses=_answers("It does.", {"status": "ok"}),
)
async def health() -> Response:
    """Answer at once, without a look at the stores. Any Host header will do."""
    return _json({"status": "ok"})


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    operation_id="ready",
    summary="Do the stores answer?",
    responses=_answers("Both do.", {"status": "ready", "metadata": "ok", "blobs": "ok"}),
)
async def ready(request: Request) -> Response:
    """Ask both stores; 503 names the one that does not answer. Any Host header will do.

    The log says why: it is nobody's business who just asks here what our database is called.
    """
    ports = context_of(request).ports
    faults = {
        "metadata": await _fault(request, ports.metadata.ping),
        "blobs": await _fault(request, ports.blobs.ping),
    }
    down = {name: fault for name, fault in faults.items() if fault}
    for name, fault in down.items():
        _log.warning("The %s store does not answer: %s", name, fault)
    if down:
        raise Unavailable(
            " ".join(f"The {name} store does not answer." for name in down),
            hint="The server's log says why.",
            details={"down": sorted(down)},
        )
    return _json({"status": "ready", **dict.fromkeys(faults, "ok")})


async def _fault(request: Request, ping: Callable[[], None]) -> str:
    try:
        await asyncio.wait_for(wait_for(request, ping), _PATIENCE)
    except MunimentError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {_PATIENCE:.0f} s."
    return ""


@router.get(
    "/version",
    operation_id="version",
    summary="Which version is this?",
    responses=_answers(
        "Name and version.",
        {"name": "muniment", "version": __version__, "mlflow": SPOKEN},
        text=SPOKEN,
    ),
)
async def version(request: Request) -> Response:
    """Return the name and version of this server, and of MLflow's protocol that it speaks.

    MLflow's clients ask here, too, and take the whole answer as a version. They do not ask for
    JSON: whoever does not, is given MLflow's version as text.
    """
    if "application/json" in request.headers.get("accept", ""):
        return _json({"name": "muniment", "version": __version__, "mlflow": SPOKEN})
    return PlainTextResponse(SPOKEN)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    responses=_answers(
        "Metrics in Prometheus' text format.", "muniment_models 12.0\n", "text/plain"
    ),
)
async def metrics(request: Request) -> Response:
    """Return requests by route, method and status; bytes in and out; what is stored; the process.

    With several workers, each counts for itself: the label `worker` says whose numbers these are.
    Counts of what is stored are at most a minute old, and for whoever may do something about the
    whole registry, such as read the audit log; or for everybody, if metrics are public.
    """
    counted: Metrics = request.app.state.metrics
    settings: Settings = request.app.state.settings
    if not settings.metrics:
        raise NotFound("Metrics are off.", hint="MUNIMENT_METRICS=true turns them on.")
    with_totals = settings.metrics_public or await read(request, partial(_sees_totals, request))
    if time.monotonic() - counted.totals_at > _TOTALS_AGE:
        counted.totals_at = time.monotonic()
        counted.totals = await wait_for(request, context_of(request).ports.metadata.totals)
    body, media_type = await wait_for(request, partial(counted.exposition, with_totals=with_totals))
    return Response(body, media_type=media_type)


def _sees_totals(request: Request) -> bool:
    signed_in = signed_in_of(request)
    if signed_in is None:
        return True
    principal = access_of(request).principal(signed_in, DEFAULT_WORKSPACE)
    return any(principal.may(verb) for verb in GLOBAL)
