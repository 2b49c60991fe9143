"""References: how a person names one version.

    name                 the newest READY version
    name@champion        the version that an alias points at
    name@sha256:<digest> the version with that content (the newest, if several)
    name/3               version 3
    name/Production      the newest version in a stage

A model name holds no `/`, so the part after the last `/` is a version or a stage. It may hold `@`:
then name the version in one of the other ways (`a@b/3`), since `a@b` reads as an alias.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from muniment.domain.names import check_digest, check_model_name
from muniment.errors import InvalidInput

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Ref:
    """A parsed reference; at most one of `version`, `alias`, `stage` and `digest` is set."""

    model: str
    version: int | None = None
    alias: str | None = None
    stage: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.model}/{self.version}"
        if self.alias is not None:
            return f"{self.model}@{self.alias}"
        if self.stage is not None:
            return f"{self.model}/{self.stage}"
        if self.digest is not None:
            return f"{self.model}@sha256:{self.digest}"
        return self.model


def parse_ref(text: str) -> Ref:
    """Parse a reference.

    >>> parse_ref("fraud@champion")
    Ref(model='fraud', version=None, alias='champion', stage=None, digest=None)

    Raises:
        InvalidInput: `text` is no reference.
    """
    name, slash, tail = text.rpartition("/")
    if slash:
        if not name or not tail:
            raise _unreadable(text)
        check_model_name(name)
        if _NUMBER.fullmatch(tail):
            return Ref(name, version=int(tail))
        return Ref(name, stage=tail)
    name, at, tail = text.rpartition("@")
    if not at:
        return Ref(check_model_name(text))
    if not name or not tail:
        raise _unreadable(text)
    if tail.startswith("sha256:"):
        return Ref(check_model_name(name), digest=check_digest(tail))
    return Ref(check_model_name(name), alias=tail)


def _unreadable(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r:.200} is not a reference to a version.",
        hint="Write name, name@alias, name/3, name/Stage or name@sha256:<digest>.",
    )
