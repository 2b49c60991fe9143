"""How requests find their endpoint, and how bodies become JSON on the way.

Paths are matched as they were sent, still percent-encoded, and each parameter is decoded once,
after the path was cut at its slashes. So a name with an encoded slash is one (refused) name, and
never reaches another route; what is not UTF-8 arrives as unpaired surrogates, which no name holds.

    /api/v1/models/a%2Fb/aliases    ->    {name}="a/b"    ->    400: a name holds no '/'
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, Final, cast
from urllib.parse import quote, unquote

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from muniment.errors import InvalidInput
from muniment.server.api import documents
from muniment.server.api.bodies import explained, not_json
from muniment.server.streaming import read_whole

PREFIX: Final = "/api/v1"
_ENCODED_PATH: Final = "muniment.encoded_path"
_MAKING: Final = threading.RLock()
_problem = cache(
    lambda: create_model_field(name="Problem", type_=documents.Problem, mode="serialization")
)


def api_router(tag: str, *, prefix: str = PREFIX) -> APIRouter:
    """Return a router for one part of an API."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route)


class Route(APIRoute):
    """A route that matches encoded paths, whose bodies are JSON, and whose errors are problems.

    It is found by its path and methods. The framework's part, which takes a millisecond and tens of
    KiB, is made when it is first needed: a server has many routes, and uses few.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path = path
        self.endpoint = endpoint
        self.methods = set(options["methods"] or ("GET",))
        self._options = options

    def __getattr__(self, name: str) -> Any:
        """Make what is not there yet."""
        with _MAKING:  # servers of one process share their routes
            options = vars(self).pop("_options", None)
            if options is not None:
                super().__init__(self.path, self.endpoint, **options)
                # The framework collects schemas from here; no response has this one by status.
                self.response_fields["problem"] = _problem()
        if name not in vars(self):
            raise AttributeError(f"A route has no {name!r}.")
        return vars(self)[name]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the encoded path; decode each parameter once."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self.path_regex.fullmatch(_encoded_path(scope))
        if found is None:
            return Match.NONE, {}
        params = {
            name: unquote(text, errors="surrogateescape")
            for name, text in found.groupdict().items()
        }
        child: Scope = {"endpoint": self.endpoint, "path_params": params, "route": self}
        return Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL, child

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the framework's handler between reading JSON and explaining what is wrong."""
        handle, has_body = super().get_route_handler(), self.body_field is not None

        async def handle_request(request: Request) -> Response:
            if has_body:
                request = await _read_json(request)
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise _explained(error) from None

        return handle_request


class _JsonRequest(Request):
    """A request whose body was read and parsed already."""

    def __init__(self, request: Request, content: bytes, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content
        self._value = value

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> object:
        return self._value


async def _read_json(request: Request) -> Request:
    content = await read_whole(request)  # the frame around the server limits it
    if not content:
        return _JsonRequest(request, b"", None)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise HTTPException(
            415,
            f"The body is {media_type or 'of an unnamed type'}; this takes application/json. "
            "Send it with the header 'Content-Type: application/json'.",
        )
    try:
        return _JsonRequest(request, content, from_json(content, allow_inf_nan=False))
    except ValueError as error:
        raise not_json(error) from None


def _encoded_path(scope: Scope) -> str:
    """Return the path below the mount point as it was sent; computed once a request."""
    known = scope.get(_ENCODED_PATH)
    if known is None:
        raw = scope.get("raw_path")
        known = quote(scope["path"]) if raw is None else cast(bytes, raw).decode("latin-1")
        known = known.removeprefix(scope.get("root_path", ""))
        scope[_ENCODED_PATH] = known
    return cast(str, known)


def _explained(error: RequestValidationError) -> InvalidInput:
    """Return the first fault of a request: a field of its body, or a parameter."""
    fault = error.errors()[0]
    place, *steps = fault["loc"]
    where = {"body": "field", "query": "query parameter"}.get(place, place)
    return explained({**fault, "loc": steps}, where=where)
