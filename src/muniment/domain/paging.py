"""Page tokens: where the next page of a search begins, in letters that are safe in a URL.

    cursor  ("fraud", 0.5, 17)          sort values of the last row, then its id
    body    ["fraud",0.5,17]            as JSON, which keeps the types apart
    token   base64url(check + body)     check = first 9 bytes of SHA-256(search, body)

The check ties a token to its search and finds damage. It is no secret: whoever wants can make a
token, and gets no more from it than a page that begins elsewhere. So everything in it is checked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from typing import Final

from muniment.domain.query import Cursor, FieldType, Query
from muniment.errors import InvalidPageToken, LimitExceeded

MAX_TOKEN_CHARS: Final = 16_000
_CHECK_BYTES = 9
_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SORTED_AS: dict[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.NUMBER: (int, float),
    FieldType.TIME: (int,),
    FieldType.DYNAMIC: (str, int, float, bool),
}


def search_id(query: Query) -> str:
    """Return what a page token belongs to: all of a query but its place and page size.

    It is the same in every process that runs this version of the code.
    """
    return repr(replace(query, after=None, limit=0))


def encode_token(cursor: Cursor, *, search: str) -> str:
    """Return the token for the page behind `cursor` in the search (see `search_id`).

    Raises:
        LimitExceeded: the sort values are too long for a token.
    """
    body = json.dumps(cursor, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    token = _token(_check(search, body) + body)
    if len(token) > MAX_TOKEN_CHARS:
        raise LimitExceeded(
            "The last row of this page has sort values that are too long to go on from.",
            hint="Order by a shorter field.",
            details={"limit": MAX_TOKEN_CHARS, "field": "order_by"},
        )
    return token


def decode_token(token: str, *, search: str) -> Cursor:
    """Return the cursor that `encode_token` wrote for the same search.

    Raises:
        InvalidPageToken: the token was made for another search, or was damaged.
    """
    if len(token) > MAX_TOKEN_CHARS or not _BASE64URL.fullmatch(token):
        raise _invalid(token)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(search, body) or token != _token(raw):
        raise _invalid(token)
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise _invalid(token) from None
    if not isinstance(values, list) or not values or not all(map(_is_cursor_value, values)):
        raise _invalid(token)
    return tuple(values)


def resume(query: Query, token: str) -> Query:
    """Return `query`, going on where `token` says; an empty token means the beginning.

    Raises:
        InvalidPageToken: the token was made for another search, or does not fit its order.
    """
    if not token:
        return query
    cursor = decode_token(token, search=search_id(query))
    kinds = [_SORTED_AS[by.field.type] for by in query.order]
    *values, last_id = cursor
    if (
        type(last_id) is not int
        or len(values) != len(kinds)
        or not all(v is None or type(v) in kind for v, kind in zip(values, kinds, strict=True))
    ):
        raise _invalid(token)
    return replace(query, after=cursor)


def _token(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _check(search: str, body: bytes) -> bytes:
    search_bytes = search.encode("utf-8", "surrogatepass")
    return hashlib.sha256(b"%d:%b%b" % (len(search_bytes), search_bytes, body)).digest()[
        :_CHECK_BYTES
    ]


def _is_cursor_value(value: object) -> bool:
    match value:
        case None | bool():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case str():
            return not _UNSTORABLE.search(value)
    return False


def _invalid(token: str) -> InvalidPageToken:
    return InvalidPageToken(
        f"The page token {token!r:.40} does not belong to this search.",
        hint="Change nothing but the token from page to page, or ask for the first page again.",
        details={"field": "page_token"},
    )
