"""The LeaseStore over MongoDB: one document for each name, changed in one step, or added.

leases    {_id: name, holder, until}
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo.errors import DuplicateKeyError

from muniment.domain.values import to_millis
from muniment.storage.leases import LeaseStore
from muniment.storage.mongo.connection import Connection

LEASES: Final = "leases"


class MongoLeaseStore(LeaseStore):
    """See `muniment.storage.leases.LeaseStore`. Whoever opened the connection closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._leases = connection[LEASES]

    def lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        held = {"holder": holder, "until": to_millis(until)}
        mine_or_over = [{"holder": holder}, {"until": {"$lte": to_millis(now)}}]
        with self._connection.guarded():
            renewed = self._leases.update_one({"_id": name, "$or": mine_or_over}, {"$set": held})
            if renewed.matched_count:
                return True
            try:
                self._leases.insert_one({"_id": name, **held})
            except DuplicateKeyError:  # somebody else's
                return False
        return True
