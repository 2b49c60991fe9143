"""One's own tokens: what programs sign in with. The text of a new one is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Grant, Role
from muniment.errors import InvalidInput, MunimentError
from muniment.server.context import signed_in_of
from muniment.server.web.admin import tabs
from muniment.server.web.frame import Visit, web_routes

_PAGE: Final = 50


async def show(visit: Visit) -> Response:
    """List the visitor's tokens, and ask for new ones."""
    return await _page(visit)


async def act(visit: Visit) -> Response:
    """Make a token, or revoke one."""
    try:
        if visit.form.get("action") == "token":
            secret = await visit.wait_for(lambda: new_token(visit, visit.services.caller.actor))
            visit.form = {"action": "token"}
            return await _page(visit, secret)
        token = visit.form.get("token", "")
        await visit.wait_for(lambda: visit.services.administration.revoke_token(token))
    except MunimentError as fault:
        return await _page(visit, fault=fault)
    return visit.lead_on("/admin/tokens", "The token was revoked.")


async def _page(visit: Visit, secret: str = "", *, fault: MunimentError | None = None) -> Response:
    def gather() -> dict[str, object]:
        if signed_in_of(visit.request) is None:
            return {"tokens": (), "next_token": None}
        found = visit.services.administration.tokens_page(
            visit.services.caller.actor,
            page_size=_PAGE,
            page_token=visit.asked.get("page_token") or None,
        )
        return {"tokens": found.items, "next_token": found.next_token}

    known = {"tabs": tabs(visit), "roles": list(Role), "secret": secret}
    origin = f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    return await visit.page(
        "tokens", {**known, "origin": origin, **await visit.wait_for(gather)}, fault=fault
    )


def new_token(visit: Visit, user: str) -> str:
    """Make the token that a form describes, for a user; return its text."""
    form = visit.form
    role = form.get("role", "")
    if role not in ("", *Role):
        raise InvalidInput(f"There is no role {role!r:.80}.", details={"field": "role"})
    _, text = visit.services.administration.create_token(
        user=user,
        description=form.get("description", "").strip(),
        lifetime=_lifetime(form.get("days", "").strip()),
        automation="automation" in form,
        scopes=[Grant.of_role(Role(role))] if role else None,
    )
    return text


def _lifetime(text: str) -> timedelta | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= 3650):
        raise InvalidInput(
            f"A token lives 1 to 3650 days, not {text!r:.40}.", details={"field": "days"}
        )
    return timedelta(days=int(text))


routes: Final = web_routes("/admin/tokens", get=show, post=act)
