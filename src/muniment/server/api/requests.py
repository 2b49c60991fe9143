"""Transition requests: somebody asks for a stage, others review, the stage changes, or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import json_answer, page_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import (
    Acting,
    ModelName,
    OfModel,
    OfVersion,
    PageSize,
    PageToken,
    RequestId,
    VersionNumber,
)
from muniment.server.api.preconditions import IfMatch, revision_tag
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import wait_for
from muniment.services import Services

router = api_router("requests")

REQUEST = "/requests/{id}"


@router.post(
    "/models/{name}/versions/{number}/requests",
    operation_id="requestTransition",
    summary="Ask for a version to be moved to a stage",
    status_code=201,
    responses=answers(documents.ReviewedRequest, 404, 409, 415, status=201, etag=True),
)
async def request_transition(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.NewRequest,
    services: Acting,
) -> Response:
    """Open a request. What is not met yet does not hinder asking: it hinders approving."""
    ask = partial(
        services.lifecycle.request_transition,
        name,
        number,
        body.stage,
        archive_existing=body.archive_existing,
        comment=body.comment,
    )
    return await _reviewed(request, services, ask, status=201)


@router.get(
    "/requests",
    operation_id="listRequests",
    summary="List transition requests",
    responses=answers(documents.RequestPage, 404),
)
async def list_requests(
    request: Request,
    services: Acting,
    model: OfModel = None,
    version: OfVersion = None,
    state: Annotated[
        RequestState | None, Query(description="Only those in this state.", examples=["open"])
    ] = None,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return requests, newest first, a page at a time."""
    found = partial(
        services.lifecycle.requests,
        model=model,
        version=version,
        state=state,
        page_size=page_size,
        page_token=page_token,
    )
    return page_answer(await wait_for(request, found))


@router.get(
    REQUEST,
    operation_id="getRequest",
    summary="Get a transition request",
    responses=answers(documents.ReviewedRequest, 404, etag=True),
)
async def get_request(request: Request, id: RequestId, services: Acting) -> Response:
    """Return a request with what its stage demands of the version now, met or not.

    The ETag is for If-Match alone: what is demanded may change while the request does not.
    """
    return await _reviewed(request, services, partial(services.lifecycle.request, id))


@router.post(
    f"{REQUEST}/approve",
    operation_id="approveRequest",
    summary="Approve a transition request",
    responses=answers(documents.ReviewedRequest, 404, 409, 412, 415, etag=True),
)
async def approve_request(
    request: Request,
    id: RequestId,
    services: Acting,
    if_match: IfMatch,
    body: bodies.Yes = bodies.Yes(),  # noqa: B008  # FastAPI copies it
) -> Response:
    """Say yes. With enough of that, and nothing in the way, the stage changes in the same step.

    409 `blocked` lists what is not met beside approvals; then nothing is noted.
    """
    approve = partial(
        services.lifecycle.approve, id, comment=body.comment, force=body.force, if_match=if_match
    )
    return await _reviewed(request, services, approve)


@router.post(
    f"{REQUEST}/reject",
    operation_id="rejectRequest",
    summary="Reject a transition request",
    responses=answers(documents.ReviewedRequest, 404, 409, 412, 415, etag=True),
)
async def reject_request(
    request: Request,
    id: RequestId,
    services: Acting,
    if_match: IfMatch,
    body: bodies.Remark = bodies.Remark(),  # noqa: B008  # FastAPI copies it
) -> Response:
    """Say no: the request is closed."""
    reject = partial(services.lifecycle.reject, id, comment=body.comment, if_match=if_match)
    return await _reviewed(request, services, reject)


@router.post(
    f"{REQUEST}/cancel",
    operation_id="cancelRequest",
    summary="Take a transition request back",
    responses=answers(documents.ReviewedRequest, 404, 409, 412, 415, etag=True),
)
async def cancel_request(
    request: Request,
    id: RequestId,
    services: Acting,
    if_match: IfMatch,
    body: bodies.Remark = bodies.Remark(),  # noqa: B008  # FastAPI copies it
) -> Response:
    """Close a request: its requester may, and who manages the stages."""
    cancel = partial(services.lifecycle.cancel, id, comment=body.comment, if_match=if_match)
    return await _reviewed(request, services, cancel)


async def _reviewed(
    request: Request,
    services: Services,
    act: Callable[[], TransitionRequest],
    *,
    status: int = 200,
) -> Response:
    """Return the request that `act` returns, with what is demanded."""

    def both() -> tuple[TransitionRequest, tuple[Requirement, ...]]:
        asked = act()
        return asked, services.lifecycle.blockers(asked.id)

    asked, demanded = await wait_for(request, both)
    headers = {"ETag": revision_tag(asked.revision)}
    if status == 201:
        headers["Location"] = f"{PREFIX}/requests/{asked.id}"
    requirements = [requirement.to_json() for requirement in demanded]
    return json_answer(
        {**asked.to_json(), "requirements": requirements}, status=status, headers=headers
    )
