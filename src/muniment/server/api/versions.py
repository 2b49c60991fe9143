"""Model versions."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain.refs import parse_ref
from muniment.server.api import bodies, documents
from muniment.server.api.answers import entity_answer, model_url, page_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import (
    Acting,
    Deleted,
    Filter,
    Force,
    IdempotencyKey,
    ModelName,
    Moment,
    OrderBy,
    PageSize,
    PageToken,
    VersionNumber,
)
from muniment.server.api.preconditions import IfMatch, IfNoneMatch
from muniment.server.api.routing import api_router
from muniment.server.context import change, read, search, wait_for

router = api_router("versions")

VERSION = "/models/{name}/versions/{number}"


@router.post(
    "/models/{name}/versions",
    operation_id="createVersion",
    summary="Create a version",
    status_code=201,
    responses=answers(documents.ModelVersion, 404, 409, 415, 422, 507, status=201, etag=True),
)
async def create_version(
    request: Request,
    name: ModelName,
    body: bodies.NewVersion,
    services: Acting,
    create_model: Annotated[
        bool, Query(description="Register the model, too, if there is none.")
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Add a version. With files, whose blobs are here already, it is READY in this one step.

    With `pending` it only takes a number, to be sealed later; with a `source_uri` and no files it
    points at content that lies elsewhere.
    """
    new = body.to_new_version()
    create = partial(
        services.catalog.create_version,
        name,
        new,
        create_model=create_model,
        idempotency_key=idempotency_key,
    )
    make = change if new.files is None else wait_for  # for bytes
    version = await make(request, create)
    location = model_url(version.model, "versions", version.version)
    return entity_answer(version, status=201, location=location)


@router.get(
    "/models/{name}/versions",
    operation_id="searchModelVersions",
    summary="Search the versions of a model",
    responses=answers(documents.VersionPage, 404),
)
async def search_model_versions(
    request: Request,
    name: ModelName,
    services: Acting,
    filter: Filter = "",
    order_by: OrderBy = [],  # noqa: B006  # FastAPI copies it
    page_size: PageSize = None,
    page_token: PageToken = None,
    deleted: Deleted = False,
) -> Response:
    """List the versions of one model that a filter finds, newest first unless told otherwise."""
    find = partial(
        services.catalog.search_versions,
        filter,
        model=name,
        order_by=order_by,
        page_size=page_size,
        page_token=page_token,
        deleted=deleted,
    )
    return page_answer(await search(request, find))


@router.get(
    "/versions",
    operation_id="searchVersions",
    summary="Search the versions of all models",
    responses=answers(documents.VersionPage),
)
async def search_versions(
    request: Request,
    services: Acting,
    filter: Filter = "",
    order_by: OrderBy = [],  # noqa: B006  # FastAPI copies it
    page_size: PageSize = None,
    page_token: PageToken = None,
    deleted: Deleted = False,
) -> Response:
    """List the versions of any model that a filter finds, newest first unless told otherwise."""
    find = partial(
        services.catalog.search_versions,
        filter,
        order_by=order_by,
        page_size=page_size,
        page_token=page_token,
        deleted=deleted,
    )
    return page_answer(await search(request, find))


