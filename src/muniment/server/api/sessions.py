"""Who is asking; their password; sessions of browsers."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import Request
from starlette.responses import Response

from muniment.domain.access import OWNER
from muniment.domain.accounts import WhoAmI
from muniment.domain.caller import ANONYMOUS
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import NotFound
from muniment.server.api import account_bodies as bodies
from muniment.server.api import account_documents as documents
from muniment.server.api.answers import json_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Workspace
from muniment.server.api.routing import api_router
from muniment.server.context import (
    access_of,
    address_of,
    no_workspace,
    read,
    signed_in_of,
    wait_for,
    workspace_of,
)
from muniment.server.cookies import SESSION, cookie, drop_cookie, set_session

router = api_router("sessions")

_SET_COOKIE: dict[str, Any] = {
    "Set-Cookie": {
        "description": "The session, for browsers: HttpOnly, SameSite=Strict.",
        "schema": {"type": "string"},
    }
}


@router.get(
    "/me",
    operation_id="getMe",
    summary="Ask who one is",
    responses=answers(documents.Me, 404),
)
async def get_me(request: Request, workspace: Workspace = None) -> Response:
    """Return who is asking, and what they hold in the workspace.

    In a registry without users that is `anonymous`, who may do everything.
    """
    signed_in, place = signed_in_of(request), await workspace_of(request)
    if signed_in is None:
        return json_answer(WhoAmI(ANONYMOUS, place, OWNER.grants).to_json())
    me = await read(request, partial(access_of(request).who, signed_in, place))
    if place != DEFAULT_WORKSPACE and not me.grants:
        raise no_workspace(place)
    return json_answer(me.to_json())


@router.post(
    "/me/password",
    operation_id="changePassword",
    summary="Choose a password",
    status_code=204,
    responses=answers(None, 415, 429, status=204, description="It is yours now."),
)
async def change_password(request: Request, body: bodies.PasswordChange) -> Response:
    """Choose one's own password, knowing the present one; every session of before is over."""
    signed_in = signed_in_of(request)
    if signed_in is None:
        raise NotFound("This registry has no users.", hint="`muniment init` makes the first one.")
    access, address = access_of(request), address_of(request)
    change = partial(access.change_password, signed_in.name, body.old, body.new, address=address)
    await wait_for(request, change)
    answer = Response(status_code=204)
    if signed_in.by == "session":
        secret = await wait_for(request, partial(access.open_session, signed_in, address=address))
        set_session(request, answer, secret)
    return answer


@router.post(
    "/sessions",
    operation_id="openSession",
    summary="Sign a browser in",
    status_code=204,
    responses=answers(None, 415, 429, status=204, description="Signed in.", headers=_SET_COOKIE),
)
async def open_session(request: Request, body: bodies.SignIn) -> Response:
    """Sign in with name and password, and keep that in a cookie. Programs send them each time."""
    access, address = access_of(request), address_of(request)

    def sign_in() -> str:
        signed_in = access.by_password(body.name, body.password, address=address)
        return access.open_session(signed_in, address=address)

    answer = Response(status_code=204)
    set_session(request, answer, await wait_for(request, sign_in))
    return answer


@router.delete(
    "/sessions",
    operation_id="closeSession",
    summary="Sign a browser out",
    status_code=204,
    responses=answers(status=204, description="Signed out.", headers=_SET_COOKIE),
)
async def close_session(request: Request) -> Response:
    """End the session of the cookie; without one, nothing happens."""
    secret = cookie(request, SESSION)
    if secret is not None:
        await wait_for(request, partial(access_of(request).close_session, secret))
    answer = Response(status_code=204)
    drop_cookie(request, answer, SESSION)
    return answer
