"""Making entities, and `dataclasses.replace` for them, at a third of the price.

Entities are frozen, have slots, and check nothing when they are made. So a changed one can be
copied slot by slot, and one of a row be made by a twin that is not frozen: an `__init__` that must
get around its being frozen takes most of the time of both.
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
        """Return what makes entities as `kind` does: its twin, which then says that it is one."""

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
        kind = type(entity)
        values_of, setters, own = _slots(kind)
        new = object.__new__(kind)
        for put, value in zip(setters.values(), values_of(entity), strict=True):
            put(new, value)
        for put, make in own:
            put(new, make())
        for name, value in changes.items():
            setters[name](new, value)
        return new

    @lru_cache
    def _slots(
        kind: type[T],
    ) -> tuple[
        Callable[[T], tuple[Any, ...]],
        dict[str, Callable[[T, Any], None]],
        list[tuple[Callable[[T, Any], None], Callable[[], Any]]],
    ]:
        """Return how to read and how to write what is passed on, and what each makes anew."""
        names = [field.name for field in fields(kind) if field.init]
        own = [
            (getattr(kind, field.name).__set__, field.default_factory)
            for field in fields(kind)
            if not field.init
        ]
        return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}, own
