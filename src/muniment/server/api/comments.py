"""Comments on models, versions and transition requests."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, TypeAlias

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain import names
from muniment.domain.comments import Comment
from muniment.domain.entities import Page
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import entity_answer, page_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import (
    Acting,
    CommentId,
    ModelName,
    PageSize,
    PageToken,
    RequestId,
    VersionNumber,
)
from muniment.server.api.preconditions import IfMatch, IfNoneMatch
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import wait_for

router = api_router("comments")

MODEL = "/models/{name}/comments"
VERSION = "/models/{name}/versions/{number}/comments"
REQUEST = "/requests/{id}/comments"
COMMENT = "/comments/{id}"
Order: TypeAlias = Annotated[
    Literal["oldest", "newest"], Query(description="Which comments come first.")
]
Everything: TypeAlias = Annotated[
    bool, Query(description="Also what was said of its versions and their requests.")
]


@router.post(
    MODEL,
    operation_id="commentOnModel",
    summary="Comment on a model",
    status_code=201,
    responses=answers(documents.Comment, 404, 415, status=201, etag=True),
)
async def comment_on_model(
    request: Request, name: ModelName, body: bodies.CommentText, services: Acting
) -> Response:
    """Say something of a model; `@name` mentions somebody."""
    comment = await wait_for(request, partial(services.comments.add, name, body.text))
    return _created(comment)


@router.get(
    MODEL,
    operation_id="listModelComments",
    summary="List the comments on a model",
    responses=answers(documents.CommentPage, 404),
)
async def list_model_comments(
    request: Request,
    name: ModelName,
    services: Acting,
    everything: Everything = False,
    order: Order = "oldest",
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return what was said of a model itself, or with `everything` all that was said below it."""
    find = partial(
        services.comments.comments,
        name,
        everything=everything,
        page_size=page_size,
        page_token=page_token,
        newest_first=order == "newest",
    )
    return page_answer(await wait_for(request, find))


@router.post(
    VERSION,
    operation_id="commentOnVersion",
    summary="Comment on a version",
    status_code=201,
    responses=answers(documents.Comment, 404, 415, status=201, etag=True),
)
async def comment_on_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.CommentText,
    services: Acting,
) -> Response:
    """Say something of a version; `@name` mentions somebody."""
    add = partial(services.comments.add, name, body.text, version=number)
    return _created(await wait_for(request, add))


@router.get(
    VERSION,
    operation_id="listVersionComments",
    summary="List the comments on a version",
    responses=answers(documents.CommentPage, 404),
)
async def list_version_comments(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    everything: Annotated[
        bool, Query(description="Also what was said of requests for it.")
    ] = False,
    order: Order = "oldest",
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return what was said of a version, or with `everything` of requests for it, too."""
    find = partial(
        services.comments.comments,
        name,
        version=number,
        everything=everything,
        page_size=page_size,
        page_token=page_token,
        newest_first=order == "newest",
    )
    return page_answer(await wait_for(request, find))


@router.post(
    REQUEST,
    operation_id="commentOnRequest",
    summary="Comment on a transition request",
    status_code=201,
    responses=answers(documents.Comment, 404, 415, status=201, etag=True),
)
async def comment_on_request(
    request: Request, id: RequestId, body: bodies.CommentText, services: Acting
) -> Response:
    """Say something of a transition request, open or closed; `@name` mentions somebody."""

    def add() -> Comment:
        asked = services.lifecycle.request(id)
        return services.comments.add(asked.model, body.text, request=id)

    return _created(await wait_for(request, add))


@router.get(
    REQUEST,
    operation_id="listRequestComments",
    summary="List the comments on a transition request",
    responses=answers(documents.CommentPage, 404),
)
async def list_request_comments(
    request: Request,
    id: RequestId,
    services: Acting,
    order: Order = "oldest",
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return what was said of a transition request, a page at a time."""

    def find() -> Page[Comment]:
        asked = services.lifecycle.request(id)
        return services.comments.comments(
            asked.model,
            request=id,
            page_size=page_size,
            page_token=page_token,
            newest_first=order == "newest",
        )

    return page_answer(await wait_for(request, find))


@router.get(
    "/comments",
    operation_id="listMentions",
    summary="List the comments that mention somebody",
    responses=answers(documents.CommentPage),
)
async def list_mentions(
    request: Request,
    services: Acting,
    mention: Annotated[
        str, Query(description="Whose name stands behind an `@`.", examples=["ada"])
    ],
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return comments on models that the caller may read, newest first."""
    who = names.check_user_name(mention)
    find = partial(services.comments.mentions, who, page_size=page_size, page_token=page_token)
    return page_answer(await wait_for(request, find))


@router.get(
    COMMENT,
    operation_id="getComment",
    summary="Get a comment",
    responses=answers(documents.Comment, 404, etag=True) | unchanged(),
)
async def get_comment(
    request: Request, id: CommentId, services: Acting, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a comment; a deleted one has no text."""
    comment = await wait_for(request, partial(services.comments.comment, id))
    return entity_answer(comment, if_none_match=if_none_match)


@router.patch(
    COMMENT,
    operation_id="editComment",
    summary="Edit a comment",
    responses=answers(documents.Comment, 404, 409, 412, 415, etag=True),
)
async def edit_comment(
    request: Request, id: CommentId, body: bodies.CommentText, services: Acting, if_match: IfMatch
) -> Response:
    """Change the text: its author may, and who manages the stages. That it was stays on record."""
    edit = partial(services.comments.edit, id, body.text, if_match=if_match)
    return entity_answer(await wait_for(request, edit))


@router.delete(
    COMMENT,
    operation_id="deleteComment",
    summary="Delete a comment",
    responses=answers(documents.Comment, 404, 412, etag=True),
)
async def delete_comment(
    request: Request, id: CommentId, services: Acting, if_match: IfMatch
) -> Response:
    """Take a comment back: its text is gone, its place and the trail stay. Again is fine."""
    delete = partial(services.comments.delete, id, if_match=if_match)
    return entity_answer(await wait_for(request, delete))


def _created(comment: Comment) -> Response:
    return entity_answer(comment, status=201, location=f"{PREFIX}/comments/{comment.id}")
