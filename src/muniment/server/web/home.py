"""Home: what waits for me, what happened, what is in production; or how to begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.entities import ModelVersion
from muniment.domain.query import Comparison, Op, OrderBy, Target, attribute
from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.telling import told

_REQUESTS: Final = 20
_IN_PRODUCTION: Final = 12
_HAPPENED: Final = 12
_DUE: Final = 20
_PRODUCTION: Final = "Production"


@dataclass(frozen=True, slots=True)
class Open:
    """An open request, and whether it waits for the visitor."""

    asked: TransitionRequest
    mine: bool


async def show(visit: Visit) -> Response:
    """Show the home of a workspace."""
    services = visit.services

    def gather() -> dict[str, object]:
        if not visit.may(Verb.READ):
            return {"is_new": False, "is_outsider": True}
        if not services.catalog.find_models(None, page_size=1).items:
            return {"is_new": True, "is_outsider": False}
        asked = services.lifecycle.requests(state=RequestState.OPEN, page_size=_REQUESTS).items
        opened = [Open(a, RequestAction.APPROVE in services.lifecycle.actions(a)) for a in asked]
        due = services.lifecycle.reviews_due(limit=_DUE + 1)
        return {
            "is_new": False,
            "is_outsider": False,
            "requests": sorted(opened, key=lambda one: not one.mine),
            "in_production": _in_production(visit),
            "due": due[:_DUE],
            "more_due": len(due) > _DUE,
            "happened": services.feed.activities(page_size=_HAPPENED).items,
            "told": told,
        }

    origin = f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    return await visit.page("home", {"origin": origin, **await visit.wait_for(gather)})


def _in_production(visit: Visit) -> list[ModelVersion]:
    where = Comparison(attribute(Target.VERSIONS, "stage"), Op.EQ, _PRODUCTION)
    order = (OrderBy(attribute(Target.VERSIONS, "updated_at"), descending=True),)
    return list(visit.services.catalog.find_versions(where, order, page_size=_IN_PRODUCTION).items)


routes: Final = web_routes("/", get=show)
