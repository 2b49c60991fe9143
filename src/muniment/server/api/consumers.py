"""Consumers: who resolved and downloaded which versions, as observed."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain import names
from muniment.server.api import usage_documents as documents
from muniment.server.api.answers import list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, Moment, OfModel, OfVersion
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("consumers")


@router.get(
    "/consumers",
    operation_id="listConsumers",
    summary="Who used which versions?",
    responses=answers(documents.Uses, 404),
)
async def list_consumers(
    request: Request,
    services: Acting,
    model: OfModel = None,
    version: OfVersion = None,
    consumer: Annotated[
        str | None,
        Query(description="Only this job, or user.", examples=["nightly-scoring"]),
    ] = None,
    since: Annotated[
        Moment, Query(description="Only uses since then.", examples=["2026-11-01T00:00:00Z"])
    ] = None,
    limit: Annotated[
        int | None,
        Query(
            description=f"How many at most; {names.DEFAULT_PAGE_SIZE} if it is left out.",
            json_schema_extra={"minimum": 1, "maximum": names.MAX_PAGE_SIZE},
        ),
    ] = None,
) -> Response:
    """Return the last uses, latest first; what happened in the last second may be missing.

    Jobs are known by what they call themselves (`X-Muniment-Consumer`), else by their user.
    """
    find = partial(
        services.uses.uses,
        model=model,
        version=version,
        consumer=consumer,
        since=since,
        limit=limit,
    )
    return list_answer(await wait_for(request, find))
