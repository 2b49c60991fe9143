"""The pages on which people sign in and out and choose their password. They need no script.

/sign-in ── name, password ──────────────> session ──> where they wanted to go
    └── /oidc/start ──> issuer ──> /oidc/callback ──┘
                                 one-time password ──> /password first
"""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import (
    InvalidInput,
    MunimentError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from muniment.server.context import (
    access_of,
    acting_services,
    address_of,
    oidc_of,
    read,
    signed_in_of,
    wait_for,
)
from muniment.server.cookies import SESSION, cookie, drop_cookie, set_cookie, set_session
from muniment.server.forms import FormSecret, read_form
from muniment.server.oidc import local_path
from muniment.server.web.door import door
from muniment.server.web.frame import Visit
from muniment.services.access.access import SignedIn

router = APIRouter(include_in_schema=False)

CALLBACK: Final = "/oidc/callback"
_OIDC_COOKIE: Final = "muniment-oidc"
_OIDC_SECONDS: Final = 600
_TOO_OLD: Final = InvalidInput("This page was too old, or its cookie is gone. Send it once more.")


# -- signing in ----------------------------------------------------------------------------------


@router.api_route("/sign-in", methods=["GET", "HEAD"])
async def sign_in_page(request: Request) -> Response:
    """Ask for name and password."""
    return await _sign_in_page(request, goal=request.query_params.get("next", "/"))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Open a session, and go on to where somebody wanted to go."""
    form = await read_form(request)
    name, goal = form.get("name", ""), form.get("next", "/")
    if not FormSecret(request).fits(form):
        return await _sign_in_page(request, goal=goal, name=name, fault=_TOO_OLD)
    access, address = access_of(request), address_of(request)

    def open_session() -> tuple[SignedIn, str]:
        signed_in = access.by_password(name, form.get("password", ""), address=address)
        return signed_in, access.open_session(signed_in, address=address)

    try:
        signed_in, secret = await wait_for(request, open_session)
    except MunimentError as fault:
        return await _sign_in_page(request, goal=goal, name=name, fault=fault)
    answer = _go_on(f"/password?next={quote(goal)}" if signed_in.must_change else goal)
    set_session(request, answer, secret)
    return answer


async def _sign_in_page(
    request: Request, *, goal: str, name: str = "", fault: MunimentError | None = None
) -> Response:
    secret, issuer = FormSecret(request), oidc_of(request)
    page = partial(
        door,
        "sign-in",
        status=_status(fault),
        form_token=secret.token,
        goal=local_path(goal),
        name=name[:200],
        fault=fault,
        has_users=await read(request, lambda: access_of(request).enabled),
        issuer=urlsplit(issuer.issuer).netloc if issuer and issuer.client_id else "",
    )
    return secret.keep(await wait_for(request, page))


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    if not FormSecret(request).fits(await read_form(request)):
        return await _password_page(request, fault=_TOO_OLD)
    secret = cookie(request, SESSION)
    if secret is not None:
        await wait_for(request, partial(access_of(request).close_session, secret))
    answer = _go_on("/sign-in")
    drop_cookie(request, answer, SESSION)
    return answer


# -- one's password ------------------------------------------------------------------------------


@router.api_route("/password", methods=["GET", "HEAD"])
async def password_page(request: Request) -> Response:
    """Show who is signed in, and ask for another password."""
    return await _password_page(request, goal=request.query_params.get("next", "/"))


@router.post("/password")
async def choose_password(request: Request) -> Response:
    """Choose another password; all sessions but this one are over."""
    form = await read_form(request)
    goal, signed_in = form.get("next", "/"), signed_in_of(request)
    page = partial(_password_page, request, goal=goal)
    if not FormSecret(request).fits(form):
        return await page(fault=_TOO_OLD)
    if signed_in is None:
        return await page()
    old, new = form.get("old", ""), form.get("new", "")
    if new != form.get("again", ""):
        again = {"field": "again"}
        return await page(fault=InvalidInput("These two are not the same.", details=again))
    access, address = access_of(request), address_of(request)

    def change() -> str | None:
        access.change_password(signed_in.name, old, new, address=address)
        of_browser = signed_in.by == "session"
        return access.open_session(signed_in, address=address) if of_browser else None

    try:
        secret = await wait_for(request, change)
    except Unauthenticated as fault:
        wrong = {**fault.details, "field": "old"}
        return await page(fault=PermissionDenied(fault.message, hint=fault.hint, details=wrong))
    except MunimentError as fault:
        if fault.details.get("field") == "password":
            fault.details["field"] = "new"
        return await page(fault=fault)
    if signed_in.must_change:
        answer = _go_on(goal)
    else:
        answer = (await _visit(request)).lead_on(local_path(goal), "Your password was changed.")
    if secret is not None:
        set_session(request, answer, secret)
    return answer


async def _password_page(
    request: Request, *, goal: str = "/", fault: MunimentError | None = None
) -> Response:
    signed_in = signed_in_of(request)
    if signed_in is not None and signed_in.must_change:
        return await _first_password_page(request, signed_in, goal, fault)
    visit, values = await _visit(request), {"goal": local_path(goal), "name": ""}
    if signed_in is None:
        return await visit.page("password", values, fault=fault)
    user = await visit.read(lambda: visit.services.administration.user(signed_in.name))
    known = {"name": user.name, "has_password": user.password is not None}
    by_session = signed_in.by == "session"
    return await visit.page("password", {**values, **known, "by_session": by_session}, fault=fault)


async def _first_password_page(
    request: Request, signed_in: SignedIn, goal: str, fault: MunimentError | None
) -> Response:
    """Show the form to whoever may do nothing else before."""
    secret = FormSecret(request)
    page = partial(
        door,
        "first-password",
        status=_status(fault),
        form_token=secret.token,
        goal=local_path(goal),
        name=signed_in.name,
        by_session=signed_in.by == "session",
        fault=fault,
        fault_field=str(fault.details.get("field", "")) if fault else "",
    )
    return secret.keep(await wait_for(request, page))


async def _visit(request: Request) -> Visit:
    services = await acting_services(request, DEFAULT_WORKSPACE)
    return Visit(request, services, DEFAULT_WORKSPACE)


# -- single sign-on ------------------------------------------------------------------------------


@router.get("/oidc/start")
async def start_single_sign_on(request: Request) -> Response:
    """Send somebody to the issuer."""
    oidc, goal = oidc_of(request), request.query_params.get("next", "/")
    if oidc is None:
        raise NotFound(
            "This server trusts no OpenID Connect issuer.",
            hint="MUNIMENT_OIDC_ISSUER and MUNIMENT_OIDC_CLIENT_ID name one.",
        )
    try:
        begun = await wait_for(request, partial(oidc.begin, _callback(request), goal))
    except MunimentError as fault:
        return await _sign_in_page(request, goal=goal, fault=fault)
    answer = RedirectResponse(begun.url, 303, {"cache-control": "no-store"})
    set_cookie(request, answer, _OIDC_COOKIE, begun.state_cookie, seconds=_OIDC_SECONDS, lax=True)
    return answer


@router.get(CALLBACK)
async def finish_single_sign_on(request: Request) -> Response:
    """Open a session for whom the issuer sends back."""
    oidc, access, address = oidc_of(request), access_of(request), address_of(request)
    if oidc is None:
        raise NotFound("This server trusts no OpenID Connect issuer.")
    state = cookie(request, _OIDC_COOKIE) or ""
    query, callback = dict(request.query_params), _callback(request)

    def finish() -> tuple[str, str]:
        finished = oidc.finish(state, query, callback)
        person = access.known_person(finished.identity)
        return finished.next, access.open_session(person, address=address)

    try:
        goal, secret = await wait_for(request, finish)
    except MunimentError as fault:
        answer = await _sign_in_page(request, goal="/", fault=fault)
    else:
        # Not a redirect: the browser comes from the issuer, and would not send the new cookie,
        # which is for pages of this site.
        answer = door("signed-in", goal=local_path(goal))
        set_session(request, answer, secret)
    drop_cookie(request, answer, _OIDC_COOKIE)
    return answer


def _callback(request: Request) -> str:
    # The host was checked by the guard: a name of ours and a port.
    return f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"


# ------------------------------------------------------------------------------------------------


def _go_on(path: str) -> Response:
    return RedirectResponse(local_path(path), 303, {"cache-control": "no-store"})


def _status(fault: MunimentError | None) -> int:
    """Return the status of a page. Not 401: browsers would ask for a password on their own."""
    if fault is None:
        return 200
    return 403 if isinstance(fault, Unauthenticated) else fault.status
