"""Deployments: where versions run, and whether that is what they should run."""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain.deployments import DeploymentStatus
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import usage_documents as documents
from muniment.server.api.answers import entity_answer, json_answer, page_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import (
    Acting,
    DeploymentName,
    Environment,
    ModelName,
    OfModel,
    PageSize,
    PageToken,
    VersionNumber,
)
from muniment.server.api.preconditions import IfAbsent, IfMatch, IfNoneMatch
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("deployments")

DEPLOYMENT = "/models/{name}/deployments/{environment}/{deployment}"
InEnvironment: TypeAlias = Annotated[
    str | None, Query(description="Only in this environment.", examples=["prod"])
]


@router.put(
    DEPLOYMENT,
    operation_id="declareDeployment",
    summary="Say what runs somewhere",
    responses=answers(documents.Deployment, 404, 409, 412, 415, etag=True),
)
async def declare_deployment(
    request: Request,
    name: ModelName,
    environment: Environment,
    deployment: DeploymentName,
    body: bodies.Deployment,
    services: Acting,
    if_match: IfMatch,
    if_absent: IfAbsent,
) -> Response:
    """Declare that something runs a version, or what an alias or a stage means, or change that.

    A new one names one of the three; `running` is the version that it runs right now, if it is
    known. What is left out stays as it is; `forget_running` makes that version unknown again.
    """
    declare = partial(
        services.deployments.declare,
        name,
        environment,
        deployment,
        **body.fields(),
        if_match=0 if if_absent else if_match,
    )
    return entity_answer(await wait_for(request, declare))


@router.get(
    DEPLOYMENT,
    operation_id="getDeployment",
    summary="Get a deployment",
    responses=answers(documents.Deployment, 404, etag=True) | unchanged(),
)
async def get_deployment(
    request: Request,
    name: ModelName,
    environment: Environment,
    deployment: DeploymentName,
    services: Acting,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the live deployment of that name; retired ones are in the list."""
    find = partial(services.deployments.live_deployment, name, environment, deployment)
    return entity_answer(await wait_for(request, find), if_none_match=if_none_match)


@router.delete(
    DEPLOYMENT,
    operation_id="retireDeployment",
    summary="Say that a deployment is no more",
    responses=answers(documents.Deployment, 404, 412, etag=True),
)
async def retire_deployment(
    request: Request,
    name: ModelName,
    environment: Environment,
    deployment: DeploymentName,
    services: Acting,
    if_match: IfMatch,
    comment: Annotated[str, Query(description="Why.", examples=["Replaced."])] = "",
) -> Response:
    """Retire the live deployment of that name, for ever; declared again, it is another one."""
    retire = partial(
        services.deployments.retire_live,
        name,
        environment,
        deployment,
        comment=comment,
        if_match=if_match,
    )
    return entity_answer(await wait_for(request, retire))


@router.get(
    "/deployments",
    operation_id="listDeployments",
    summary="List deployments",
    responses=answers(documents.DeploymentPage, 404),
)
async def list_deployments(
    request: Request,
    services: Acting,
    model: OfModel = None,
    environment: InEnvironment = None,
    name: Annotated[
        str | None, Query(description="Only those of this name.", examples=["scoring"])
    ] = None,
    status: Annotated[
        DeploymentStatus | None,
        Query(description="Only those in this state; all that are not retired, if left out."),
    ] = None,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return deployments, oldest first, a page at a time."""
    find = partial(
        services.deployments.deployments,
        model=model,
        environment=environment,
        name=name,
        status=status,
        page_size=page_size,
        page_token=page_token,
    )
    return page_answer(await wait_for(request, find))


@router.get(
    "/deployments/drift",
    operation_id="listDrift",
    summary="What runs something else than it should?",
    responses=answers(documents.DriftPage, 404),
)
async def list_drift(
    request: Request,
    services: Acting,
    model: OfModel = None,
    environment: InEnvironment = None,
    drifted_only: Annotated[
        bool, Query(description="Leave out those that run what they should.")
    ] = False,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Compare live deployments with the alias or stage that they follow.

    One that names a version is compared with what is in Production.
    """
    compare = partial(
        services.deployments.drift,
        model=model,
        environment=environment,
        drifted_only=drifted_only,
        page_size=page_size,
        page_token=page_token,
    )
    return page_answer(await wait_for(request, compare))


@router.get(
    "/models/{name}/versions/{number}/users",
    operation_id="listUsersOfVersion",
    summary="Who uses a version?",
    responses=answers(documents.Usage, 404),
)
async def list_users_of_version(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return the live deployments that run a version, and who resolved or downloaded it last."""
    usage = await wait_for(request, partial(services.deployments.users_of, name, number))
    return json_answer(usage.to_json())
