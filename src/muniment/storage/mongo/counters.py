"""Where ids come from: one document for each kind of thing, whose number only ever grows.

    counters    {_id: "users", last: 17}

An id is taken before what it names is written. A process that dies in between leaves a gap.
"""

from __future__ import annotations

from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from muniment.storage.mongo.connection import Connection

COUNTERS: Final = "counters"


def keep_below(connection: Connection, kind: str, taken: int) -> None:
    """See to it that ids taken from now on are above one that came from elsewhere."""
    while True:
        with connection.guarded():
            try:
                connection[COUNTERS].update_one(
                    {"_id": kind}, {"$max": {"last": taken}}, upsert=True
                )
                return
            except DuplicateKeyError:
                continue


def next_id(connection: Connection, kind: str) -> int:
    """Give out an id: positive, above all those before, used once."""
    while True:
        with connection.guarded():
            try:
                counter = connection[COUNTERS].find_one_and_update(
                    {"_id": kind},
                    {"$inc": {"last": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                continue  # two at once took the first one; now the counter is there
        if counter is not None:  # as it never is after an upsert
            return int(counter["last"])
