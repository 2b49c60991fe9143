"""The models that were deleted and can still be restored."""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Asked, Verb
from muniment.domain.query import OrderBy, Target, attribute
from muniment.errors import MunimentError
from muniment.server.context import context_of
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.words import model_path

_PAGE: Final = 25


async def show(visit: Visit, fault: MunimentError | None = None) -> Response:
    """List them, the last one that was deleted first."""
    services, token = visit.services, visit.asked.get("page_token") or None
    order = (OrderBy(attribute(Target.MODELS, "updated_at"), descending=True),)

    def gather() -> dict[str, object]:
        found = services.catalog.find_models(
            None, order, page_size=_PAGE, page_token=token, deleted=True
        )
        may = services.caller.principal.may
        rows = [(model, may(Verb.DELETE_MODEL, Asked.about(model))) for model in found.items]
        return {"rows": rows, "next_token": found.next_token}

    window = context_of(visit.request).ports.retention.restore_window
    values = {"window": window, **await visit.wait_for(gather)}
    return await visit.page("deleted", values, fault=fault)


async def restore(visit: Visit) -> Response:
    """Undo a deletion."""
    restored = partial(visit.services.catalog.restore_model, number_in(visit, "id"))
    try:
        model = await visit.wait_for(restored)
    except MunimentError as fault:
        return await show(visit, fault)
    return visit.lead_on(model_path(model.name), f"{model.name:.200} is back.")


routes: Final = [
    *web_routes("/deleted-models", get=show),
    *web_routes("/deleted-models/{id}", get=show, post=restore),
]
