"""What operations take and answer, for the OpenAPI document: successes, problems, bytes, forms."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

PROBLEM = "application/problem+json"
Responses: TypeAlias = dict[int | str, dict[str, Any]]

_ERRORS = {
    400: "A value breaks a rule; `details.field` names it.",
    401: "Nobody is signed in, or the credentials are wrong.",
    403: "The caller may not do this; or a page of another site asks.",
    404: "It is not here, or the caller may not know of it.",
    405: "The path is right, the method is not.",
    409: "The present state does not allow it.",
    412: "It was changed since it was read.",
    413: "Something is larger than this server accepts; `details.limit` says how large it may be.",
    415: "The body is not JSON.",
    416: "The range lies outside the file.",
    422: "The bytes are not what was announced, or an idempotency key was used before.",
    429: "Too many requests, or failed sign-ins; `Retry-After` says how long to wait.",
    501: "This server does not do that; the message says which setting would.",
    507: "The disk or bucket has no room; what came was not kept.",
}


def answers(
    model: type[BaseModel] | None = None,
    *errors: int,
    status: int = 200,
    description: str | None = None,
    etag: bool = False,
    headers: dict[str, Any] | None = None,
) -> Responses:
    """Return what an operation answers: `model` with `status`, or one of the problems.

    400, 401, 403, 404 (at least: no such workspace) and 413 may be answered by every operation, and
    `default` stands for what else the frame around the server answers (414 to a long URL, 429 to a
    hurried caller, 503, …).
    """
    phrase = description or HTTPStatus(status).phrase
    success: dict[str, Any] = {"description": phrase}
    if headers is not None:
        success["headers"] = headers
    if model is not None:
        success["model"] = model
    if etag:
        success["headers"] = {
            "ETag": {"description": "For If-Match and If-None-Match.", "schema": {"type": "string"}}
        }
    documented: Responses = {status: success}
    for code in sorted({400, 401, 403, 404, 413, *errors}):
        documented[code] = problem(_ERRORS[code])
    documented["default"] = problem("Any other error.")
    return documented


def unchanged() -> Responses:
    """Return the answer to a read whose If-None-Match still holds."""
    return {304: {"description": "It is what the caller holds already."}}


def problem(description: str) -> dict[str, Any]:
    """Return the documentation of an error."""
    return {
        "description": description,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_BYTES: dict[str, Any] = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
}


def content(model: type[BaseModel], media_type: str) -> dict[str, Any]:
    """Return the documentation of a success whose media type is not plain JSON."""
    return {
        "description": "OK",
        "content": {media_type: {"schema": inlined(model)}},
    }


def bytes_in(description: str) -> dict[str, Any]:
    """Return the documentation of a body of bytes."""
    return {"requestBody": {"description": description, "required": True, "content": _BYTES}}


def bytes_out(*, with_body: bool = True) -> Responses:
    """Return the documentation of a download."""
    parts = {"content": _BYTES} if with_body else {}
    documented: Responses = {
        200: {"description": "The whole.", **parts},
        304: {"description": "It is what the caller holds already."},
    }
    if with_body:
        documented[206] = {"description": "The range that was asked for.", **parts}
    return documented


def elsewhere() -> Responses:
    """Return the documentation of a redirect to the object store."""
    return {307: {"description": "The object store serves it at this address, for a while."}}


def form_in(model: type[BaseModel], field: str) -> dict[str, Any]:
    """Return the documentation of a form: one part of JSON, and files."""
    schema = {
        "type": "object",
        "properties": {
            field: inlined(model),
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
        "required": ["file"],
    }
    encoding = {field: {"contentType": "application/json"}}
    content = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    return {"requestBody": {"required": True, "content": content}}


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's schema with all others that it refers to in their places."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return resolve(definitions[value["$ref"].rpartition("/")[2]])
        return {key: resolve(item) for key, item in value.items()}

    return cast(dict[str, Any], resolve(schema))
