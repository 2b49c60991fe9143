"""Users: people who sign in, and service accounts."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from muniment.domain.access import Role
from muniment.errors import Conflict
from muniment.server.api import account_bodies as bodies
from muniment.server.api import account_documents as documents
from muniment.server.api.answers import entity_answer, json_answer, page_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import Acting, PageSize, PageToken, UserName
from muniment.server.api.preconditions import IfNoneMatch, revision_tag
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import signed_in_of, wait_for
from muniment.services.access.access import EVERYWHERE

router = api_router("users")


@router.get(
    "/users",
    operation_id="listUsers",
    summary="List users",
    responses=answers(documents.UserPage),
)
async def list_users(
    request: Request,
    services: Acting,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return users by name, deactivated ones too, a page at a time."""
    users = partial(services.administration.users, page_size=page_size, page_token=page_token)
    return page_answer(await wait_for(request, users))


@router.post(
    "/users",
    operation_id="createUser",
    summary="Make a user",
    status_code=201,
    responses=answers(documents.CreatedUser, 409, 415, status=201, etag=True),
)
async def create_user(request: Request, body: bodies.NewUser, services: Acting) -> Response:
    """Make a person, who gets a one-time password, or a service account, which gets tokens.

    The first user must be an admin of all workspaces: from then on everybody has to sign in.
    """
    role = body.to_role()
    is_admin = role is Role.ADMIN and body.workspace == EVERYWHERE and not body.service
    if signed_in_of(request) is None and not is_admin:
        raise Conflict(
            "The first user must be able to sign in and to administer the registry.",
            hint="Give them the role admin in all workspaces; or run `muniment init`.",
        )
    create = partial(
        services.administration.create_user,
        body.name,
        service=body.service,
        display_name=body.display_name,
        role=role,
        workspace=body.workspace,
    )
    user, password = await wait_for(request, create)
    return json_answer(
        {"user": user.to_json(), "one_time_password": password},
        status=201,
        headers={
            "ETag": revision_tag(user.revision),
            "Location": f"{PREFIX}/users/{quote(user.name, safe='')}",
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/users/{name}",
    operation_id="getUser",
    summary="Get a user",
    responses=answers(documents.User, 404, etag=True) | unchanged(),
)
async def get_user(
    request: Request, name: UserName, services: Acting, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a user. Everybody may look at themselves."""
    user = await wait_for(request, partial(services.administration.user, name))
    return entity_answer(user, if_none_match=if_none_match)


@router.post(
    "/users/{name}/activate",
    operation_id="activateUser",
    summary="Let a user in again",
    responses=answers(documents.User, 404, 409, 412, etag=True),
)
async def activate_user(request: Request, name: UserName, services: Acting) -> Response:
    """Undo a deactivation; tokens that were not revoked work again."""
    activate = partial(services.administration.set_active, name, True)
    return entity_answer(await wait_for(request, activate))


@router.post(
    "/users/{name}/deactivate",
    operation_id="deactivateUser",
    summary="Let a user in no more",
    responses=answers(documents.User, 404, 409, 412, etag=True),
)
async def deactivate_user(request: Request, name: UserName, services: Acting) -> Response:
    """Make password, tokens and sessions of a user stop working at once."""
    deactivate = partial(services.administration.set_active, name, False)
    return entity_answer(await wait_for(request, deactivate))


@router.post(
    "/users/{name}/reset-password",
    operation_id="resetPassword",
    summary="Give a person a new one-time password",
    responses=answers(documents.OneTimePassword, 404, 412),
)
async def reset_password(request: Request, name: UserName, services: Acting) -> Response:
    """Replace a password by one that allows nothing but choosing another; end all sessions."""
    reset = partial(services.administration.reset_password, name)
    password = await wait_for(request, reset)
    return json_answer({"one_time_password": password}, headers={"Cache-Control": "no-store"})
