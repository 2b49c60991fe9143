"""Conditional requests: entity tags from revisions and digests, and what callers say about them."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from fastapi import Depends, Header

from muniment.errors import InvalidInput

_REVISION = re.compile(r'"([0-9]{1,18})"')


def revision_tag(revision: int) -> str:
    """Return the ETag of a mutable entity."""
    return f'"{revision}"'


def digest_tag(digest: str) -> str:
    """Return the ETag of bytes that never change."""
    return f'"sha256:{digest}"'


async def _revision(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="Change it only if this is still its ETag; `*` for any.",
            examples=['"3"'],
        ),
    ] = None,
) -> int | None:
    """Read If-Match.

    Raises:
        InvalidInput: it is not one revision in quotes.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput(
            f"If-Match: {if_match!r:.80} is not the ETag of a model, version or alias.",
            hint='Send the ETag that you were given, with its quotes, such as "3".',
        )
    return int(found[1])


IfMatch: TypeAlias = Annotated[int | None, Depends(_revision)]
"""The revision that must still be the present one; None: any."""


async def _absent(
    if_none_match: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            description="`*`: make it only if there is none.",
            examples=["*"],
        ),
    ] = None,
) -> bool:
    """Read If-None-Match of a change.

    Raises:
        InvalidInput: it is not `*`.
    """
    if if_none_match is not None and if_none_match.strip() != "*":
        raise InvalidInput(
            f"If-None-Match: {if_none_match!r:.80} makes no sense with a change.",
            hint="Send * to make it only if there is none, or If-Match with the ETag.",
        )
    return if_none_match is not None


IfAbsent: TypeAlias = Annotated[bool, Depends(_absent)]
"""Whether there must be none yet."""

IfNoneMatch: TypeAlias = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="Answer 304 if this is still its ETag.",
        examples=['"3"'],
    ),
]


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Say whether the caller holds the present state already (If-None-Match, weak comparison)."""
    if if_none_match is None:
        return False
    held = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return "*" in held or tag in held
