"""The wire of MLflow's protocol: fields in, JSON out, errors as `{error_code, message}`.

A call's fields stand in the query string of a GET (or of a DELETE without a body: clients of
Databricks), else in a JSON body, with the rules of protocol buffers' JSON: an absent field and null
are the same, unknown fields are ignored, an integer may be written as text, text may not be written
as a number. In a body, a field that is not required may be written `run_id` or `runId`; in a query
string, the first of several values counts.

    async def get(call: Call) -> Response:
        version = await call.read(partial(call.services.catalog.version, call.text("name"), …))
        return answer({"model_version": …})

    routes = mlflow_routes("model-versions/get", GET=get)     both prefixes at once
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Final, TypeAlias, TypeVar, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from muniment.errors import (
    AlreadyExists,
    Conflict,
    DigestMismatch,
    InvalidInput,
    LimitExceeded,
    MunimentError,
    NotFound,
    NotImplementedHere,
    NotReady,
    PermissionDenied,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    StorageFull,
    Unauthenticated,
    Unavailable,
)
from muniment.server.context import acting_services, change, read, search, wait_for
from muniment.server.problems import encoded, headers_of
from muniment.server.settings import Settings
from muniment.server.streaming import read_whole
from muniment.services import Services

T = TypeVar("T")
PREFIXES: Final = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
"""Where the protocol is served: for clients, and for pages."""

LIFECYCLE_PREFIXES: Final = (
    *PREFIXES,
    "/api/2.0/preview/mlflow",
    "/ajax-api/2.0/preview/mlflow",
)
"""Where what Databricks has added to it is served."""

REALM: Final[tuple[str, ...]] = ("/api/2.0/", "/api/3.0/", "/ajax-api/")
"""What all paths of MLflow begin with: whatever goes wrong there is told in its words."""

Endpoint: TypeAlias = Callable[["Call"], Awaitable[Response]]

_CODES: Final[tuple[tuple[type[MunimentError], str, int], ...]] = (
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (LimitExceeded, "INVALID_PARAMETER_VALUE", 400),
    (InvalidInput, "INVALID_PARAMETER_VALUE", 400),
    (Unauthenticated, "UNAUTHENTICATED", 401),
    (PermissionDenied, "PERMISSION_DENIED", 403),
    (PreconditionFailed, "INVALID_PARAMETER_VALUE", 400),
    (NotReady, "INVALID_PARAMETER_VALUE", 400),
    (DigestMismatch, "INVALID_PARAMETER_VALUE", 400),
    (RangeNotSatisfiable, "INVALID_PARAMETER_VALUE", 416),
    (StorageFull, "RESOURCE_EXHAUSTED", 507),
    (Conflict, "RESOURCE_CONFLICT", 409),
    (RateLimited, "REQUEST_LIMIT_EXCEEDED", 429),
    (NotImplementedHere, "NOT_IMPLEMENTED", 501),
    (Unavailable, "TEMPORARILY_UNAVAILABLE", 503),
)
_CLASSES: Final = {
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}
"""What newer servers tell beside these codes."""

_CAMEL = re.compile(r"_([a-z0-9])")
_JSON: Final = "application/json"
_CURL: Final = "application/x-www-form-urlencoded"
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def answer(document: Mapping[str, object]) -> Response:
    """Return the answer of a call that went well; `{}` for one that returns nothing."""
    return Response(orjson.dumps(document), media_type=_JSON)


def refusal(error: MunimentError, *, status: int | None = None) -> Response:
    """Return the answer for an error, in MLflow's words; `status` where HTTP has a finer one."""
    code, usual = next(
        ((code, status) for kind, code, status in _CODES if isinstance(error, kind)),
        ("INTERNAL_ERROR", 500),
    )
    document = {"error_code": code, "message": str(error)}
    if code in _CLASSES:
        document["sqlstate"], document["error_class"] = _CLASSES[code]
    return Response(
        encoded(document),
        status or usual,
        headers=headers_of(error),
        media_type=_JSON,
    )


