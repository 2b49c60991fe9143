"""How the native API writes lists, pages, revisions and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias, TypeVar, cast

from muniment.domain.entities import Page
from muniment.domain.values import Json, JsonObject, time_to_json

T = TypeVar("T")
Pairs: TypeAlias = list[tuple[str, str]]


def params(**given: str | int | bool | datetime | None) -> Pairs:
    """Return the parameters of a query; those that are None or False are left out."""
    told = ((key, value) for key, value in given.items() if value is not None)
    return [(key, _text(value)) for key, value in told if value is not False]


def repeated(key: str, values: Iterable[str]) -> Pairs:
    """Return a parameter that stands once for each value."""
    return [(key, value) for value in values]


def items_of(answer: JsonObject, read: Callable[[Json], T]) -> tuple[T, ...]:
    """Return what a list holds."""
    return tuple(map(read, cast("list[Json]", answer["items"])))


def page_of(answer: JsonObject, read: Callable[[Json], T]) -> Page[T]:
    """Return a page of a list."""
    return Page(items_of(answer, read), cast("str | None", answer.get("next_page_token")))


def if_match(revision: int | None) -> dict[str, str]:
    """Return the header that makes a change conditional; 0: the entity must be new."""
    if revision is None:
        return {}
    return {"If-Match": f'"{revision:d}"'}


def _text(value: str | int | bool | datetime | None) -> str:
    if value is True:
        return "true"
    return time_to_json(value) if isinstance(value, datetime) else str(value)
