"""Pages of what is listed: how long they are, where one ends and the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from muniment.domain import names
from muniment.domain.entities import Page
from muniment.domain.paging import decode_token, encode_token, search_id
from muniment.domain.query import Cursor, Query
from muniment.domain.values import from_millis
from muniment.errors import InvalidInput, InvalidPageToken

T = TypeVar("T")
K = TypeVar("K", int, str)


def page_size_of(
    asked: int | None,
    *,
    default: int = names.DEFAULT_PAGE_SIZE,
    most: int = names.MAX_PAGE_SIZE,
    field: str = "page_size",
) -> int:
    """Return how many items a page is to have, if `field` asks for so many. Raises InvalidInput."""
    if asked is None:
        return default
    if not 1 <= asked <= most:
        raise InvalidInput(
            f"{field} is {asked}; it must be 1 to {most}.", details={"field": field, "limit": most}
        )
    return asked


def page_of(rows: Sequence[tuple[T, Cursor]], size: int, search: str | Query) -> Page[T]:
    """Return the first `size` rows; the row behind them only tells that there is more."""
    items = tuple(item for item, _ in rows[:size])
    if len(rows) <= size:
        return Page(items, None)
    name = search_id(search) if isinstance(search, Query) else search
    return Page(items, encode_token(rows[size - 1][1], search=name))


def place_of(token: str | None, search: str, beginning: K) -> K:
    """Return the one value behind which a listing goes on; its `beginning` without a token.

    Raises:
        InvalidPageToken: the token is another listing's, or somebody made it up.
    """
    if not token:
        return beginning
    cursor = decode_token(token, search=search)
    if len(cursor) != 1 or type(cursor[0]) is not type(beginning):
        raise not_of_this_listing(token)
    return cursor[0]


def moment_of(millis: int, token: str) -> datetime:
    """Return the time that stands in a token. Raises InvalidPageToken."""
    try:
        return from_millis(millis)
    except OverflowError:  # somebody made it up
        raise not_of_this_listing(token) from None


def not_of_this_listing(token: str) -> InvalidPageToken:
    """Return the error for a token that is another listing's, or that somebody made up."""
    return InvalidPageToken(
        f"The page token {token!r:.40} does not belong to this listing.",
        hint="Ask for the first page again.",
        details={"field": "page_token"},
    )
