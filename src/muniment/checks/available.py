"""Which checks there are: those that come along, and those of plugins that are installed."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from muniment.checks import contents, descriptions, second_opinion
from muniment.checks.interface import Check
from muniment.errors import ConfigurationError, InvalidInput

GROUP: Final = "muniment.checks"
BUILT_IN: Final[dict[str, type[Check]]] = {
    "integrity": contents.Integrity,
    "formats": contents.Formats,
    "serialization": contents.Serialization,
    "archives": contents.Archives,
    "schema": descriptions.Schema,
    "card": descriptions.Card,
    "ownership": descriptions.Ownership,
    "picklescan": second_opinion.Picklescan,
}


def available() -> list[str]:
    """Return the names of all checks: first those that come along, then plugins'."""
    return [*BUILT_IN, *sorted(_plugins().keys() - BUILT_IN.keys())]


def make(name: str) -> Check:
    """Return a check by name.

    Raises:
        InvalidInput: there is none of that name here.
        ConfigurationError: the plugin can't be loaded.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    plugin = _plugins().get(name)
    if plugin is None:
        raise InvalidInput(
            f"There is no check {name!r:.100} here.", hint=f"There are {', '.join(available())}."
        )
    try:
        return cast(Check, plugin.load()())
    except Exception as error:
        raise ConfigurationError(
            f"The check {name!r} ({plugin.value}) can't be loaded: {error!r:.300}."
        ) from error


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP)}
