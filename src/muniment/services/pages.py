"""Pages of what is listed: how long they are, where one ends and the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from muniment.domain import names
from muniment.domain.entities import Page
from muniment.domain.paging import decode_token, encode_token
from muniment.domain.query import Cursor
from muniment.errors import InvalidInput, InvalidPageToken

T = TypeVar("T")
K = TypeVar("K", int, str)


def page_size_of(asked: int | None) -> int:
    """Return how many items a page is to have. Raises InvalidInput."""
    if asked is None:
        return names.DEFAULT_PAGE_SIZE
    if not 1 <= asked <= names.MAX_PAGE_SIZE:
        raise InvalidInput(
            f"page_size is {asked}; it must be 1 to {names.MAX_PAGE_SIZE}.",
            details={"field": "page_size", "limit": names.MAX_PAGE_SIZE},
        )
    return asked


def page_of(rows: Sequence[tuple[T, Cursor]], size: int, search: str) -> Page[T]:
    """Return the first `size` rows; the row behind them only tells that there is more."""
    items = tuple(item for item, _ in rows[:size])
    token = encode_token(rows[size - 1][1], search=search) if len(rows) > size else None
    return Page(items, token)


def place_of(token: str | None, search: str, beginning: K) -> K:
    """Return the one value behind which a listing goes on; its `beginning` without a token.

    Raises:
        InvalidPageToken: the token is another listing's, or somebody made it up.
    """
    if not token:
        return beginning
    cursor = decode_token(token, search=search)
    if len(cursor) != 1 or type(cursor[0]) is not type(beginning):
        raise InvalidPageToken(
            f"The page token {token!r:.40} does not belong to this listing.",
            hint="Ask for the first page again.",
            details={"field": "page_token"},
        )
    return cursor[0]
