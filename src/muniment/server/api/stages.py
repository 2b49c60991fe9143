"""Stages of the workspace, what entering them demands, and who was in them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from muniment.domain.requirements import Requirement, blockers
from muniment.domain.stages import check_stage_name
from muniment.domain.values import time_to_json
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import entity_answer, json_answer, list_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import Acting, ModelName, OfModel, StageName, VersionNumber
from muniment.server.api.preconditions import IfAbsent, IfMatch, IfNoneMatch
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("stages")

STAGE = "/stages/{stage}"


@router.get(
    "/stages",
    operation_id="listStages",
    summary="List the stages",
    responses=answers(documents.Stages),
)
async def list_stages(request: Request, services: Acting) -> Response:
    """Return all stages of the workspace in their order, those that everybody has among them."""
    return list_answer(await wait_for(request, services.lifecycle.stages))


@router.get(
    STAGE,
    operation_id="getStage",
    summary="Get a stage",
    responses=answers(documents.Stage, 404, etag=True) | unchanged(),
)
async def get_stage(
    request: Request, stage: StageName, services: Acting, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a stage with its policies. The ETag of one that nobody has changed is `"0"`."""
    found = await wait_for(request, partial(services.lifecycle.stage, stage))
    return entity_answer(found, if_none_match=if_none_match)


@router.put(
    STAGE,
    operation_id="defineStage",
    summary="Define a stage",
    responses=answers(documents.Stage, 404, 412, 415, etag=True),
)
async def define_stage(
    request: Request,
    stage: StageName,
    body: bodies.Stage,
    services: Acting,
    if_match: IfMatch,
    if_absent: IfAbsent,
) -> Response:
    """Add a stage, or replace all of the one of that name, its policies too.

    Open requests are judged by the new policies from now on.
    """
    define = partial(
        services.lifecycle.define_stage,
        body.to_stage(stage),
        if_match=0 if if_absent else if_match,
    )
    return entity_answer(await wait_for(request, define))


@router.delete(
    STAGE,
    operation_id="dropStage",
    summary="Remove a stage",
    status_code=204,
    responses=answers(None, 404, 409, status=204, description="It is gone."),
)
async def drop_stage(request: Request, stage: StageName, services: Acting) -> Response:
    """Remove a stage that no version is in; one that every workspace has is as it was at first."""
    await wait_for(request, partial(services.lifecycle.drop_stage, stage))
    return Response(status_code=204)


@router.get(
    "/models/{name}/versions/{number}/requirements",
    operation_id="listRequirements",
    summary="What does a stage demand of a version?",
    responses=answers(documents.Requirements, 404),
)
async def list_requirements(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    stage: Annotated[
        str,
        AfterValidator(check_stage_name),
        Query(description="The stage that it would enter.", examples=["Production"]),
    ],
) -> Response:
    """Return every demand of a stage, met or not, as if the caller moved the version there now."""

    def look() -> tuple[str, tuple[Requirement, ...]]:
        to = services.lifecycle.stage(stage).name
        return to, services.lifecycle.requirements(name, number, to)

    to, found = await wait_for(request, look)
    items = [requirement.to_json() for requirement in found]
    return json_answer({"stage": to, "met": not blockers(found), "items": items})


@router.get(
    "/reviews-due",
    operation_id="listReviewsDue",
    summary="Which versions are to be reviewed again?",
    responses=answers(documents.ReviewsDue, 404),
)
async def list_reviews_due(request: Request, services: Acting, model: OfModel = None) -> Response:
    """Return the versions that are in their stage for longer than a policy lets them unreviewed."""
    due = await wait_for(request, partial(services.lifecycle.reviews_due, model))
    items = [{"due": time_to_json(at), "version": version.to_json()} for version, at in due]
    return json_answer({"items": items})
