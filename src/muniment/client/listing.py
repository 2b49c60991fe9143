"""Lists that are fetched page by page, while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from muniment.domain.entities import Page

T = TypeVar("T")

FetchPage: TypeAlias = Callable[[int | None, str | None], Page[T]]
"""Returns a page, given its size and token (None: the registry's choice, the first)."""

SHOWN: Final = 20
"""How many entries a notebook shows."""


class Listing(Generic[T]):
    """What a search finds: iterate over it, or take it a page at a time.

    Every iteration asks anew. Nothing is asked before.
    """

    def __init__(
        self, what: str, fetch: FetchPage[T], html: Callable[[Sequence[T], bool], str]
    ) -> None:
        self._what = what
        self._fetch = fetch
        self._html = html

    def __iter__(self) -> Iterator[T]:
        token: str | None = None
        while True:
            page = self._fetch(None, token)
            yield from page.items
            token = page.next_token
            if token is None:
                return

    def page(self, token: str | None = None, *, size: int | None = None) -> Page[T]:
        """Return one page; its `next_token` leads to the next one, None at the end."""
        return self._fetch(size, token)

    def first(self) -> T | None:
        """Return the first entry, or None."""
        token: str | None = None
        while True:  # a page may be empty though there is more
            page = self._fetch(1, token)
            if page.items or page.next_token is None:
                return next(iter(page.items), None)
            token = page.next_token

    def all(self) -> list[T]:
        """Return everything, in a list."""
        return list(self)

    def __repr__(self) -> str:
        return f"<{self._what}: iterate, or call .page(), .first() or .all()>"

    def _repr_html_(self) -> str:
        page = self._fetch(SHOWN, None)
        return self._html(page.items, page.next_token is not None)
