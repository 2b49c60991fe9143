"""What happened: in the whole workspace, and in a model's history."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, TypeAlias

from fastapi import Query, Request
from starlette.responses import Response

from muniment.server.api import documents
from muniment.server.api.answers import json_answer, page_answer
from muniment.server.api.exports import Format, export_answer, export_type, with_exports
from muniment.server.api.lifecycle_documents import FeedPage
from muniment.server.api.openapi import answers, problem
from muniment.server.api.parameters import (
    Acting,
    Kinds,
    ModelName,
    OfModel,
    OfVersion,
    PageSize,
    PageToken,
)
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("activities")

ByActor: TypeAlias = Annotated[
    str | None, Query(description="Only what this user did.", examples=["ada"])
]


@router.get(
    "/activities",
    operation_id="listFeed",
    summary="Read what happened to all models",
    responses=with_exports(answers(FeedPage, 404)),
)
async def list_feed(
    request: Request,
    services: Acting,
    kind: Kinds = [],  # noqa: B006  # FastAPI copies it
    actor: ByActor = None,
    model: OfModel = None,
    format: Format = None,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return who did what to the models that the caller may read, latest first.

    A page may be short, or empty, and still have a `next_page_token`: go on until that is null.
    """
    media_type = export_type(request, format, page_size, page_token)
    if media_type is not None:
        export = partial(services.feed.export, kinds=kind, actor=actor, model=model)
        entries = await wait_for(request, export)
        return export_answer(request, entries, media_type, "activities")
    page = partial(
        services.feed.activities,
        kinds=kind,
        actor=actor,
        model=model,
        page_size=page_size,
        page_token=page_token,
    )
    return page_answer(await wait_for(request, page))


@router.get(
    "/models/{name}/activities",
    operation_id="listActivities",
    summary="Read the history of a model",
    responses=with_exports(answers(documents.ActivityPage, 404)),
)
async def list_activities(
    request: Request,
    name: ModelName,
    services: Acting,
    kind: Kinds = [],  # noqa: B006  # FastAPI copies it
    version: OfVersion = None,
    actor: ByActor = None,
    format: Format = None,
    page_size: PageSize = None,
    page_token: PageToken = None,
    order: Annotated[
        Literal["newest", "oldest"], Query(description="Which entries come first.")
    ] = "newest",
) -> Response:
    """Return who did what to a model and its versions.

    A page may be short, or empty, and still have a `next_page_token`: go on until that is null.
    """
    newest_first = order == "newest"
    media_type = export_type(request, format, page_size, page_token)
    if media_type is not None:
        export = partial(
            services.feed.export_history,
            name,
            kinds=kind,
            version=version,
            actor=actor,
            newest_first=newest_first,
        )
        return export_answer(request, await wait_for(request, export), media_type, "history")
    history = partial(
        services.catalog.history,
        name,
        kinds=kind,
        version=version,
        actor=actor,
        page_size=page_size,
        page_token=page_token,
        newest_first=newest_first,
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
