"""The fields that many calls have: the model's name, the version's number, a tag's two parts."""

from __future__ import annotations

from muniment.domain import names
from muniment.errors import InvalidInput
from muniment.server.mlflow.wire import Call


def checked_name(call: Call) -> str:
    """Return the field `name`, a name that a model may have. Raises InvalidInput."""
    return names.check_model_name(call.required("name"))


def checked_key(call: Call) -> str:
    """Return the field `key`, a key that a tag may have. Raises InvalidInput."""
    return names.check_key(call.required("key"), "tag")


def checked_value(call: Call) -> str:
    """Return the field `value`, a text that a tag may have. Raises InvalidInput."""
    return names.check_text(call.text("value"), "value of the tag", names.MAX_VALUE_CHARS)


def key_to_drop(call: Call) -> str:
    """Return the field `key`; "" for one so long that no tag has it. Raises InvalidInput."""
    key = call.required("key")
    return "" if len(key) > names.MAX_KEY_CHARS else names.check_key(key, "tag")


def version_number(call: Call) -> int:
    """Return the field `version`: a number, written as text.

    As the official server does, this takes all that Python reads as an integer ("01", "+1", " 1 ").
    No version has a number that the store can't hold, so a larger one is as good as 0.

    Raises:
        InvalidInput: it is missing, not text, or no number.
    """
    text = call.required("version")
    try:
        number = int(text)
    except ValueError:
        raise InvalidInput(
            f"The version {text!r:.100} is no number.",
            hint="Versions are numbered from 1; an alias is asked for by registered-models/alias.",
            details={"field": "version"},
        ) from None
    return number if abs(number) < 2**63 else 0
