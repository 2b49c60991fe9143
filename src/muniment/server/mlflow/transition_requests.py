"""transition-requests/*: somebody asks for a stage, others approve or reject, one may take it back.

A request is named by what it asks for: model, version and stage. Of those that are open, there is
one at most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.requests import RequestAction, TransitionRequest
from muniment.errors import NotFound
from muniment.server.mlflow import proposal
from muniment.server.mlflow.activities import request_document, review_document
from muniment.server.mlflow.fields import checked_name, version_number
from muniment.server.mlflow.stages import checked_stage
from muniment.server.mlflow.wire import LIFECYCLE_PREFIXES, Call, answer, mlflow_routes

_Review: TypeAlias = Callable[[int], TransitionRequest]


async def create(call: Call) -> Response:
    """Ask for a version to be moved to a stage; the version is named flat, or as once proposed."""
    if call.has("model_version"):
        name, number = proposal.version_in(call)
    else:
        name, number = checked_name(call), version_number(call)
    stage, comment = call.required("stage"), call.text("comment")
    lifecycle = call.services.lifecycle

    def ask() -> dict[str, object]:
        asked = lifecycle.request_transition(name, number, stage, comment=comment)
        return request_document(asked, lifecycle.actions(asked))

    return answer({"request": await call.wait_for(ask)})


async def find(call: Call) -> Response:
    """Return what is asked for of a version, oldest first."""
    name, number, lifecycle = checked_name(call), version_number(call), call.services.lifecycle

    def read() -> list[dict[str, object]]:
        found = reversed(lifecycle.open_requests(name, number))
        return [request_document(asked, lifecycle.actions(asked)) for asked in found]

    return answer({"requests": await call.wait_for(read)})


async def approve(call: Call) -> Response:
    """Say yes; with enough of that, the version is in the stage when this answers."""
    return await _of_fields(call, RequestAction.APPROVE)


async def reject(call: Call) -> Response:
    """Say no."""
    return await _of_fields(call, RequestAction.REJECT)


async def delete(call: Call) -> Response:
    """Take a request back that the user `creator` has made."""
    return await _of_fields(call, RequestAction.CANCEL, creator=call.required("creator"))


async def update(call: Call) -> Response:
    """Approve (`action` 1), reject (2) or take back (3), as it was once proposed."""
    action, stage = proposal.action_of(call), proposal.stage_in(call)
    name, number = proposal.version_in(call, "transition_request")
    return await _review(call, action, name, number, stage)


async def _of_fields(call: Call, action: RequestAction, *, creator: str = "") -> Response:
    name, number, stage = checked_name(call), version_number(call), call.required("stage")
    return await _review(call, action, name, number, stage, creator=creator)


async def _review(
    call: Call, action: RequestAction, name: str, number: int, stage: str, *, creator: str = ""
) -> Response:
    lifecycle, act = call.services.lifecycle, _act(call, action)

    def review() -> dict[str, object]:
        asked = _open_request(call, name, number, checked_stage(call, stage), creator)
        reviewed = act(asked.id)
        return review_document(reviewed, lifecycle.blockers(reviewed.id))

    return answer({"activity": await call.wait_for(review)})


def _act(call: Call, action: RequestAction) -> _Review:
    lifecycle, comment = call.services.lifecycle, call.text("comment")
    if action is RequestAction.REJECT:
        return partial(lifecycle.reject, comment=comment)
    if action is RequestAction.CANCEL:
        return partial(lifecycle.cancel, comment=comment)
    said = call.has("archive_existing_versions")
    archives = call.flag("archive_existing_versions") if said else None
    return partial(lifecycle.approve, comment=comment, archive_existing=archives)


def _open_request(
    call: Call, name: str, number: int, stage: str, creator: str
) -> TransitionRequest:
    """Return the request that is open for a stage (by `creator`, if named). Raises NotFound."""
    for asked in call.services.lifecycle.open_requests(name, number):
        if asked.to_stage == stage and creator in ("", asked.requested_by):
            return asked
    by = f" by {creator!r:.200}" if creator else ""
    raise NotFound(
        f"No request{by} to move version {number} of {name!r:.200} to {stage} is open.",
        hint="transition-requests/list tells which are.",
    )


_routes = partial(mlflow_routes, prefixes=LIFECYCLE_PREFIXES)
routes: list[Route] = [
    *_routes("transition-requests/create", unsaid=True, POST=create),
    *_routes("transition-requests/list", GET=find),
    *_routes("transition-requests/approve", POST=approve),
    *_routes("transition-requests/reject", POST=reject),
    *_routes("transition-requests/delete", DELETE=delete),
    *_routes("transition-requests/update", PATCH=update),
]
