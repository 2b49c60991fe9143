"""What lies on the stack of the symbolic pickle machine.

Short literals are themselves: None, bool, int, float, str, bytes, and tuples of values. What a
pickle would make is only described; nothing is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_KEPT: Final = 4_096
"""Longer strings, and more entries of a dict, are not kept: no rule looks at them."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle imports."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Big:
    """A string (`text`) or bytes that are too long to keep."""

    text: bool
    size: int


@dataclass(slots=True, eq=False)
class Listing:
    """A list, or a set."""

    kind: str
    hides: bool = False
    """Whether it holds a global: something that could be called."""


@dataclass(slots=True, eq=False)
class Mapping:
    """A dict: its entries under short strings, and whether a key is a magic name (`__x__`)."""

    entries: dict[str, object] = field(default_factory=dict)
    magic: str = ""
    hides: bool = False

    def put(self, key: object, value: object) -> None:
        """Take an entry."""
        self.hides = self.hides or callable_in(value) or isinstance(key, Global)
        if isinstance(key, str):
            if key.startswith("__"):
                self.magic = self.magic or key
            if len(self.entries) < MAX_KEPT or key in self.entries:
                self.entries[key] = value


@dataclass(slots=True, eq=False)
class Instance:
    """What calling (or making an instance of) `of` gave; `state` is what BUILD then set."""

    of: Global
    args: tuple[object, ...] = ()
    state: object = None
    builds: int = 0


@dataclass(slots=True, eq=False)
class Persistent:
    """What the loader of a persistent id would put here."""

    id: object


MAX_DEPTH: Final = 1_000_000
"""How many values may wait on the stack, or lists be nested."""

HARMLESS: Final = "only names that ordinary models need are let through"
"""Why a finding about a name is one."""

OTHER: Final = object()
"""A value that no rule looks at: a large number, for instance."""


def callable_in(value: object) -> bool:
    """Say whether a value is, or openly holds, an imported name."""
    return isinstance(value, Global) or (
        isinstance(value, tuple) and any(isinstance(part, Global) for part in value)
    )
