"""Entities as JSON in a face's own form, encoded once: they are shown far more often than made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from muniment.domain.entities import ModelVersion


def kept(
    version: ModelVersion, form: str, document: Callable[[ModelVersion], Mapping[str, object]]
) -> orjson.Fragment:
    """Return what `document` says of a version; the bytes are kept as long as the entity is.

    `form` names what `document` makes, and nothing else does.
    """
    found = version.encoded.get(form)
    if found is None:
        found = version.encoded[form] = orjson.dumps(document(version))
    return orjson.Fragment(found)
