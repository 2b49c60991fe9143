"""Garbage collection, totals, and what the server says about itself."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment._version import __version__
from muniment.domain import filters, names
from muniment.server.api import bodies, documents
from muniment.server.api.answers import json_answer
from muniment.server.api.blobs import MAX_DIGESTS
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for
from muniment.server.settings import Settings

router = api_router("housekeeping")

LIMITS = {
    "blob_bytes": names.MAX_BLOB_BYTES,
    "digests_per_request": MAX_DIGESTS,
    "page_size": names.MAX_PAGE_SIZE,
    "filter_chars": names.MAX_FILTER_CHARS,
    "filter_comparisons": filters.MAX_COMPARISONS,
    "name_chars": names.MAX_NAME_CHARS,
    "label_chars": names.MAX_LABEL_CHARS,
    "alias_chars": names.MAX_ALIAS_CHARS,
    "key_chars": names.MAX_KEY_CHARS,
    "value_chars": names.MAX_VALUE_CHARS,
    "description_chars": names.MAX_DESCRIPTION_CHARS,
    "text_chars": names.MAX_TEXT_CHARS,
    "tags": names.MAX_TAGS,
    "params": names.MAX_PARAMS,
    "metrics": names.MAX_METRICS,
    "files": names.MAX_FILES,
    "path_bytes": names.MAX_PATH_BYTES,
}


@router.post(
    "/garbage/collect",
    operation_id="collectGarbage",
    summary="Collect garbage",
    responses=answers(documents.GarbageReport, 415),
)
async def collect_garbage(
    request: Request,
    services: Acting,
    body: bodies.Collection = bodies.Collection(),  # noqa: B008  # never changed
) -> Response:
    """Purge what was deleted long ago, and free the bytes that nothing needs.

    With `dry_run` it only says what it would do.
    """
    collect = partial(
        services.housekeeping.collect_garbage,
        dry_run=body.dry_run,
        restore_window=body.restore_window,
        grace=body.grace,
    )
    report = await wait_for(request, collect)
    return json_answer(report.to_json())


@router.get(
    "/storage",
    operation_id="getStorage",
    summary="Count what is stored",
    responses=answers(documents.Storage),
)
async def get_storage(request: Request, services: Acting) -> Response:
    """Return totals over all workspaces."""
    totals = await wait_for(request, services.housekeeping.totals)
    return json_answer(asdict(totals))


@router.get(
    "/server",
    operation_id="getServer",
    summary="Ask the server about itself",
    responses=answers(documents.Server),
)
async def get_server(request: Request) -> Response:
    """Return the server's version and limits."""
    settings: Settings = request.app.state.settings
    limits = {
        **LIMITS,
        "json_body_bytes": settings.max_json_bytes,
        "upload_body_bytes": settings.max_upload_bytes,
    }
    return json_answer({"name": "muniment", "version": __version__, "limits": dict(limits)})
