"""Picking from long listings: pieces are read in order, and what does not fit is passed over.

A page ends when it is full, when nothing is left, or when enough was looked through for one
request: so it may be short, or empty, and its token still leads on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from muniment.domain.activities import OF_MODELS, Activity
from muniment.errors import InvalidInput

_PIECE: Final = 500
_SEARCHED: Final = 20_000
T = TypeVar("T")
P = TypeVar("P")
Read: TypeAlias = Callable[[P, int], Sequence[tuple[T, P]]]
"""Returns so many items behind a place, fewer only at the end, each with its own place."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which activities are asked for: those that fit everything that is not None or empty."""

    kinds: frozenset[str] = frozenset()
    actor: str | None = None
    version: int | None = None

    @classmethod
    def of(
        cls, kinds: Iterable[str] = (), *, actor: str | None = None, version: int | None = None
    ) -> Selection:
        """Return a selection of kinds that there are. Raises InvalidInput."""
        chosen = frozenset(kinds)
        if unknown := sorted(chosen - set(OF_MODELS)):
            raise InvalidInput(
                f"There is no kind of activity {unknown[0]!r:.80}.",
                hint=f"The kinds are {', '.join(OF_MODELS)}.",
                details={"field": "kind"},
            )
        return cls(chosen, actor, version)

    def fits(self, activity: Activity) -> bool:
        """Say whether an activity, whose kind and version the store has looked at, is asked for."""
        return self.actor in (None, activity.actor)

    def __str__(self) -> str:
        return f"{sorted(self.kinds)} {self.actor!r} {self.version}"


def some(
    read: Read[P, T], fits: Callable[[T], bool], place: P, size: int
) -> tuple[list[T], P | None]:
    """Return up to `size` fitting items behind `place`, and where to go on (None: no more)."""
    found: list[T] = []
    seen, limit = 0, size + 1
    while seen < _SEARCHED:
        piece = read(place, limit)
        for item, at in piece:
            if fits(item):
                if len(found) == size:
                    return found, place
                found.append(item)
            place = at
        if len(piece) < limit:
            return found, None
        seen, limit = seen + limit, _PIECE
    return found, place


def every(read: Read[P, T], fits: Callable[[T], bool], place: P) -> Iterator[T]:
    """Yield all fitting items behind `place`; no more than a piece is in memory."""
    while piece := read(place, _PIECE):
        yield from (item for item, _ in piece if fits(item))
        if len(piece) < _PIECE:
            return
        place = piece[-1][1]
