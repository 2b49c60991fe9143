"""Errors as HTTP answers: one mapping from the error tree to application/problem+json (RFC 9457).

{"type": "/docs#error-not_found", "title": "Not found", "status": 404, "code": "not_found",
 "detail": "There is no model 'fraud'.", "hint": "`muniment ls` lists the models.",
 "details": {}, "request_id": "6f0c…"}
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeAlias, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from muniment.errors import (
    InvalidInput,
    LimitExceeded,
    MunimentError,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
    error_from_problem,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 1
_CHALLENGES = 'Basic realm="Muniment", charset="UTF-8", Bearer realm="Muniment"'


MissingPage: TypeAlias = Callable[[Request, MunimentError], Awaitable[Response | None]]


class ErrorWriter(Protocol):
    """How a face tells of an error; `status` where HTTP has a finer one than the tree."""

    def __call__(self, error: MunimentError, *, status: int | None = None) -> Response:
        """Return the answer."""


@dataclass(frozen=True, slots=True)
class Dialects:
    """Which faces tell of errors in words of their own, by what their paths begin with.

    That holds also for errors that no route raises: nobody signed in, no such path, an accident.
    """

    writers: Mapping[tuple[str, ...], ErrorWriter]

    def writer(self, path: str) -> ErrorWriter | None:
        """Return how errors are told of at a path; None: as problem documents."""
        for beginnings, writer in self.writers.items():
            if path.startswith(beginnings):
                return writer
        return None


def error_response(
    scope: Scope,
    error: MunimentError,
    *,
    request_id: str | None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for an error, in the words of the face that `scope` is addressed to."""
    dialects: Dialects = scope["app"].state.dialects
    writer = dialects.writer(scope["path"])
    if writer is None:
        return problem_response(error, request_id=request_id, status=status, headers=headers)
    response = writer(error, status=status)
    response.headers.update(headers or {})
    return response


def problem_response(
    error: MunimentError,
    *,
    request_id: str | None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document; `status` where HTTP has a finer one than the tree."""
    status = status or error.status
    return Response(
        encoded(document(error, request_id=request_id, status=status)),
        status_code=status,
        headers={**headers_of(error), **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def document(error: MunimentError, *, request_id: str | None, status: int) -> dict[str, object]:
    """Return an error as a problem document."""
    return {
        "type": f"/docs#error-{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": status,
        "code": error.code,
        "detail": error.message,
        "hint": error.hint,
        "details": error.details,
        "request_id": request_id,
    }


def encoded(body: object) -> bytes:
    """Return `body` as JSON."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # A message quotes what came; what came may hold unpaired surrogates or huge integers.
        return orjson.dumps(_printable(body))


def _printable(value: object) -> object:
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    text = value if isinstance(value, str) else None
    if text is None:
        return value if isinstance(value, bool | float | None) else str(value)
    return text.encode("utf-8", "backslashreplace").decode()


def headers_of(error: MunimentError) -> dict[str, str]:
    """Return the headers that tell of an error: never to be kept, and what may help."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, RateLimited | Unavailable):
        seconds = error.details.get("retry_after")
        wait = math.ceil(seconds) if isinstance(seconds, int | float) else _RETRY_SECONDS
        headers["retry-after"] = str(wait)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = _CHALLENGES
    if "size" in error.details and error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        headers["content-range"] = f"bytes */{error.details['size']}"
    return headers


def internal_error() -> MunimentError:
    """Return what a caller may know of a fault in the server: that there is one."""
    return MunimentError(
        "The server failed at this request; that is a fault in Muniment.",
        hint="The server's log has the cause under this request id.",
    )


def error_of_http(error: HTTPException, path: str, method: str) -> MunimentError:
    """Return the error of ours for one that the framework raised."""
    if isinstance(error.__cause__, MunimentError):
        return error.__cause__  # raised while the framework read the body
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(
            f"There is nothing at {path!r:.200}.", hint="/docs lists every path of this server."
        )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return InvalidInput(
            f"{path!r:.200} does not answer to {method}.",
            hint=f"It answers to {allowed}." if allowed else "",
        )
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return LimitExceeded(str(error.detail))
    return error_from_problem("", str(error.detail), status=error.status_code)


def error_of_validation(error: RequestValidationError) -> InvalidInput:
    """Return the first fault that the framework's validation found: field, value and rule."""
    fault = error.errors()[0]
    where, *path = (str(part) for part in fault["loc"])
    field = ".".join(path)
    rule = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    details = {"field": field, "in": where, "rule": rule}
    if fault["type"] == "json_invalid":
        return InvalidInput(
            f"The body is not JSON: {fault['ctx']['error']} at character {field}.",
            hint="Send one JSON document in UTF-8.",
        )
    if fault["type"] == "missing":
        what = f"The field {field!r} is missing" if field else "The body is missing"
        return InvalidInput(f"{what} ({where}).", details=details)
    value = "" if isinstance(fault["input"], dict | list) else f", not {fault['input']!r:.80}"
    what = f"The field {field!r:.200} ({where})" if field else f"The {where}"
    return InvalidInput(
        f"{what} must be {rule}{value}.",
        hint="/docs describes what this takes.",
        details=details,
    )


def request_id_of(request: Request) -> str | None:
    """Return the id that the server gave this request."""
    return cast(str | None, getattr(request.state, "request_id", None))


def install(app: FastAPI, missing_page: MissingPage) -> None:
    """Make `app` answer every error that is raised on purpose, in the words of the face it met.

    Where there is nothing, `missing_page` may return what a browser is shown instead.

    What is raised by accident is caught further out, in `middleware.py`.
    """

    async def ours(request: Request, error: Exception) -> Response:
        return error_response(
            request.scope, cast(MunimentError, error), request_id=request_id_of(request)
        )

    async def framework(request: Request, error: Exception) -> Response:
        http = cast(HTTPException, error)
        mapped = error_of_http(http, request.url.path, request.method)
        page = await missing_page(request, mapped) if isinstance(mapped, NotFound) else None
        if page is not None:
            return page
        status = http.status_code if http.status_code != mapped.status else None
        if isinstance(http.__cause__, MunimentError):
            status = None
        return error_response(
            request.scope,
            mapped,
            request_id=request_id_of(request),
            status=status,
            headers=http.headers,
        )

    async def validation(request: Request, error: Exception) -> Response:
        mapped = error_of_validation(cast(RequestValidationError, error))
        return error_response(request.scope, mapped, request_id=request_id_of(request))

    app.add_exception_handler(MunimentError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, validation)