class Call:
    """One call: who asks, and the fields; each is read by the method of its type."""

    def __init__(
        self,
        request: Request,
        services: Services,
        fields: Mapping[str, object],
        *,
        from_query: bool = True,
    ) -> None:
        self.request = request
        self.services = services
        self._fields = fields
        self._from_query = from_query

    # -- fields ----------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Say whether the field was given."""
        return self._value(name) is not None

    def text(self, name: str) -> str:
        """Return a text, "" if it is absent. Raises InvalidInput if it is none."""
        return self._text(name) or ""

    def value(self, name: str) -> object:
        """Return a field as it came, None if it is absent: for a type that only one call has."""
        return self._value(name)

    def required(self, name: str) -> str:
        """Return a text. Raises InvalidInput if it is absent, empty or none."""
        text = self._fields.get(name)
        if text is not None and not isinstance(text, str):
            raise _wrong(name, text, "text")
        if not text:
            raise _missing(name)
        return text

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty if it is absent."""
        value = self._value(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(name, value, "a list of texts")
        return cast("list[str]", value)

    def flag(self, name: str) -> bool:
        """Return a boolean, False if it is absent."""
        value = self._value(name)
        if value is not None and not isinstance(value, bool):
            raise _wrong(name, value, "true or false")
        return bool(value)

    def integer(self, name: str) -> int | None:
        """Return an integer of 64 bits, None if it is absent."""
        value = self._value(name)
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise _wrong(name, value, "an integer")
        return value

    def pairs(self, name: str = "tags") -> list[tuple[str, str]]:
        """Return a list of `{key, value}` in its order; an absent value counts as ""."""
        value = self._value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _wrong(name, value, "a list of {key, value}")
        return [self._pair(name, item) for item in value]

    def _pair(self, name: str, item: object) -> tuple[str, str]:
        if not isinstance(item, dict):
            raise _wrong(name, item, "a list of {key, value}")
        key, value = item.get("key"), item.get("value")
        key, value = "" if key is None else key, "" if value is None else value
        if not isinstance(key, str) or not isinstance(value, str):
            raise _wrong(name, item, "a list of {key, value} with texts")
        return key, value

    def _text(self, name: str) -> str | None:
        value = self._value(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(name, value, "text")
        return value

    def _value(self, name: str) -> object:
        value = self._fields.get(name)
        other = _camel(name)
        if other == name or other not in self._fields or self._from_query:
            return value
        if name in self._fields:
            raise InvalidInput(f"The request says both {name!r} and {other!r}.", hint="Say one.")
        return self._fields[other]

    # -- calling the services --------------------------------------------------------------------

    async def read(self, call: Callable[[], T]) -> T:
        """Make a point read; see `context.read`."""
        return await read(self.request, call)

    async def search(self, call: Callable[[], T]) -> T:
        """Make a search; see `context.search`."""
        return await search(self.request, call)

    async def change(self, call: Callable[[], T]) -> T:
        """Make a short call that changes something; see `context.change`."""
        return await change(self.request, call)

    async def wait_for(self, call: Callable[[], T]) -> T:
        """Make a call that may wait; see `context.wait_for`."""
        return await wait_for(self.request, call)


def mlflow_routes(
    path: str, prefixes: Sequence[str] = PREFIXES, *, unsaid: bool = False, **methods: Endpoint
) -> list[Route]:
    """Return the routes of `path` under all prefixes; `methods` names an endpoint for each.

    With `unsaid`, a POST may also have the Content-Type that `curl -d` gives to whatever it sends.
    That lets no page of another site in: those are known by their Origin.
    """
    kinds = (_JSON, _CURL) if unsaid else (_JSON,)
    return [
        Route(f"{prefix}/{path}", Served(endpoint, kinds), methods=[method])
        for prefix in prefixes
        for method, endpoint in methods.items()
    ]


class Served:
    """An endpoint as an application: it needs nothing of the framework."""

    def __init__(self, endpoint: Endpoint, kinds: Sequence[str]) -> None:
        self._endpoint = endpoint
        self._kinds = kinds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the endpoint answer, with its errors in MLflow's words."""
        request = Request(scope, receive, send)
        try:
            services = await acting_services(request)
            response = await self._endpoint(await _call(request, services, self._kinds))
        except MunimentError as error:
            response = refusal(error)
        await response(scope, receive, send)


async def _call(request: Request, services: Services, kinds: Sequence[str]) -> Call:
    if request.method in ("GET", "HEAD") and request.scope["query_string"]:
        return Call(request, services, _query_of(request))
    settings = cast(Settings, request.app.state.settings)
    body = await read_whole(request, limit=settings.max_json_bytes)
    if request.method == "DELETE" and not body:
        return Call(request, services, _query_of(request))
    if request.method == "POST":
        _check_content_type(request, kinds)
    return Call(request, services, _document_of(body), from_query=False)


def _query_of(request: Request) -> Mapping[str, object]:
    fields: dict[str, object] = {}
    for name, value in request.query_params.multi_items():
        if name in _LISTS:
            cast("list[str]", fields.setdefault(name, [])).append(value)
        else:
            fields.setdefault(name, value)
    return fields


def _document_of(body: bytes) -> Mapping[str, object]:
    try:
        document = _parsed(body)
        if isinstance(document, str):  # old clients encode twice
            document = orjson.loads(document)
    except ValueError:
        return {}  # then the required fields are missing, and the answer says which
    return document if isinstance(document, dict) else {}


def _parsed(body: bytes) -> object:
    """Return what JSON says. Raises ValueError if it is none, in whatever encoding."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        encoding = json.detect_encoding(body)  # some write UTF-16, or a byte order mark
        if encoding == "utf-8":
            raise
        return orjson.loads(body.decode(encoding))


_LISTS: Final = frozenset({"stages", "order_by", "tags", "events"})
"""Fields of a query string that are lists, also where they have one value."""


def _check_content_type(request: Request, kinds: Sequence[str]) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise InvalidInput(
            f"The Content-Type is {kind!r:.100}; it must be {_JSON!r}.",
            hint=f"Send JSON, with the header Content-Type: {_JSON}.",
        )


@cache
def _camel(name: str) -> str:
    return _CAMEL.sub(lambda found: found[1].upper(), name)


def _missing(name: str) -> InvalidInput:
    return InvalidInput(f"Missing value for required parameter {name!r}.", details={"field": name})


def _wrong(name: str, value: object, rule: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid value {value!r:.200} for parameter {name!r}: it must be {rule}.",
        details={"field": name},
    )
