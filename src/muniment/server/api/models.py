"""Registered models."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment.errors import InvalidInput
from muniment.server.api import bodies, documents
from muniment.server.api.answers import entity_answer, model_url, page_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import (
    Acting,
    Deleted,
    Filter,
    Force,
    IdempotencyKey,
    ModelId,
    ModelName,
    OrderBy,
    PageSize,
    PageToken,
)
from muniment.server.api.preconditions import IfMatch, IfNoneMatch
from muniment.server.api.routing import api_router
from muniment.server.context import change, read, search, wait_for

router = api_router("models")


@router.post(
    "/models",
    operation_id="createModel",
    summary="Register a model",
    status_code=201,
    responses=answers(documents.RegisteredModel, 409, 415, 422, status=201, etag=True),
)
async def create_model(
    request: Request,
    body: bodies.NewModel,
    services: Acting,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give a model its name, with a description and tags. Versions are added to it later."""
    create = partial(
        services.catalog.create_model,
        body.name,
        body.to_changes(),
        idempotency_key=idempotency_key,
    )
    model = await change(request, create)
    return entity_answer(model, status=201, location=model_url(model.name))


@router.get(
    "/models",
    operation_id="searchModels",
    summary="Search models",
    responses=answers(documents.ModelPage),
)
async def search_models(
    request: Request,
    services: Acting,
    filter: Filter = "",
    order_by: OrderBy = [],  # noqa: B006  # FastAPI copies it
    page_size: PageSize = None,
    page_token: PageToken = None,
    deleted: Deleted = False,
) -> Response:
    """List the models that a filter finds, a page at a time, by name unless told otherwise."""
    find = partial(
        services.catalog.search_models,
        filter,
        order_by=order_by,
        page_size=page_size,
        page_token=page_token,
        deleted=deleted,
    )
    return page_answer(await search(request, find))


@router.get(
    "/models/{name}",
    operation_id="getModel",
    summary="Get a model",
    responses=answers(documents.RegisteredModel, 404, etag=True) | unchanged(),
)
async def get_model(
    request: Request, name: ModelName, services: Acting, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a model with its tags, aliases and newest version."""
    model = await read(request, partial(services.catalog.model, name))
    return entity_answer(model, if_none_match=if_none_match)


@router.patch(
    "/models/{name}",
    operation_id="changeModel",
    summary="Change or rename a model",
    responses=answers(documents.RegisteredModel, 404, 409, 412, 415, etag=True),
)
async def change_model(
    request: Request, name: ModelName, body: bodies.ModelPatch, services: Acting, if_match: IfMatch
) -> Response:
    """Apply a merge patch; or, with `name` alone, rename. Versions, aliases and history stay."""
    if body.name is None:
        patch = partial(services.catalog.update_model, name, body.to_changes(), if_match=if_match)
    elif body.description is None and not body.tags:
        patch = partial(services.catalog.rename_model, name, body.name, if_match=if_match)
    else:
        raise InvalidInput(
            "A model can't be renamed and changed in one request.",
            hint="Send `name` alone, then the rest.",
            details={"field": "name"},
        )
    return entity_answer(await change(request, patch))


@router.delete(
    "/models/{name}",
    operation_id="deleteModel",
    summary="Delete a model",
    responses=answers(documents.RegisteredModel, 404, 409, 412, etag=True),
)
async def delete_model(
    request: Request,
    name: ModelName,
    services: Acting,
    if_match: IfMatch,
    force: Force = False,
) -> Response:
    """Delete a model softly: its name is free at once, its `id` restores it for a while.

    One that is in use is refused (`in_use`, with the reasons), unless it is forced.
    """
    delete = partial(services.catalog.delete_model, name, force=force, if_match=if_match)
    return entity_answer(await wait_for(request, delete))


@router.post(
    "/deleted-models/{id}/restore",
    operation_id="restoreModel",
    summary="Restore a deleted model",
    responses=answers(documents.RegisteredModel, 404, 409, 412, etag=True),
)
async def restore_model(
    request: Request, id: ModelId, services: Acting, if_match: IfMatch
) -> Response:
    """Undo a deletion, with all versions and aliases."""
    restore = partial(services.catalog.restore_model, id, if_match=if_match)
    return entity_answer(await wait_for(request, restore))
