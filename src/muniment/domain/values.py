"""Small typed values shared by every entity, and how they are written as JSON.

Times are aware `datetime` in UTC with millisecond precision; as JSON they are RFC 3339 strings
with three decimals and `Z`; in stores they are integer milliseconds since 1970.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias, cast

from muniment.errors import InvalidInput

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]
Value: TypeAlias = str | int | float | bool
"""A tag or parameter: string, 64-bit integer, finite double or boolean."""

EMPTY: Mapping[str, Value] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def utcnow() -> datetime:
    """Return the present time, cut to milliseconds. The default clock of the services."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_millis(at: datetime) -> int:
    """Return milliseconds since 1970-01-01T00:00Z."""
    return (at - _EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """Return the time that `to_millis` turned into `millis`."""
    return _EPOCH + millis * _MILLISECOND


def time_to_json(at: datetime) -> str:
    """Return e.g. `2026-11-21T11:33:00.123Z`."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def time_from_json(text: str) -> datetime:
    """Parse an RFC 3339 time; a time without offset is taken as UTC.

    Raises:
        InvalidInput: `text` is no such time.
    """
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r:.80} is not a time.", hint="Write it like 2026-11-21T11:33:00Z."
        ) from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def check_value(key: str, value: object, *, field: str) -> Value:
    """Return `value` if it may be a tag or parameter, else raise InvalidInput naming `field`.

    Length limits are checked in `names`; this checks the type and the range.
    """
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InvalidInput(f"{field} {key!r}: {value} does not fit into 64 bits.")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(
                f"{field} {key!r}: {value} is not a finite number.", hint="Leave it out instead."
            )
        return value
    raise InvalidInput(
        f"{field} {key!r}: a {type(value).__name__} can't be stored.",
        hint="Use a string, a number or a boolean.",
    )


def text_of(value: Value) -> str:
    """Return a typed value as text, for protocols that know no types.

    >>> text_of(True), text_of(3), text_of(0.5), text_of("x")
    ('true', '3', '0.5', 'x')
    """
    return value if isinstance(value, str) else json.dumps(value)


def canonical_json(value: Json) -> bytes:
    """Return the one UTF-8 encoding of `value` that digests are taken of.

    Keys sorted by code point, no white space, no escapes that JSON does not demand, no NaN.
    """
    return _CANONICAL.encode(value).encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def as_object(value: Json, what: str) -> JsonObject:
    """Return `value` if it is a JSON object, else raise InvalidInput naming `what`."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be a JSON object, not {value!r:.80}.")
    return value


def as_values(value: Json) -> dict[str, Value]:
    """Return a JSON object of tags or params as typed values (checked where it was written)."""
    return cast(dict[str, Value], value or {})
