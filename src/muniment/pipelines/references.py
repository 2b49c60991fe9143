"""References that pass for strings, for as long as somebody insists on checking strings.

When a pipeline is defined, where a step's output lies is a reference: it has no text before the
pipeline runs. Some step classes check their inputs at that time nevertheless, as if they were S3
URIs (`source.startswith("s3")`, `str(source)`). A `StringLikeWrapper` passes such checks, and is
still what the SDK's compiler looks for, so the definition holds the reference.

    with validation_scope():
        step = TheirStep(source=StringLikeWrapper(training.properties.ModelArtifacts…))

or, shorter, for any callable that checks its arguments: `with_string_references(TheirStep, …)`.

It is a text only inside of the scope. Elsewhere `str()` of it fails, as it does for the reference,
so that the placeholder cannot end up in a definition unseen; `check_no_placeholder` looks there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.sdk.names import PipelineVariable

P = ParamSpec("P")
T = TypeVar("T")

PLACEHOLDER: Final = "s3://placeholder-bucket/path/for/validation"

_logger = logging.getLogger(__name__)
_validating: ContextVar[bool] = ContextVar("muniment_validating", default=False)


@contextmanager
def validation_scope() -> Iterator[None]:
    """While this is open, wrapped references are texts: the placeholder."""
    token = _validating.set(True)
    try:
        yield
    finally:
        _validating.reset(token)


class StringLikeWrapper(PipelineVariable):  # type: ignore[misc]  # the SDK has no types
    """A reference that passes checks of strings.

    Wraps any pipeline variable of the SDK, or the expression of one (`{"Get": "Steps.…"}`). To the
    SDK it is the reference: same expression, same steps behind it, same class. Wrapping a wrapper
    returns it.

    Raises:
        InvalidPipeline: it is given a string, which needs no wrapper, or None.
    """

    _obj: Any

    def __new__(cls, obj: Any) -> StringLikeWrapper:  # noqa: D102  # the class says it
        if type(obj) is cls:
            return obj
        if isinstance(obj, str) or obj is None:
            raise InvalidPipeline(
                f"StringLikeWrapper got {obj!r:.80}; it wraps references, not strings or None."
            )
        if not isinstance(obj, dict) and not hasattr(obj, "expr"):
            raise InvalidPipeline(
                f"StringLikeWrapper got a {type(obj).__name__}; it wraps references, "
                "which have an `expr`, and expressions, which are dicts."
            )
        self: StringLikeWrapper = super().__new__(cls)
        object.__setattr__(self, "_obj", obj)
        return self

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """That of what is wrapped: the SDK's local mode goes by it."""
        return type(object.__getattribute__(self, "_obj"))

    @property
    def expr(self) -> Any:
        """The expression that stands in a definition."""
        return self._obj if type(self._obj) is dict else self._obj.expr

    @property
    def _referenced_steps(self) -> list[Any]:
        if type(self._obj) is not dict:
            return list(self._obj._referenced_steps)
        where = str(self._obj.get("Get", "")).split(".")
        return [where[1]] if where[0] == "Steps" and len(where) > 1 else []

    def startswith(self, prefix: str | tuple[str, ...], *span: int) -> bool:
        """Whether the placeholder starts so."""
        return PLACEHOLDER.startswith(prefix, *span)

    def endswith(self, suffix: str | tuple[str, ...], *span: int) -> bool:
        """Whether the placeholder ends so."""
        return PLACEHOLDER.endswith(suffix, *span)

    def __str__(self) -> str:
        if not _validating.get():
            raise TypeError(
                f"{self!r} has no text before the pipeline runs. Use `.expr` to show it, or "
                "`.to_string()` to have its text when the pipeline runs; checks of strings belong "
                "into `with validation_scope():`."
            )
        return PLACEHOLDER

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"StringLikeWrapper({json.dumps(self.expr, default=repr)})"

    def __eq__(self, other: object) -> bool:
        return type(other) is StringLikeWrapper and self.expr == other.expr

    def __hash__(self) -> int:
        return hash(json.dumps(self.expr, sort_keys=True, default=repr))

    def __copy__(self) -> StringLikeWrapper:
        return self

    def __deepcopy__(self, memo: object) -> StringLikeWrapper:
        return self

    def __reduce__(self) -> Any:
        return StringLikeWrapper, (self._obj,)

    def __getattr__(self, name: str) -> Any:
        if name == "_obj" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)  # else a half-made copy would ask itself for ever
        return getattr(self._obj, name)


def is_reference(value: object) -> bool:
    """Whether a value is one that is known only when the pipeline runs."""
    return isinstance(value, PipelineVariable) or (
        isinstance(value, dict) and len(value) == 1 and ("Get" in value or "Std:Join" in value)
    )


def wrapped(value: Any, what: str = "a value") -> Any:
    """Return a reference wrapped, anything else as it is; lists and tuples are gone through."""
    if is_reference(value):
        wrapper = StringLikeWrapper(value)
        _logger.debug("%s passes for a string: %r", what, wrapper)
        return wrapper
    if type(value) in (list, tuple):
        return type(value)(wrapped(item, what) for item in value)
    return value


def unwrapped(value: Any) -> Any:
    """Return what is wrapped.

    An expression stays wrapped: the SDK does not find steps behind a plain dict.
    """
    if type(value) is StringLikeWrapper and type(value._obj) is not dict:
        return value._obj
    return value


def with_string_references(make: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function or class that checks strings, with references instead of strings.

    References among the arguments, and in lists among them, are wrapped; strings stay as they are.
    Compile what comes of it as usual, and `check_no_placeholder` of the definition.
    """
    with validation_scope():
        return make(
            *(wrapped(value, f"argument {n}") for n, value in enumerate(args)),
            **{name: wrapped(value, f"argument {name}") for name, value in kwargs.items()},
        )


def check_no_placeholder(definition: str) -> str:
    """Return a definition as it is. Raises InvalidPipeline if the placeholder leaked into it."""
    if PLACEHOLDER in definition:
        start = max(0, definition.index(PLACEHOLDER) - 120)
        raise InvalidPipeline(
            "A placeholder for validation ended up in the definition, where a reference should be: "
            f"…{definition[start : start + 240]}…",
            hint="Somebody kept the text of a reference. Hand the reference itself on.",
        )
    return definition
