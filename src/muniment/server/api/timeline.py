"""Who held which stage and alias, and when; and the way back."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain.timeline import Post
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, ModelName
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("timeline")


@router.get(
    "/models/{name}/tenures",
    operation_id="listTenures",
    summary="Who held which stage or alias, and when?",
    responses=answers(documents.Tenures, 404),
)
async def list_tenures(
    request: Request,
    name: ModelName,
    services: Acting,
    post: Annotated[
        Post | None, Query(description="Only stages, or only aliases.", examples=["stage"])
    ] = None,
    of: Annotated[
        str | None,
        Query(alias="name", description="Only this stage or alias.", examples=["Production"]),
    ] = None,
) -> Response:
    """Return every tenure of a model's versions, read off its history, by its beginning."""
    find = partial(services.lifecycle.tenures, name, post=post, name=of)
    return list_answer(await wait_for(request, find))


@router.post(
    "/models/{name}/rollback",
    operation_id="rollBack",
    summary="Undo the last change of a stage or an alias",
    responses=answers(documents.Undone, 404, 409, 415),
)
async def roll_back(
    request: Request, name: ModelName, body: bodies.Rollback, services: Acting
) -> Response:
    """Put a stage (`Production`) or an alias (`@champion`) back to what it was before.

    What comes back was approved once, and is not asked for that again; all else that the stage
    demands must hold. 409 `conflict` if there is nothing to go back to.
    """
    undo = partial(
        services.lifecycle.rollback, name, body.of, comment=body.comment, force=body.force
    )
    return json_answer((await wait_for(request, undo)).to_json())