@router.get(
    "/resolve",
    operation_id="resolve",
    summary="Find the version that a reference means",
    responses=answers(documents.ModelVersion, 404, etag=True) | unchanged(),
)
async def resolve(
    request: Request,
    ref: Annotated[
        str,
        Query(
            description="`name`, `name@alias`, `name/3`, `name/Stage` or `name@sha256:<digest>`.",
            examples=["fraud@champion"],
        ),
    ],
    services: Acting,
    as_of: Annotated[
        Moment,
        Query(
            description="What an alias or a stage meant at this time.",
            examples=["2026-11-01T00:00:00Z"],
        ),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the version that a reference means now, or meant at a time; it is as it is now."""
    asked = parse_ref(ref)
    if as_of is None:
        version = await read(request, partial(services.catalog.resolve, asked))
    else:
        version = await wait_for(request, partial(services.lifecycle.as_of, asked, as_of))
    return entity_answer(version, if_none_match=if_none_match)


@router.get(
    VERSION,
    operation_id="getVersion",
    summary="Get a version",
    responses=answers(documents.ModelVersion, 404, etag=True) | unchanged(),
)
async def get_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a version; its files are in its manifest."""
    version = await read(request, partial(services.catalog.version, name, number))
    return entity_answer(version, if_none_match=if_none_match)


@router.patch(
    VERSION,
    operation_id="changeVersion",
    summary="Change a version",
    responses=answers(documents.ModelVersion, 404, 409, 412, 415, etag=True),
)
async def change_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.VersionPatch,
    services: Acting,
    if_match: IfMatch,
) -> Response:
    """Apply a merge patch. What a version is made of never changes."""
    patch = partial(
        services.catalog.update_version, name, number, body.to_changes(), if_match=if_match
    )
    return entity_answer(await change(request, patch))


@router.delete(
    VERSION,
    operation_id="deleteVersion",
    summary="Delete a version",
    responses=answers(documents.ModelVersion, 404, 409, 412, etag=True),
)
async def delete_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    if_match: IfMatch,
    force: Force = False,
) -> Response:
    """Delete a version softly. Its aliases are dropped; its number is never used again.

    One that is in use is refused (`in_use`, with the reasons), unless it is forced.
    """
    delete = partial(services.catalog.delete_version, name, number, force=force, if_match=if_match)
    return entity_answer(await wait_for(request, delete))


@router.post(
    f"{VERSION}/seal",
    operation_id="sealVersion",
    summary="Seal a pending version",
    responses=answers(documents.ModelVersion, 404, 409, 412, 415, 507, etag=True),
)
async def seal_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.Seal,
    services: Acting,
    if_match: IfMatch,
) -> Response:
    """Give a pending version, or one that points elsewhere, its content, once and for ever."""
    files = bodies.manifest_of(body.files)
    seal = partial(services.catalog.seal_version, name, number, files, if_match=if_match)
    return entity_answer(await wait_for(request, seal))


@router.post(
    f"{VERSION}/fail",
    operation_id="failVersion",
    summary="Give a pending version up",
    responses=answers(documents.ModelVersion, 404, 409, 412, 415, etag=True),
)
async def fail_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.Fail,
    services: Acting,
    if_match: IfMatch,
) -> Response:
    """Say that a pending version will not come, and why."""
    fail = partial(services.catalog.fail_version, name, number, body.message, if_match=if_match)
    return entity_answer(await wait_for(request, fail))


@router.post(
    f"{VERSION}/restore",
    operation_id="restoreVersion",
    summary="Restore a deleted version",
    responses=answers(documents.ModelVersion, 404, 409, 412, etag=True),
)
async def restore_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    if_match: IfMatch,
) -> Response:
    """Undo a deletion. Aliases stay dropped."""
    restore = partial(services.catalog.restore_version, name, number, if_match=if_match)
    return entity_answer(await wait_for(request, restore))


@router.post(
    f"{VERSION}/stage",
    operation_id="moveVersion",
    summary="Move a version to a stage",
    responses=answers(documents.ModelVersion, 404, 409, 412, 415, etag=True),
)
async def move_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.StageMove,
    services: Acting,
    if_match: IfMatch,
) -> Response:
    """Move a version to a stage; `archive_existing` archives those that are there.

    409 `blocked` lists what the stage demands and the version has not; where that is approvals, ask
    for them by a transition request. 409 `in_use`, unless with `force`, if something runs a version
    that would be archived.
    """
    move = partial(
        services.lifecycle.move_to_stage,
        name,
        number,
        body.stage,
        archive_existing=body.archive_existing,
        comment=body.comment,
        force=body.force,
        if_match=if_match,
    )
    return entity_answer(await wait_for(request, move))
