"""Statements about a list of texts or numbers, `… IN (…)`, prepared as others are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam
from sqlalchemy.sql.selectable import CompoundSelect

from muniment.storage.sql.blobs import pieces
from muniment.storage.sql.engine import Cell, Prepared, Row, Session

K = TypeVar("K", str, int)
AT_ONCE: Final = 1_024
"""Values in one statement. Some name each of them twice; SQLite takes 32,766 parameters."""


class PreparedIn:
    """A query for the rows that fit any value of a list, prepared once per power of two.

    Args:
        query: makes the query, given the parameters to put into its `IN` lists.
    """

    def __init__(
        self, query: Callable[[list[ColumnElement[Any]]], Select[Any] | CompoundSelect[Any]]
    ) -> None:
        self._query = query
        self.of_size = lru_cache(self._prepare)

    def all(self, session: Session, values: Iterable[K], **parameters: Cell) -> list[Row]:
        """Return all rows; a value that stands twice in the list is asked for once."""
        found: list[Row] = []
        for piece in pieces(dict.fromkeys(values), AT_ONCE):
            asked = listed(piece)
            found += self.of_size(len(asked)).all(session, **asked, **parameters)
        return found

    def _prepare(self, size: int) -> Prepared:
        return Prepared(self._query(places(size)))


@lru_cache
def places(size: int) -> list[ColumnElement[Any]]:
    """Return the parameters of an `IN` list of that size."""
    return [bindparam(name) for name in _names(size)]


def listed(values: list[K]) -> dict[str, Cell]:
    """Return what to bind to the `places` of a list; their number is the next power of two.

    Lists of a few sizes are few statements. What is repeated at the end is found once all the same.
    """
    size = 1 << (len(values) - 1).bit_length()
    return dict(zip(_names(size), values + values[-1:] * (size - len(values)), strict=True))


@lru_cache
def _names(size: int) -> tuple[str, ...]:
    return tuple(f"value_{n}" for n in range(size))
