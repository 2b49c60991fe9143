"""Roles: who holds what in the workspace; given, taken away, and explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Asked, Decision, Grant, Role, Verb
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.server.web.admin import tabs
from muniment.server.web.frame import Visit, web_routes
from muniment.services.access.access import EVERYWHERE

_PAGE: Final = 50


async def show(visit: Visit) -> Response:
    """List grants, and ask for new ones; explain what somebody may do, if the query asks."""
    return await _page(visit)


async def act(visit: Visit) -> Response:
    """Give, or take away."""
    form, administration = visit.form, visit.services.administration

    def do() -> str:
        match form.get("action"):
            case "grant":
                subject = form.get("subject", "").strip()
                held = administration.add_grant(place_in(visit), subject, grant_in(form))
                return f"{held.subject} holds {held.grant} now."
            case "drop":
                administration.drop_grant(grant_number_in(form))
                return "The grant was taken away."
        raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")

    try:
        said = await visit.wait_for(do)
    except MunimentError as fault:
        if isinstance(fault, NotFound) and form.get("action") == "grant":
            fault.details["field"] = "subject"  # no such user
        return await _page(visit, fault=fault)
    return visit.lead_on("/admin/grants", said)


async def _page(visit: Visit, *, fault: MunimentError | None = None) -> Response:
    administration = visit.services.administration
    token = visit.asked.get("page_token") or None
    held = await visit.wait_for(
        lambda: administration.grants_page(page_size=_PAGE, page_token=token)
    )
    decision: Decision | None = None
    if visit.asked.get("who") and fault is None:
        try:
            decision = await visit.wait_for(lambda: _explained(visit))
        except MunimentError as unclear:
            fault = unclear
    return await visit.page(
        "grants",
        {
            "tabs": tabs(visit),
            "held": held.items,
            "next_token": held.next_token,
            "roles": list(Role),
            "verbs": list(Verb),
            "decision": decision,
        },
        fault=fault,
    )


def _explained(visit: Visit) -> Decision:
    asked = visit.asked
    verb = asked.get("verb", "")
    if verb not in set(Verb):
        raise InvalidInput(f"There is no verb {verb!r:.80}.", details={"field": "verb"})
    about = asked.get("on", "").strip()
    return visit.services.administration.explain(
        asked["who"].strip(), Verb(verb), Asked.of(about) if about else Asked()
    )


# -- what forms say of grants --------------------------------------------------------------------


def grant_in(form: Mapping[str, str]) -> Grant:
    """Return the grant that a form describes. Raises InvalidInput."""
    said: JsonObject = {"role": form.get("role", "")}
    for field in ("models", "alias", "stage", "tag"):
        if text := form.get(field, "").strip():
            said[field] = text
    return Grant.from_json(said)


def grant_number_in(form: Mapping[str, str]) -> int:
    """Return the number of the grant that a form is about. Raises InvalidInput."""
    text = form.get("grant", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"A grant has a number, not {text!r:.80}.")
    return int(text)


def place_in(visit: Visit) -> str:
    """Return the workspace that a form means: the visitor's, or all."""
    return EVERYWHERE if visit.form.get("place") == EVERYWHERE else visit.workspace


routes: Final = web_routes("/admin/grants", get=show, post=act)
