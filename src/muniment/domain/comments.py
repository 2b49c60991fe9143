"""Comments on models, versions and transition requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from muniment.domain.names import USER, check_text
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json
from muniment.errors import InvalidInput

MAX_COMMENT_CHARS: Final = 20_000
MAX_MENTIONS: Final = 50
_MENTION = re.compile(r"(?<![\w@])@(\w[\w.@+-]*+)")


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody has said of a model; of its `version`, or of the transition `request`, if any.

    A deleted comment keeps its place, without its text.
    """

    model: str
    text: str
    author: str
    created_at: datetime
    version: int | None = None
    request: int | None = None
    edited_at: datetime | None = None
    deleted: bool = False
    revision: int = 1
    id: int = 0
    model_id: int = 0

    @property
    def mentions(self) -> tuple[str, ...]:
        """Who is named with an `@`, each once."""
        return mentions(self.text)

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "request": self.request,
            "text": self.text,
            "author": self.author,
            "mentions": list(self.mentions),
            "created_at": time_to_json(self.created_at),
            "edited_at": None if self.edited_at is None else time_to_json(self.edited_at),
            "deleted": self.deleted,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> Comment:
        """Read what `to_json` wrote."""
        v = as_object(value, "a comment")
        edited = v["edited_at"]
        return cls(
            id=cast(int, v["id"]),
            model=cast(str, v["model"]),
            version=cast("int | None", v["version"]),
            request=cast("int | None", v["request"]),
            text=cast(str, v["text"]),
            author=cast(str, v["author"]),
            created_at=time_from_json(cast(str, v["created_at"])),
            edited_at=None if edited is None else time_from_json(cast(str, edited)),
            deleted=v["deleted"] is True,
            revision=cast(int, v["revision"]),
        )

    def to_record(self) -> Record:
        """Return what a store keeps."""
        body = self.to_json()
        for key in ("id", "model", "version", "created_at", "mentions"):
            del body[key]
        about = "model" if self.version is None else "version"
        keys = [f"about:{about}" if self.request is None else f"request:{self.request}"]
        keys += [f"mention:{name}" for name in self.mentions]
        return Record(
            kind=RecordKind.COMMENT,
            created_at=self.created_at,
            body=body,
            version=self.version,
            keys=tuple(keys),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> Comment:
        """Read a record of the model that is called `model` now."""
        document: JsonObject = {
            **record.body,
            "id": record.id,
            "model": model,
            "version": record.version,
            "created_at": time_to_json(record.created_at),
        }
        return replace(cls.from_json(document), model_id=record.model_id)


def check_comment(text: str) -> str:
    """Return the text of a comment: not blank, at most 20,000 characters. Raises InvalidInput."""
    if not text.strip():
        raise InvalidInput("A comment must not be empty.", details={"field": "text"})
    return check_text(text, "comment", MAX_COMMENT_CHARS)


def mentions(text: str) -> tuple[str, ...]:
    """Return the names that stand behind an `@`, each once, in their order; the first 50 of them.

    >>> mentions("@ada, see what @grace.h wrote.")
    ('ada', 'grace.h')
    """
    found = dict.fromkeys(name.rstrip(".@+-") for name in _MENTION.findall(text))
    return tuple(name for name in found if USER.fullmatch(name))[:MAX_MENTIONS]
