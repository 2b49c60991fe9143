"""The exit code for every failure: one mapping from the error tree.

    0  it worked                                5  denied, or nobody is signed in
    1  anything else went wrong                 6  the registry can't be reached, or is busy
    2  the command was written wrongly          7  bytes or history do not verify
    3  it is not there                          8  no room, or larger than allowed
    4  the present state does not allow it    130  stopped with Ctrl-C

A class without an entry takes its parent's. docs/cli.md carries the same table for users.
"""

from __future__ import annotations

from typing import Final

from muniment import errors

OK: Final = 0
FAILURE: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
CONFLICT: Final = 4
DENIED: Final = 5
UNREACHABLE: Final = 6
NOT_VERIFIED: Final = 7
FULL: Final = 8
INTERRUPTED: Final = 130

CODES: Final[dict[type[errors.MunimentError], int]] = {
    errors.MunimentError: FAILURE,
    errors.InvalidInput: USAGE,
    errors.ConfigurationError: USAGE,
    errors.RangeNotSatisfiable: USAGE,
    errors.NotFound: NOT_FOUND,
    errors.Conflict: CONFLICT,
    errors.PreconditionFailed: CONFLICT,
    errors.IdempotencyKeyReused: CONFLICT,
    errors.Unauthenticated: DENIED,
    errors.PermissionDenied: DENIED,
    errors.Unavailable: UNREACHABLE,
    errors.RateLimited: UNREACHABLE,
    errors.Corrupt: NOT_VERIFIED,
    errors.DigestMismatch: NOT_VERIFIED,
    errors.StorageFull: FULL,
    errors.LimitExceeded: FULL,
    errors.NotImplementedHere: FAILURE,
}


def exit_code(error: type[errors.MunimentError]) -> int:
    """Return the code for an error: that of the nearest class with an entry."""
    return next(CODES[cls] for cls in error.__mro__ if cls in CODES)
