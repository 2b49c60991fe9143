"""The calls of the proposal that the Model Registry began with, whose fields stand in each other.

    create   model_version {registered_model {name}, version}, stage, comment
    update   action, transition_request {
                 model_version {registered_model {name}, version},
                 request_activity {model_registry_data {transition {to_stage}}}}

There, a version is a number, and so may an action be: see `activities.ACTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from muniment.domain import names
from muniment.domain.requests import RequestAction
from muniment.errors import InvalidInput
from muniment.server.mlflow.activities import ACTIONS
from muniment.server.mlflow.wire import Call

_STAGE: Final = ("request_activity", "model_registry_data", "transition", "to_stage")
_NUMBERED: Final = {str(number): action for number, action in enumerate(ACTIONS, 1)}
_NAMED: Final = {word: action for action, word in ACTIONS.items()}


def version_in(call: Call, *above: str) -> tuple[str, int]:
    """Return name and number of the field `model_version`, which stands in the fields `above`.

    Raises:
        InvalidInput: one of them is missing, or is not what it should be.
    """
    where = (*above, "model_version")
    name = _text(call, *where, "registered_model", "name")
    number = _find(call, *where, "version")
    if isinstance(number, str) and number.isdecimal() and len(number) < 19:
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**63:
        raise _wrong((*where, "version"), number, "the number of a version")
    return names.check_model_name(name), number


def stage_in(call: Call) -> str:
    """Return the stage that a `transition_request` is about. Raises InvalidInput."""
    return _text(call, "transition_request", *_STAGE)


def action_of(call: Call) -> RequestAction:
    """Return what is to be done to a request. Raises InvalidInput."""
    value = call.value("action")
    if value is None:
        raise InvalidInput(
            "Missing value for required parameter 'action'.",
            hint="If the body has one, it is no JSON: as first printed, the call lacks a brace.",
            details={"field": "action"},
        )
    found = None if isinstance(value, bool) else _NUMBERED.get(str(value), _NAMED.get(str(value)))
    if found is None:
        rule = ", ".join(f"{number} ({ACTIONS[a]})" for number, a in _NUMBERED.items())
        raise _wrong(("action",), value, f"one of {rule}")
    return found


def _find(call: Call, first: str, *path: str) -> object:
    value = call.value(first)
    for key in path:
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, dict) else None
    return value


def _text(call: Call, first: str, *path: str) -> str:
    value = _find(call, first, *path)
    if not isinstance(value, str) or not value:
        raise _wrong((first, *path), value, "text")
    return value


def _wrong(path: Iterable[str], value: object, rule: str) -> InvalidInput:
    field = ".".join(path)
    return InvalidInput(
        f"Invalid value {value!r:.200} for parameter {field!r}: it must be {rule}.",
        details={"field": field},
    )
