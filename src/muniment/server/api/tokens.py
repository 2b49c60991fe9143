"""Tokens: what programs sign in with."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.server.api import account_bodies as bodies
from muniment.server.api import account_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, TokenId
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("tokens")


@router.get(
    "/tokens",
    operation_id="listTokens",
    summary="List tokens",
    responses=answers(documents.Tokens),
)
async def list_tokens(
    request: Request,
    services: Acting,
    user: Annotated[
        str | None,
        Query(description="Whose; one's own if it is left out, `*` for all.", examples=["ada"]),
    ] = None,
) -> Response:
    """Return tokens, also revoked and expired ones, newest first; never their secrets."""
    return list_answer(await wait_for(request, partial(services.administration.tokens, user)))


@router.post(
    "/tokens",
    operation_id="createToken",
    summary="Make a token",
    status_code=201,
    responses=answers(documents.CreatedToken, 404, 415, status=201),
)
async def create_token(request: Request, body: bodies.NewToken, services: Acting) -> Response:
    """Make a token that may do what its user may, or less; its text is shown this once."""
    create = partial(
        services.administration.create_token,
        user=body.user,
        description=body.description,
        lifetime=body.to_lifetime(),
        automation=body.automation,
        scopes=body.to_scopes(),
    )
    token, secret = await wait_for(request, create)
    return json_answer(
        {"token": token.to_json(), "secret": secret},
        status=201,
        headers={"Cache-Control": "no-store"},
    )


@router.delete(
    "/tokens/{id}",
    operation_id="revokeToken",
    summary="Revoke a token",
    status_code=204,
    responses=answers(None, 404, status=204, description="It works no more."),
)
async def revoke_token(request: Request, id: TokenId, services: Acting) -> Response:
    """Make a token stop working at once; again is fine."""
    await wait_for(request, partial(services.administration.revoke_token, id))
    return Response(status_code=204)
