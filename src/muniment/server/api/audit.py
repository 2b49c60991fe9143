"""The audit log: sign-ins, refusals, reads of artifacts, administration; hash-chained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Annotated, Final, Literal

import orjson
from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from muniment.domain.activities import Activity
from muniment.server.api import account_bodies as bodies
from muniment.server.api import account_documents as documents
from muniment.server.api.answers import json_answer, page_answer
from muniment.server.api.openapi import answers, content, problem
from muniment.server.api.parameters import Acting, PageSize, PageToken
from muniment.server.api.routing import api_router
from muniment.server.context import context_of, wait_for
from muniment.server.streaming import read_ahead

router = api_router("audit")

_NDJSON: Final = "application/x-ndjson"
_PIECE: Final = 500  # entries that are written together


@router.get(
    "/audit",
    operation_id="listAudit",
    summary="Read the audit log",
    responses=answers(documents.AuditPage),
)
async def list_audit(
    request: Request,
    services: Acting,
    page_size: PageSize = None,
    page_token: PageToken = None,
    order: Annotated[
        Literal["newest", "oldest"], Query(description="Which entries come first.")
    ] = "newest",
) -> Response:
    """Return who signed in, what was refused, who read which bytes, who administered what."""
    entries = partial(
        services.administration.audit,
        page_size=page_size,
        page_token=page_token,
        newest_first=order == "newest",
    )
    return page_answer(await wait_for(request, entries))


@router.get(
    "/audit/export",
    operation_id="exportAudit",
    summary="Export the audit log",
    response_class=StreamingResponse,
    responses=answers() | {200: content(documents.AuditEntry, _NDJSON)},
)
async def export_audit(request: Request, services: Acting) -> Response:
    """Return all of the audit log, oldest first: one JSON document a line, streamed."""
    entries = await wait_for(request, services.administration.export_audit)
    return StreamingResponse(
        read_ahead(context_of(request).threads, _lines(entries)),
        media_type=_NDJSON,
        headers={"Content-Disposition": 'attachment; filename="audit.ndjson"'},
    )


@router.post(
    "/audit/verify",
    operation_id="verifyAudit",
    summary="Verify the audit log",
    responses=answers(documents.AuditVerified)
    | {500: problem("An entry was changed, removed or moved; `detail` names it.")},
)
async def verify_audit(request: Request, services: Acting) -> Response:
    """Check the hash chain over the whole log; answer how many entries were checked."""
    checked = await wait_for(request, services.administration.verify_audit)
    return json_answer({"entries": checked})


@router.post(
    "/audit/prune",
    operation_id="pruneAudit",
    summary="Cut off the beginning of the audit log",
    responses=answers(documents.AuditPruned, 415),
)
async def prune_audit(request: Request, body: bodies.Pruning, services: Acting) -> Response:
    """Forget entries that are older than that; the rest still verifies, and tells of it."""
    age = timedelta(seconds=body.older_than)
    pruned = await wait_for(request, partial(services.administration.prune_audit, age))
    return json_answer({"pruned": pruned})


def _lines(entries: Iterator[Activity]) -> Iterator[bytes]:
    while piece := list(islice(entries, _PIECE)):
        yield b"".join(orjson.dumps(entry.to_json()) + b"\n" for entry in piece)
