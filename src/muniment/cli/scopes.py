"""Grants as people write them: what may be done, and to which objects.

    contributor                                  a role, everywhere in the workspace
    read,download on models=fraud-*              verbs, only for some models
    alias.move on models=fraud-* alias=champion
    contributor on tag=team=risk                 the models that carry a tag
    {"role": "viewer", "models": "fraud-*"}      or as JSON, as the API has it

In patterns `*` stands for any characters, `?` for one. A value with spaces is put in quotes, as in
a shell: `viewer on models='my model*'`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Final

from muniment.domain.access import Grant, Role
from muniment.domain.values import Json, JsonObject
from muniment.errors import InvalidInput

_KEYS: Final = ("models", "alias", "stage", "tag")
_PLAIN: Final = re.compile(r"""[^\s'"\\]+""")


def read_grant(text: str) -> Grant:
    """Read a grant.

    >>> str(read_grant("read,download on models=fraud-*"))
    'download, read on models fraud-*'

    Raises:
        InvalidInput: `text` is no grant; it says what a grant looks like.
    """
    if text.lstrip().startswith("{"):
        try:
            document: Json = json.loads(text)
        except ValueError as error:
            raise _unreadable(text, f"it is no JSON: {error}") from None
        return Grant.from_json(document)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _unreadable(text, str(error).lower()) from None
    cut = words.index("on") if "on" in words else len(words)
    if cut == len(words) - 1:
        raise _unreadable(text, "nothing stands behind 'on'")
    what = [word for part in words[:cut] for word in part.split(",") if word]
    return grant_of(what, _narrowing(text, words[cut + 1 :]))


def grant_of(what: Iterable[str], narrowing: dict[str, str]) -> Grant:
    """Return the grant of one role, or of verbs. Raises InvalidInput for unknown ones."""
    named = list(what)
    document: JsonObject = {**narrowing}
    if len(named) == 1 and named[0] in set(Role):
        document["role"] = named[0]
    else:
        document["verbs"] = [*named]
    return Grant.from_json(document)


def written(grant: Grant) -> str:
    """Return a grant as `read_grant` reads it."""
    document = grant.to_json()
    what = str(document["role"]) if "role" in document else ",".join(sorted(grant.verbs))
    where = [
        f"{key}={_quoted(str(document[key]))}" for key in _KEYS if document[key] not in ("*", "")
    ]
    return " ".join([what, "on", *where]) if where else what


def _quoted(pattern: str) -> str:
    return pattern if _PLAIN.fullmatch(pattern) else shlex.quote(pattern)


def _narrowing(text: str, words: Iterable[str]) -> dict[str, str]:
    narrowing: dict[str, str] = {}
    for word in words:
        key, equals, pattern = word.partition("=")
        if key not in _KEYS or not equals:
            raise _unreadable(text, f"{word!r:.100} is none of {', '.join(_KEYS)} with a pattern")
        if key in narrowing:
            raise _unreadable(text, f"{key} stands twice")
        narrowing[key] = pattern
    return narrowing


def _unreadable(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r:.200} can't be read as a grant: {why}.",
        hint="Write a role or verbs, then where: 'contributor on models=fraud-* alias=champion'.",
    )
