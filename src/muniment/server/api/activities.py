"""A model's history."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import Query, Request
from starlette.responses import Response

from muniment.server.api import documents
from muniment.server.api.answers import json_answer, page_answer
from muniment.server.api.openapi import answers, problem
from muniment.server.api.parameters import Acting, ModelName, PageSize, PageToken
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("activities")


@router.get(
    "/models/{name}/activities",
    operation_id="listActivities",
    summary="Read the history of a model",
    responses=answers(documents.ActivityPage, 404),
)
async def list_activities(
    request: Request,
    name: ModelName,
    services: Acting,
    page_size: PageSize = None,
    page_token: PageToken = None,
    order: Annotated[
        Literal["newest", "oldest"], Query(description="Which entries come first.")
    ] = "newest",
) -> Response:
    """Return who did what to a model and its versions, a page at a time."""
    history = partial(
        services.catalog.history,
        name,
        page_size=page_size,
        page_token=page_token,
        newest_first=order == "newest",
    )
    return page_answer(await wait_for(request, history))


@router.post(
    "/models/{name}/activities/verify",
    operation_id="verifyActivities",
    summary="Verify the history of a model",
    responses=answers(documents.Verified, 404)
    | {500: problem("An entry was changed, removed or moved; `detail` names it.")},
)
async def verify_activities(request: Request, name: ModelName, services: Acting) -> Response:
    """Check the hash chain over the whole history; answer how many entries were checked."""
    checked = await wait_for(request, partial(services.catalog.verify_history, name))
    return json_answer({"activities": checked})
