"""Aliases: movable names for versions."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.errors import InvalidInput
from muniment.server.api import bodies, documents
from muniment.server.api.answers import entity_answer, list_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import Acting, Alias, ModelName
from muniment.server.api.preconditions import IfAbsent, IfMatch, IfNoneMatch
from muniment.server.api.routing import api_router
from muniment.server.context import change, read

router = api_router("aliases")

ALIAS = "/models/{name}/aliases/{alias}"


@router.get(
    "/models/{name}/aliases",
    operation_id="listAliases",
    summary="List the aliases of a model",
    responses=answers(documents.Aliases, 404),
)
async def list_aliases(request: Request, name: ModelName, services: Acting) -> Response:
    """Return all aliases of a model, by name."""
    return list_answer(await read(request, partial(services.catalog.aliases, name)))


@router.get(
    ALIAS,
    operation_id="getAlias",
    summary="Get an alias",
    responses=answers(documents.Alias, 404, etag=True) | unchanged(),
)
async def get_alias(
    request: Request,
    name: ModelName,
    alias: Alias,
    services: Acting,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return which version an alias names, and since when."""
    found = await read(request, partial(services.catalog.alias, name, alias))
    return entity_answer(found, if_none_match=if_none_match)


@router.put(
    ALIAS,
    operation_id="setAlias",
    summary="Set or move an alias",
    responses=answers(documents.Alias, 404, 409, 412, 415, etag=True),
)
async def set_alias(
    request: Request,
    name: ModelName,
    alias: Alias,
    body: bodies.AliasTarget,
    services: Acting,
    if_match: IfMatch,
    if_absent: IfAbsent,
) -> Response:
    """Point an alias at a READY version; with `expect`, only if it names that version now."""
    if if_absent and body.expect:
        raise InvalidInput(
            f"If-None-Match: * wants no such alias, and expect={body.expect} one.",
            hint="Send one of them.",
            details={"field": "expect"},
        )
    point = partial(
        services.catalog.set_alias,
        name,
        alias,
        body.version,
        expect=0 if if_absent else body.expect,
        protected=body.protected,
        if_match=if_match,
    )
    return entity_answer(await change(request, point))


@router.delete(
    ALIAS,
    operation_id="deleteAlias",
    summary="Delete an alias",
    status_code=204,
    responses=answers(None, 404, 412, status=204, description="It is gone."),
)
async def delete_alias(
    request: Request,
    name: ModelName,
    alias: Alias,
    services: Acting,
    if_match: IfMatch,
    expect: Annotated[
        int | None,
        Query(description="Delete it only if it names this version now.", examples=[3]),
    ] = None,
) -> Response:
    """Remove an alias; one that is not there is fine, unless a precondition says otherwise."""
    delete = partial(services.catalog.delete_alias, name, alias, expect=expect, if_match=if_match)
    await change(request, delete)
    return Response(status_code=204)
