"""Grants: who may do what, and why somebody may or may not."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from muniment.domain import names
from muniment.domain.access import Asked, Verb
from muniment.domain.caller import ANONYMOUS
from muniment.server.api import account_bodies as bodies
from muniment.server.api import account_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, GrantId
from muniment.server.api.routing import api_router
from muniment.server.context import signed_in_of, wait_for, workspace_of

router = api_router("grants")


@router.get(
    "/grants",
    operation_id="listGrants",
    summary="List grants",
    responses=answers(documents.Grants),
)
async def list_grants(request: Request, services: Acting) -> Response:
    """Return who holds what in this workspace, and what is held in all of them."""
    return list_answer(await wait_for(request, services.administration.grants))


@router.post(
    "/grants",
    operation_id="addGrant",
    summary="Let somebody do something",
    status_code=201,
    responses=answers(documents.HeldGrant, 404, 415, status=201),
)
async def add_grant(request: Request, body: bodies.NewGrant, services: Acting) -> Response:
    """Grant a role or verbs to a user, a group or a machine. Nobody gives more than they hold."""
    workspace = await workspace_of(request) if body.workspace is None else body.workspace
    add = partial(services.administration.add_grant, workspace, body.subject, body.to_grant())
    return json_answer((await wait_for(request, add)).to_json(), status=201)


@router.delete(
    "/grants/{id}",
    operation_id="dropGrant",
    summary="Take a grant away",
    status_code=204,
    responses=answers(None, 404, status=204, description="Nobody holds it any more."),
)
async def drop_grant(request: Request, id: GrantId, services: Acting) -> Response:
    """Take a grant away, at once."""
    await wait_for(request, partial(services.administration.drop_grant, id))
    return Response(status_code=204)


@router.get(
    "/can",
    operation_id="explainDecision",
    summary="Ask whether somebody may do something, and why",
    responses=answers(documents.Decision, 404),
)
async def explain(
    request: Request,
    services: Acting,
    verb: Annotated[
        Verb,
        Query(description="What to do.", examples=["alias.move"]),
    ],
    user: Annotated[
        str | None,
        Query(description="Who; oneself if it is left out.", examples=["ada"]),
    ] = None,
    model: Annotated[
        str | None,
        AfterValidator(lambda name: name if name is None else names.check_model_name(name)),
        Query(description="To which model; to any if it is left out.", examples=["fraud"]),
    ] = None,
    alias: Annotated[
        str | None, Query(description="With which alias.", examples=["champion"])
    ] = None,
    stage: Annotated[
        str | None, Query(description="To which stage.", examples=["Production"])
    ] = None,
) -> Response:
    """Say which grant allows it, or that none does. Of others, whoever manages grants may ask."""
    signed_in = signed_in_of(request)
    asking = ANONYMOUS if signed_in is None else signed_in.name
    asked = Asked(model, alias=alias, stage=stage)
    decide = partial(services.administration.explain, user or asking, verb, asked)
    return json_answer((await wait_for(request, decide)).to_json())
