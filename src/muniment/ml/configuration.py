"""What savers, loaders and registers have in common: each is a value that configuration can hold.

    saver:
      KIND: MunimentSaver
      path: build/model

    SAVERS.validate_python(document["saver"])   # a MunimentSaver

They are frozen, their types are not coerced, and a field that they don't have is an error
(`pydantic.ValidationError`, which says where).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from muniment.domain import names
from muniment.errors import ConfigurationError, InvalidInput, MunimentError


class Configured(BaseModel):
    """Base of what configuration can choose, by its `KIND`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    KIND: str


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a check of ours as one of pydantic's, with the same words."""

    def validate(value: Any) -> Any:
        try:
            return check(value)
        except MunimentError as error:
            raise ValueError(str(error)) from error

    return validate


def _tags(tags: dict[str, str]) -> dict[str, str]:
    names.check_values(tags, "tag", names.MAX_TAGS)
    return tags


def _place(place: str) -> str:
    module, _, attributes = place.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attributes.split("."))):
        raise InvalidInput(
            f"{place!r:.200} names nothing in a module.", hint="Write it like my_project.nets:Net."
        )
    return place


def _not_empty(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise InvalidInput(f"{text!r:.80} is no path.", hint="Name a folder, such as 'model'.")
    return text


Tags = Annotated[dict[str, str], AfterValidator(_checked(_tags))]
"""Tags: keys and values are text, within the limits of `muniment.domain.names`."""

Path = Annotated[str, AfterValidator(_checked(_not_empty))]
"""A path, not empty."""

Place = Annotated[str, AfterValidator(_checked(_place))]
"""Something in a module that can be imported: `my_project.schemas:Inputs`."""


def checked_by(check: Callable[[Any], Any]) -> AfterValidator:
    """Return what makes pydantic ask one of our checks about a field."""
    return AfterValidator(_checked(check))


def imported(place: str) -> Any:
    """Return what a `Place` names.

    Raises:
        ConfigurationError: it can't be imported, or is not there.
    """
    module, _, attributes = place.partition(":")
    try:
        found: Any = import_module(module)
        for name in attributes.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{place!r:.200} can't be imported: {error}.",
            hint="It must be installed, or its folder be on PYTHONPATH.",
        ) from error
    return found
