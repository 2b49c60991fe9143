"""A visit: one request for a page, who makes it and in which workspace.

/models/fraud               in the workspace `default`
/w/risk/models/fraud        in the workspace `risk`

GET   page function ──> services ──> template ──> 200
POST  form ──> is it from a page of ours? ──> service ──> 303 to the page that shows the result
                                  └─ refused ──> the page once more, with what was typed and why
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from muniment._version import __version__
from muniment.domain.access import Verb
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.server import context
from muniment.server.cookies import cookie, drop_cookie, set_cookie
from muniment.server.forms import FormSecret, read_form
from muniment.server.web import words
from muniment.server.web.assets import asset
from muniment.services import Services
from muniment.services.base import ANYTHING

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")
TEMPLATES: Final = Path(__file__).parent / "templates"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    # Without any referrer, browsers call the origin of a form `null`; see `security`.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_SAID: Final = "muniment-said"
_SAID_SECONDS: Final = 60
_FORM_BYTES: Final = 2 * 2**20  # the longest description, encoded
_TOO_OLD: Final = InvalidInput("This page was too old, or its cookie is gone. Send it once more.")


@dataclass
class Visit:
    """What a page function is given."""

    request: Request
    services: Services
    workspace: str
    form: Mapping[str, str] = field(default_factory=dict)
    """The fields of the form that was sent; nothing for a GET."""

    @property
    def path(self) -> str:
        """The path of the request, as links lead to it."""
        return quote(self.request.url.path, safe="/@")

    @property
    def params(self) -> Mapping[str, str]:
        """What stands in the path."""
        return self.request.path_params

    @property
    def asked(self) -> Mapping[str, str]:
        """What stands in the query; the last where a name comes twice."""
        return self.request.query_params

    def url(self, path: str) -> str:
        """Return the path of a page in this workspace."""
        return path if self.workspace == DEFAULT_WORKSPACE else f"/w/{self.workspace}{path}"

    def may(self, verb: Verb) -> bool:
        """Say whether the visitor may do something, to some model at least."""
        return self.services.caller.principal.may(verb, ANYTHING)

    @property
    def origin(self) -> str:
        """Where this server is, as the visitor's programs reach it: `https://host:port`."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def signs_in(self) -> bool:
        """Whether there are users here, so that programs need a token."""
        return self.services.caller.principal.name != "owner"

    async def read(self, call: Callable[[], T]) -> T:
        """Make a point read."""
        return await context.read(self.request, call)

    async def wait_for(self, call: Callable[[], T]) -> T:
        """Make a call that may wait, in a thread."""
        return await context.wait_for(self.request, call)

    async def page(
        self,
        template: str,
        values: Mapping[str, object] | None = None,
        *,
        fault: MunimentError | None = None,
    ) -> Response:
        """Return the page of a template; with a fault, its status and the form as it was sent."""
        secret = FormSecret(self.request)
        said = cookie(self.request, _SAID)
        signed_in = context.signed_in_of(self.request)
        known = {
            "visit": self,
            "url": self.url,
            "form_token": secret.token,
            "given": self.form,
            "fault": fault,
            "fault_field": str(fault.details.get("field", "")) if fault else "",
            "said": unquote(said) if said else "",
            "who": signed_in.name if signed_in else "",
            "has_runs": self.request.app.state.tracking is not None,
        }
        content = await self.wait_for(partial(rendered, template, {**known, **(values or {})}))
        status = fault.status if fault else 200
        response = Response(content, status, HEADERS, "text/html")
        if said:
            drop_cookie(self.request, response, _SAID)
        return secret.keep(response)

    def lead_on(self, path: str, said: str = "") -> Response:
        """Return the way to a page of this workspace, which says once what was done."""
        response = RedirectResponse(self.url(path), 303, {"cache-control": "no-store"})
        if said:
            set_cookie(self.request, response, _SAID, quote(said), seconds=_SAID_SECONDS, lax=True)
        return response


Show: TypeAlias = Callable[[Visit], Awaitable[Response]]


def web_routes(path: str, *, get: Show, post: Show | None = None) -> list[Route]:
    """Return the routes of a page, in the default workspace and in others.

    `post` is called with a form that a page of ours has sent. What it raises, as what `get` raises,
    becomes a page that says so; whoever wants to show the form again catches it itself.
    """
    routes = []
    for place in (path, f"/w/{{workspace}}{path}"):
        routes.append(Route(place, _shown(get), methods=["GET", "HEAD"]))
        if post is not None:
            routes.append(Route(place, _shown(_checked(post)), methods=["POST"]))
    return routes


def _shown(show: Show) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        workspace = request.path_params.get("workspace", DEFAULT_WORKSPACE)
        try:
            services = await context.acting_services(request, workspace)
        except NotFound as fault:
            at_home = await context.acting_services(request, DEFAULT_WORKSPACE)
            return await Visit(request, at_home, DEFAULT_WORKSPACE).page("fault", fault=fault)
        visit = Visit(request, services, workspace)
        try:
            return await show(visit)
        except MunimentError as fault:
            return await visit.page("fault", fault=fault)

    return endpoint


def _checked(post: Show) -> Show:
    async def checked(visit: Visit) -> Response:
        visit.form = await read_form(visit.request, limit=_FORM_BYTES)
        if not FormSecret(visit.request).fits(dict(visit.form)):
            raise _TOO_OLD
        return await post(visit)

    return checked


def number_in(visit: Visit, name: str = "number") -> int:
    """Return a version's number from the path. Raises NotFound: no page is there otherwise."""
    text = visit.params[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"There is no page {visit.path!r:.200}.")
    return int(text)


def rendered(template: str, values: Mapping[str, object]) -> str:
    """Return the page of a template."""
    page = _environment().get_template(f"{template}.html")
    return page.render({"release": __version__, "page": template, **values})


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    environment.globals.update(words.FUNCTIONS, asset=asset, Verb=Verb)
    return environment
