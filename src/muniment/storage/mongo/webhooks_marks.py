"""Up to which of its activities each model was dispatched: `dispatched` and `behind` of `models`.

`behind` is set by every change that records something, and taken back by whoever moves the mark to
the last activity there is, in one step that compares: what is recorded meanwhile sets it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from pymongo import ASCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from muniment.errors import Unavailable
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.webhooks import Undispatched

_BEHIND = {"behind": True}


class Marks:
    """What the store of webhooks reads and writes in the models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._models = connection["models"]

    def any_behind(self) -> bool:
        """Say whether there is a model with activities behind its mark."""
        with self._connection.guarded():
            return self._models.find_one(_BEHIND, {"_id": 1}) is not None

    def behind(self, limit: int) -> Sequence[Undispatched]:
        """Return models with activities behind their marks, by id."""
        with self._connection.guarded():
            found = self._models.find(_BEHIND).sort("id", ASCENDING).limit(limit)
            return [*map(_undispatched, found)]

    def counted(self) -> Sequence[tuple[int, int]]:
        """Return id and number of activities of all models that are behind."""
        with self._connection.guarded():
            found = self._models.find(_BEHIND, {"id": 1, "activity_count": 1})
            return [(model["id"], model["activity_count"]) for model in found]

    def move(self, model_id: int, upto: int) -> None:
        """Move a model's mark; never back."""
        self.move_all([(model_id, upto)])

    def move_all(self, marks: Sequence[tuple[int, int]]) -> None:
        """Move marks; none of them back."""
        moves = [move for model_id, upto in marks for move in _moves(model_id, upto)]
        if not moves:
            return
        with self._connection.guarded():
            try:
                self._models.bulk_write(moves)
            except BulkWriteError as error:
                raise Unavailable(
                    f"MongoDB at {self._connection.where} has not moved the marks of webhooks.",
                    hint="Try again: what was told is not told twice.",
                ) from error


def _moves(model_id: int, upto: int) -> Iterator[UpdateOne]:
    model: Document = {"_id": str(model_id)}
    moved: Document = {"$max": {"dispatched": upto}}
    all_of_it: Document = {"activity_count": {"$lte": upto}}
    yield UpdateOne({**model, **all_of_it}, {**moved, "$set": {"behind": False}})
    yield UpdateOne(model, moved)


def _undispatched(model: Document) -> Undispatched:
    return Undispatched(
        model_id=model["id"],
        uuid=model["uuid"],
        workspace=model["workspace"],
        name=model["name"],
        tags=orjson.loads(model["tags"]),
        dispatched=model.get("dispatched", 0),
        activity_count=model["activity_count"],
    )
