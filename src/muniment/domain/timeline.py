"""Who held which stage and alias, and when: read off a model's history.

    activities   set champion → 1      set champion → 2         version 2 deleted
    tenures      champion: 1 ├────────┤ champion: 2 ├───────────┤
                          since     until                     until

The history is the truth, and nothing else is kept: what is said here can't disagree with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from muniment.domain.activities import Activity, ActivityKind
from muniment.domain.entities import NO_STAGE
from muniment.domain.stages import stage_key
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json


class Post(StrEnum):
    """What a version may hold."""

    STAGE = "stage"
    ALIAS = "alias"


KINDS: Final = frozenset(
    {
        ActivityKind.ALIAS_SET,
        ActivityKind.ALIAS_DELETED,
        ActivityKind.STAGE_CHANGED,
        ActivityKind.VERSION_DELETED,
        ActivityKind.VERSION_RESTORED,
        ActivityKind.VERSION_PURGED,
    }
)
"""The activities that say who holds what."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """A version held a stage or an alias from `since` until `until` (None: it does still).

    `by` is who gave it, `comment` why; `sequence` and `ended` are the entries of the history that
    began and ended it. A stage may be held by several versions at a time, an alias by one.
    """

    post: Post
    name: str
    version: int
    since: datetime
    by: str
    sequence: int
    comment: str = ""
    until: datetime | None = None
    ended: int | None = None

    def at(self, time: datetime) -> bool:
        """Say whether it was held at a time."""
        return self.since <= time and (self.until is None or time < self.until)

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "post": self.post.value,
            "name": self.name,
            "version": self.version,
            "since": time_to_json(self.since),
            "until": None if self.until is None else time_to_json(self.until),
            "by": self.by,
            "comment": self.comment,
            "sequence": self.sequence,
            "ended": self.ended,
        }

    @classmethod
    def from_json(cls, value: Json) -> Tenure:
        """Read what `to_json` wrote."""
        v = as_object(value, "a tenure")
        until = v["until"]
        return cls(
            post=Post(cast(str, v["post"])),
            name=cast(str, v["name"]),
            version=cast(int, v["version"]),
            since=time_from_json(cast(str, v["since"])),
            until=None if until is None else time_from_json(cast(str, until)),
            by=cast(str, v["by"]),
            comment=cast(str, v["comment"]),
            sequence=cast(int, v["sequence"]),
            ended=cast("int | None", v["ended"]),
        )


@dataclass(frozen=True, slots=True)
class Undone:
    """What a rollback did: the post that it is about, and who holds it again."""

    post: Post
    name: str
    versions: tuple[int, ...]
    instead_of: tuple[int, ...]

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "post": self.post.value,
            "name": self.name,
            "versions": list(self.versions),
            "instead_of": list(self.instead_of),
        }

    @classmethod
    def from_json(cls, value: Json) -> Undone:
        """Read what `to_json` wrote."""
        v = as_object(value, "a rollback")
        return cls(
            post=Post(cast(str, v["post"])),
            name=cast(str, v["name"]),
            versions=tuple(cast("list[int]", v["versions"])),
            instead_of=tuple(cast("list[int]", v["instead_of"])),
        )


def tenures(activities: Iterable[Activity]) -> list[Tenure]:
    """Return all tenures, by their beginning; `activities` are a whole history, oldest first.

    Entries of other kinds than `KINDS` are passed over, and may be missing.
    """
    reading = _Reading()
    for activity in activities:
        reading.read(activity)
    return sorted(reading.done + list(reading.held.values()), key=lambda tenure: tenure.sequence)


def holders(found: Sequence[Tenure], post: Post, name: str, time: datetime) -> list[Tenure]:
    """Return who held a stage or alias at a time, by version; the stage's case does not matter."""
    key = stage_key(name)
    return sorted(
        (
            tenure
            for tenure in found
            if tenure.post is post
            and (tenure.name == name or (post is Post.STAGE and stage_key(tenure.name) == key))
            and tenure.at(time)
        ),
        key=lambda tenure: tenure.version,
    )


class _Reading:
    """The state of things while a history is read."""

    def __init__(self) -> None:
        self.done: list[Tenure] = []
        self.held: dict[tuple[Post, str, int], Tenure] = {}
        self._left: dict[int, str] = {}  # the stage that a deleted version was in

    def read(self, activity: Activity) -> None:
        details, number = activity.details, activity.version
        match activity.kind:
            case ActivityKind.ALIAS_SET:
                alias = cast(str, details["alias"])
                self._end(activity, Post.ALIAS, alias, cast("int | None", details["from"]))
                self._begin(activity, Post.ALIAS, alias, cast(int, details["to"]))
            case ActivityKind.ALIAS_DELETED:
                alias = cast(str, details["alias"])
                self._end(activity, Post.ALIAS, alias, cast("int | None", details["from"]))
            case ActivityKind.STAGE_CHANGED if number is not None:
                self._end(activity, Post.STAGE, cast(str, details["from"]), number)
                self._begin(activity, Post.STAGE, cast(str, details["to"]), number)
            case ActivityKind.VERSION_DELETED | ActivityKind.VERSION_PURGED if number is not None:
                for post, name, version in list(self.held):
                    if version == number:
                        self._end(activity, post, name, version)
                        if post is Post.STAGE:
                            self._left[number] = name
            case ActivityKind.VERSION_RESTORED if number in self._left:
                self._begin(activity, Post.STAGE, self._left.pop(number), number)

    def _begin(self, activity: Activity, post: Post, name: str, version: int) -> None:
        if (post is Post.STAGE and name == NO_STAGE) or (post, name, version) in self.held:
            return  # to be in no stage is no tenure; a protected flag that changes begins none
        self.held[post, name, version] = Tenure(
            post, name, version, activity.at, activity.actor, activity.sequence, activity.comment
        )

    def _end(self, activity: Activity, post: Post, name: str, version: int | None) -> None:
        if version is None or (activity.details.get("to") == version and post is Post.ALIAS):
            return
        tenure = self.held.pop((post, name, version), None)
        if tenure is not None:
            self.done.append(replace(tenure, until=activity.at, ended=activity.sequence))
