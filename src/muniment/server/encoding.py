"""Entities as JSON in a face's own form, encoded once: they are shown far more often than made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from muniment.domain.entities import ModelVersion


def kept(
    versions: Sequence[ModelVersion],
    form: str,
    document: Callable[[ModelVersion], Mapping[str, object]],
) -> orjson.Fragment:
    """Return the list of what `document` says of versions; the bytes are kept with each of them.

    `form` names what `document` makes, and nothing else does.
    """
    for version in versions:
        if form not in version.encoded:
            version.encoded[form] = orjson.dumps(document(version))
    items = b",".join([version.encoded[form] for version in versions])
    return orjson.Fragment(b"[%b]" % items)
