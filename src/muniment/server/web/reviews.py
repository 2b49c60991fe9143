"""The review inbox: requests that wait, those that were decided, and versions due for review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.errors import MunimentError, NotFound
from muniment.server.web.frame import Visit, web_routes

_PAGE: Final = 25
_DUE: Final = 50
_MENTIONS: Final = 10
STATES: Final = {"": "Open", **{s.value: s.value.title() for s in list(RequestState)[1:]}}


@dataclass(frozen=True, slots=True)
class Row:
    """One request; `mine`: it waits for the visitor, `own`: it is the visitor's."""

    asked: TransitionRequest
    mine: bool
    own: bool


async def show(visit: Visit) -> Response:
    """List transition requests, those that wait for the visitor first."""
    services, asked = visit.services, visit.asked
    state = RequestState(asked["state"]) if asked.get("state") in STATES else RequestState.OPEN
    token = asked.get("page_token") or None
    is_inbox = state is RequestState.OPEN and not token and not asked.get("model")

    def gather() -> dict[str, object]:
        found = services.lifecycle.requests(
            model=asked.get("model") or None, state=state, page_size=_PAGE, page_token=token
        )
        due = services.lifecycle.reviews_due(limit=_DUE + 1) if is_inbox else []
        return {
            "rows": sorted((_row(visit, one) for one in found.items), key=lambda row: not row.mine),
            "next_token": found.next_token,
            "due": due[:_DUE],
            "more_due": len(due) > _DUE,
            "mentions": services.comments.mentions(services.caller.actor, page_size=_MENTIONS).items
            if is_inbox
            else (),
        }

    try:
        values, fault = await visit.wait_for(gather), None
    except NotFound as none:  # the model that is asked for: the filter stays, to be changed
        values, fault = {"rows": [], "next_token": None, "due": [], "mentions": ()}, none
    return await _page(visit, state, values, fault)


async def _page(
    visit: Visit,
    state: RequestState,
    values: dict[str, object],
    fault: MunimentError | None,
) -> Response:
    known = {"state": "" if state is RequestState.OPEN else state.value, "states": STATES}
    return await visit.page("reviews", {**known, **values}, fault=fault)


def _row(visit: Visit, asked: TransitionRequest) -> Row:
    services = visit.services
    mine = RequestAction.APPROVE in services.lifecycle.actions(asked)
    return Row(asked, mine, asked.requested_by == services.caller.actor)


routes: Final = web_routes("/reviews", get=show)
