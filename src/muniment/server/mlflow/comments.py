"""comments/*: what people say of versions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.comments import Comment
from muniment.errors import NotFound
from muniment.server.mlflow.activities import comment_document
from muniment.server.mlflow.fields import checked_name, version_number
from muniment.server.mlflow.wire import LIFECYCLE_PREFIXES, Call, answer, mlflow_routes


async def create(call: Call) -> Response:
    """Say something of a version."""
    name, number, text = checked_name(call), version_number(call), call.required("comment")
    add = partial(call.services.comments.add, name, text, version=number)
    return answer({"comment": await _comment(call, add)})


async def update(call: Call) -> Response:
    """Change the text of a comment."""
    edit = partial(call.services.comments.edit, _id(call), call.required("comment"))
    return answer({"comment": await _comment(call, edit)})


async def delete(call: Call) -> Response:
    """Take a comment back; that it was there stays on record."""
    await call.wait_for(partial(call.services.comments.delete, _id(call)))
    return answer({})


async def _comment(call: Call, change: Callable[[], Comment]) -> dict[str, object]:
    comments = call.services.comments

    def changed() -> dict[str, object]:
        comment = change()
        return comment_document(comment, may_change=comments.may_change(comment))

    return await call.wait_for(changed)


def _id(call: Call) -> int:
    """Return the field `id`: a number, as text. What is none names no comment: NotFound."""
    text = call.required("id")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NotFound(f"There is no comment {text!r:.100}.")
    return int(text)


_routes = partial(mlflow_routes, prefixes=LIFECYCLE_PREFIXES)
routes: list[Route] = [
    *_routes("comments/create", POST=create),
    *_routes("comments/update", PATCH=update),
    *_routes("comments/delete", DELETE=delete),
]
