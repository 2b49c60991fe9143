"""Users: who there is, new ones, and for each what they hold and how they sign in.

A password or token that was just made stands on the page that answers, this once, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from muniment.domain.access import Role, Verb
from muniment.domain.accounts import UserKind
from muniment.errors import InvalidInput, MunimentError
from muniment.server.web.admin import tabs
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.grants import grant_in, grant_number_in, place_in
from muniment.server.web.tokens import new_token
from muniment.services.access.access import EVERYWHERE

_PAGE: Final = 50


async def show(visit: Visit) -> Response:
    """List users, and ask for a new one."""
    return await _list_page(visit)


async def create(visit: Visit) -> Response:
    """Make a user; show the one-time password."""
    try:
        made = await visit.wait_for(lambda: _created(visit))
    except MunimentError as fault:
        return await _list_page(visit, fault=fault)
    visit.form = {}
    return await _list_page(visit, made)


def _created(visit: Visit) -> dict[str, object]:
    form, administration = visit.form, visit.services.administration
    # The first one ends that everybody is the owner: nobody could let others in but an admin.
    first = _is_first(visit)
    role = Role.ADMIN if first else _role(form.get("role", ""))
    service = form.get("kind") == UserKind.SERVICE.value and not first
    user, once = administration.create_user(
        form.get("name", "").strip(),
        service=service,
        display_name=form.get("display_name", "").strip(),
        role=role,
        workspace=EVERYWHERE if first else place_in(visit),
    )
    return {"made": user, "once": once, "was_first": first}


def _is_first(visit: Visit) -> bool:
    return not visit.services.administration.users(page_size=1).items


def _role(text: str) -> Role | None:
    if text not in ("", *Role):
        raise InvalidInput(f"There is no role {text!r:.80}.", details={"field": "role"})
    return Role(text) if text else None


async def _list_page(
    visit: Visit, made: Mapping[str, object] | None = None, *, fault: MunimentError | None = None
) -> Response:
    def gather() -> dict[str, object]:
        found = visit.services.administration.users(
            page_size=_PAGE, page_token=visit.asked.get("page_token") or None
        )
        return {
            "rows": [(user, user_path(user.name)) for user in found.items],
            "next_token": found.next_token,
            "is_first": _is_first(visit),
        }

    known = {"tabs": tabs(visit), "roles": list(Role), "made": None, "once": None}
    return await visit.page(
        "users",
        {**known, "was_first": False, **await visit.wait_for(gather), **(made or {})},
        fault=fault,
    )


def user_path(name: str) -> str:
    """Return the path of a user's page."""
    return f"/admin/users/{quote(name, safe='')}"


# -- one user ------------------------------------------------------------------------------------


async def show_one(visit: Visit) -> Response:
    """Show a user, with tokens and grants."""
    return await _page_of_one(visit)


async def act(visit: Visit) -> Response:
    """Do one thing to a user."""
    name, form = visit.params["name"], visit.form
    administration = visit.services.administration

    def do() -> tuple[str, str]:
        """Return what was done, and the secret that came of it."""
        match form.get("action"):
            case "deactivate" | "activate" as action:
                administration.set_active(name, action == "activate")
                return f"{name} was {action}d.", ""
            case "reset":
                return "", administration.reset_password(name)
            case "token":
                return "", new_token(visit, name)
            case "revoke":
                administration.revoke_token(form.get("token", ""))
                return "The token was revoked.", ""
            case "grant":
                administration.add_grant(place_in(visit), f"user:{name}", grant_in(form))
                return f"{name} holds more now.", ""
            case "drop":
                administration.drop_grant(grant_number_in(form))
                return "The grant was taken away.", ""
        raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")

    try:
        said, secret = await visit.wait_for(do)
    except MunimentError as fault:
        return await _page_of_one(visit, fault=fault)
    if secret:
        visit.form = {"action": visit.form["action"]}
        return await _page_of_one(visit, secret)
    return visit.lead_on(user_path(name), said)


async def _page_of_one(
    visit: Visit, secret: str = "", *, fault: MunimentError | None = None
) -> Response:
    name = visit.params["name"]

    def gather() -> dict[str, object]:
        administration = visit.services.administration
        user = administration.user(name)
        tokens = administration.tokens_page(
            name, page_size=_PAGE, page_token=visit.asked.get("tokens") or None
        )
        values: dict[str, object] = {"user": user, "tokens": tokens.items, "grants": ()}
        values |= {"more_tokens": tokens.next_token, "more_grants": None}
        if visit.may(Verb.GRANT):
            grants = administration.grants_page(
                subject=f"user:{name}", page_size=_PAGE, page_token=visit.asked.get("roles") or None
            )
            values |= {"grants": grants.items, "more_grants": grants.next_token}
        return values

    known: dict[str, object] = {"tabs": tabs(visit), "roles": list(Role), "secret": secret}
    known |= {"may_give": visit.may(Verb.GRANT), "may_manage": visit.may(Verb.USERS)}
    known["is_visitor"] = name == visit.services.caller.actor
    return await visit.page("user", {**known, **await visit.wait_for(gather)}, fault=fault)


routes: Final = [
    *web_routes("/admin/users", get=show, post=create),
    *web_routes("/admin/users/{name}", get=show_one, post=act),
]
