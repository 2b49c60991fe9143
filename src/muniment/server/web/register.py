"""Register a model from the browser: files or a folder, sent by a script of the page.

    GET /register               a new model, or one more version of one that is there
    GET /register?model=fraud   the next version of that one

The page sends bytes to the same calls that other clients use (static/register.js), so whatever
breaks off is gone on with, and what is stored already is not sent again.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.query import OrderBy, Target, attribute
from muniment.errors import NotFound
from muniment.server.web.begin import curl
from muniment.server.web.frame import Visit, web_routes
from muniment.services import Services
from muniment.services.base import ANYTHING

_SUGGESTED: Final = 50


async def show(visit: Visit) -> Response:
    """Show the form."""
    services, wanted = visit.services, visit.asked.get("model", "")
    command = curl(visit, wanted or "fraud", "model.pkl")
    return await visit.page(
        "register", {"command": command, **await visit.wait_for(lambda: gathered(services, wanted))}
    )


def gathered(services: Services, wanted: str) -> dict[str, object]:
    """Return what a form to register needs: which models there are, and whether one may."""
    found = None
    if wanted:
        try:
            found = services.catalog.model(wanted)
        except NotFound:
            found = None  # then it is the name of a new one
    principal = services.caller.principal
    decision = principal.decide(Verb.CREATE_VERSION, ANYTHING)
    if found is not None and Verb.CREATE_VERSION not in services.lifecycle.verbs(found.name):
        found = None
    newest = OrderBy(attribute(Target.MODELS, "updated_at"), descending=True)
    models = services.catalog.find_models(None, (newest,), page_size=_SUGGESTED).items
    return {
        "wanted": wanted,
        "known": found,
        "suggested": sorted(model.name for model in models),
        "may": decision.allowed,
        "why_not": decision.because,
    }


routes: Final = web_routes("/register", get=show)
