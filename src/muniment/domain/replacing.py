"""Making entities, and `dataclasses.replace` for them, at a third of the price.

Entities are frozen, have slots, and check nothing when they are made. So they can be made by a twin
that is not frozen: an `__init__` that must get around that takes most of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")
__all__ = ["maker", "replace"]

if TYPE_CHECKING:
    from dataclasses import replace

    def maker(kind: type[T]) -> type[T]:
        """Return what makes entities as `kind` does."""
        return kind
else:
    from collections.abc import Callable
    from dataclasses import field, fields, make_dataclass
    from functools import lru_cache
    from operator import attrgetter
    from typing import Any

    def maker(kind: type[T]) -> type[T]:
        """Return what makes entities as `kind` does: its twin; what that makes becomes one."""

        def become(entity: T) -> None:
            entity.__class__ = kind

        same = {"default", "default_factory", "init"}
        return make_dataclass(
            kind.__name__,
            [
                (one.name, one.type, field(**{name: getattr(one, name) for name in same}))
                for one in fields(kind)
            ],
            namespace={"__post_init__": become},
            eq=False,
            repr=False,
            slots=True,
        )

    def replace(entity: T, /, **changes: Any) -> T:
        """Return the entity with other values in some fields. Raises KeyError if it has no such."""
        make, values_of, setters = _parts(type(entity))
        new = make(*values_of(entity))
        for name, value in changes.items():
            setters[name](new, value)
        return new

    @lru_cache
    def _parts(
        kind: type[T],
    ) -> tuple[type[T], Callable[[T], tuple[Any, ...]], dict[str, Callable[[T, Any], None]]]:
        """Return what makes one, and how to read and how to write what is passed on."""
        names = [field.name for field in fields(kind) if field.init]
        setters = {name: getattr(kind, name).__set__ for name in names}
        return maker(kind), attrgetter(*names), setters
