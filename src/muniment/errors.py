"""The one error tree: every way in which Muniment says no.

Each error knows its code (stable, for programs), its HTTP status, its message (what was wrong,
with which value) and, where there is one, the next step. Faces translate them by one mapping.

MunimentError                         500 internal_error
├── InvalidInput                      400 invalid_input
│   ├── InvalidFilter                 400 invalid_filter          knows the column
│   ├── InvalidPageToken              400 invalid_page_token
│   └── IdempotencyKeyReused          422 idempotency_key_reused
├── LimitExceeded                     413 limit_exceeded          a body, page, name, value, … too large
├── Unauthenticated                   401 unauthenticated
├── PermissionDenied                  403 permission_denied
├── NotFound                          404 not_found
├── Conflict                          409 conflict
│   ├── AlreadyExists                 409 already_exists
│   ├── NotReady                      409 not_ready               the version has no content (yet)
│   ├── MissingBlobs                  409 missing_blobs           a manifest names bytes not stored here
│   ├── UploadConflict                409 upload_conflict         wrong offset, or another writer
│   ├── InUse                         409 in_use
│   └── Blocked                       409 blocked                 what a stage demands is not met
├── PreconditionFailed                412 precondition_failed     If-Match, or compare-and-swap
├── RangeNotSatisfiable               416 range_not_satisfiable
├── DigestMismatch                    422 digest_mismatch         the bytes are not what they were said to be
├── RateLimited                       429 rate_limited
├── NotImplementedHere                501 not_implemented
├── Unavailable                       503 unavailable             try again later
│   └── Unreachable                   503 unreachable             raised by the client only
├── StorageFull                       507 storage_full
├── Corrupt                           500 corrupt                 stored bytes or history do not verify
└── ConfigurationError                500 configuration_error     a setting is wrong, or what it asks for is missing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeAlias

__all__ = [
    "AlreadyExists",
    "Blocked",
    "ConfigurationError",
    "Conflict",
    "Corrupt",
    "DigestMismatch",
    "IdempotencyKeyReused",
    "InUse",
    "InvalidFilter",
    "InvalidInput",
    "InvalidPageToken",
    "LimitExceeded",
    "MissingBlobs",
    "MunimentError",
    "NotFound",
    "NotImplementedHere",
    "NotReady",
    "PermissionDenied",
    "PreconditionFailed",
    "RangeNotSatisfiable",
    "RateLimited",
    "StorageFull",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "UploadConflict",
    "error_from_problem",
]

Detail: TypeAlias = str | int | float | bool | list[str] | None


class MunimentError(Exception):
    """Base of all errors that Muniment raises on purpose.

    Args:
        message: what was wrong, with the offending value; one sentence.
        hint: what to do next; one sentence or nothing.
        details: machine-readable facts beside the message (`field`, `column`, `missing`, …).
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(
        self, message: str, *, hint: str = "", details: Mapping[str, Detail] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Detail] = dict(details or {})
        self.request_id: str | None = None  # set by the client from the server's answer

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidInput(MunimentError):
    """A value breaks a rule; nothing was changed."""

    code, status = "invalid_input", 400


class InvalidFilter(InvalidInput):
    """A search filter can't be read; `details["column"]` (from 1) says where it goes wrong."""

    code = "invalid_filter"


class InvalidPageToken(InvalidInput):
    """A page token was not issued for this search."""

    code = "invalid_page_token"


class IdempotencyKeyReused(InvalidInput):
    """An idempotency key came a second time with another request."""

    code, status = "idempotency_key_reused", 422


class LimitExceeded(MunimentError):
    """Something is larger than this server accepts; `details["limit"]` says how large it may be."""

    code, status = "limit_exceeded", 413


class Unauthenticated(MunimentError):
    """Nobody is signed in, and this needs somebody."""

    code, status = "unauthenticated", 401


class PermissionDenied(MunimentError):
    """The caller may not do this."""

    code, status = "permission_denied", 403


class NotFound(MunimentError):
    """What was asked for is not here (or the caller may not know of it)."""

    code, status = "not_found", 404


class Conflict(MunimentError):
    """The present state does not allow this."""

    code, status = "conflict", 409


class AlreadyExists(Conflict):
    """The name, label or alias is taken."""

    code = "already_exists"


class NotReady(Conflict):
    """The version holds no content: it is pending, failed, or only points elsewhere."""

    code = "not_ready"


class MissingBlobs(Conflict):
    """A manifest names blobs that are not stored here; `details["missing"]` lists digests."""

    code = "missing_blobs"


class UploadConflict(Conflict):
    """An upload is at another offset, or somebody else writes to it; see `details["offset"]`."""

    code = "upload_conflict"


class InUse(Conflict):
    """Something still needs this."""

    code = "in_use"


class Blocked(Conflict):
    """A stage demands what the version does not have; `details["blockers"]` lists it."""

    code = "blocked"


class PreconditionFailed(MunimentError):
    """The entity was changed since the caller read it."""

    code, status = "precondition_failed", 412


class RangeNotSatisfiable(MunimentError):
    """The requested byte range lies outside the file; `details["size"]` is its size in bytes."""

    code, status = "range_not_satisfiable", 416


class DigestMismatch(MunimentError):
    """The bytes that came are not the bytes that were announced; they were not kept."""

    code, status = "digest_mismatch", 422


class RateLimited(MunimentError):
    """Too many requests; `details["retry_after"]` is in seconds."""

    code, status = "rate_limited", 429


class NotImplementedHere(MunimentError):
    """This server can't do this."""

    code, status = "not_implemented", 501


class Unavailable(MunimentError):
    """A part that is needed does not answer now."""

    code, status = "unavailable", 503


class Unreachable(Unavailable):
    """The client could not reach the server, or lost it."""

    code = "unreachable"


class StorageFull(MunimentError):
    """The disk or bucket has no room; what came was not kept."""

    code, status = "storage_full", 507


class Corrupt(MunimentError):
    """Stored bytes or history do not verify."""

    code, status = "corrupt", 500


class ConfigurationError(MunimentError):
    """A setting is wrong, or what it asks for is not installed."""

    code, status = "configuration_error", 500


def _tree(cls: type[MunimentError]) -> list[type[MunimentError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _tree(child))]


def error_from_problem(
    code: str,
    message: str,
    *,
    status: int = 500,
    hint: str = "",
    details: Mapping[str, Detail] | None = None,
) -> MunimentError:
    """Return the error that a face has written as `code`; the inverse of every face's mapping.

    A code that this client does not know (a newer server) becomes the error with the nearest
    status, so that `except NotFound` keeps working.
    """
    tree = _tree(MunimentError)
    for cls in tree:
        if cls.code == code:
            return cls(message, hint=hint, details=details)
    with_status = [cls for cls in tree if cls.status == status]
    if with_status and all(issubclass(cls, with_status[0]) for cls in with_status):
        return with_status[0](message, hint=hint, details=details)
    cls = InvalidInput if 400 <= status < 500 else MunimentError
    return cls(message, hint=hint, details=details)
