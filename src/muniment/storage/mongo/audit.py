"""The audit log: one chain, whose end every append moves, and whose beginning may be cut off.

    audit_state    {_id: "audit", first, base, count, head, tail}      no tail: an empty log
    audit          {_id: its first sequence, last: its last, entries: JSON}

What was recorded in one call is one batch, of 16 MB at most. The chain is what `audit_state` says,
and only that:

    entries of `audit` from `first` on, up to the tail ──> the tail, up to `count`

An append is one compare-and-swap of `audit_state`, which puts its batch into `tail`; whoever
appends next copies that into `audit` before. So each batch is in `audit` before its successor is in
the tail; copying it twice does no harm. A cut is one compare-and-swap, too: it moves `first`, and
what is before that is not read any more. It is then removed, batch by batch; what a process that
died, or was slow, has left behind is removed by the next cut.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from muniment.domain.activities import Activity, Entry, chain
from muniment.domain.values import Json, canonical_json
from muniment.errors import Conflict, Unavailable
from muniment.storage.accounts import AUDIT, AuditHead
from muniment.storage.mongo.connection import Connection, Document

_STATE: Final = "audit_state"
_THE_STATE: Final = {"_id": AUDIT}
_TRIES: Final = 500  # whenever one fails, somebody else's has gone through
_PAUSES: Final = (0.002, 0.004, 0.008, 0.016, 0.032)  # seconds, at most

INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    AUDIT: [IndexModel([("last", ASCENDING)], name="by_last", unique=True)],
}


class AuditLog:
    """The part of `AccountStore` that is about the audit log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._states = connection[_STATE]
        self._batches = connection[AUDIT]

    def head(self) -> AuditHead:
        """Return where the chain stands."""
        with self._connection.guarded():
            return _head(self._states.find_one(_THE_STATE, {"tail": 0}))

    def append(self, entries: Sequence[Entry]) -> None:
        """Append to the chain, all or none."""
        for attempt in range(_TRIES):
            state = self._state()
            self._copy_tail(state)
            if self._swap(state, _with(state, entries)):
                return
            time.sleep(random.uniform(0, _PAUSES[min(attempt, len(_PAUSES) - 1)]))  # noqa: S311
        raise Unavailable(
            f"The audit log was written to by others for {_TRIES} times in a row.",
            hint="Try again.",
        )

    def entries(self, after: int, limit: int, newest_first: bool) -> list[Activity]:
        """Return a piece of the log; see `MetadataStore.activities`."""
        state = self._state()
        head = _head(state)
        if newest_first:
            end = min(after - 1, head.count) if after else head.count
            found = self._backwards(state, end, limit)
        else:
            found = self._forwards(state, max(after + 1, head.first), limit)
        return list(islice(found, limit))

    def begin(self, first: int, base: str) -> None:
        """Let the chain, which must be empty, begin elsewhere. Raises Conflict."""
        start = {"first": first, "base": base, "count": first - 1, "head": base, "tail": None}
        with self._connection.guarded():
            try:
                self._states.update_one({**_THE_STATE, "tail": None}, {"$set": start}, upsert=True)
            except DuplicateKeyError as error:
                raise Conflict(
                    "The audit log has entries: it can't begin anew.",
                    hint="Choose an empty registry.",
                ) from error

    def prune(self, before: datetime) -> int:
        """Cut off the entries that are older than a time; return how many.

        The log keeps its order, not the clock's: what comes after a younger entry stays with it.
        """
        while True:
            state = self._state()
            head = _head(state)
            kept, base = head.first, head.base
            for activity in self._forwards(state, head.first):
                if activity.at >= before or activity.sequence == head.count:
                    break
                kept, base = activity.sequence + 1, activity.hash
            if kept == head.first or self._cut(head.first, kept, base):
                with self._connection.guarded():
                    self._batches.delete_many({"last": {"$lt": kept}})
                return kept - head.first

    # -- writing ---------------------------------------------------------------------------------

    def _state(self) -> Document | None:
        with self._connection.guarded():
            return self._states.find_one(_THE_STATE)

    def _copy_tail(self, state: Document | None) -> None:
        if tail := _tail(state):
            with self._connection.guarded(), suppress(DuplicateKeyError):
                self._batches.insert_one(tail)

    def _swap(self, state: Document | None, new: Document) -> bool:
        """Put the new end of the chain in the place of that of `state`; False if it has moved."""
        with self._connection.guarded():
            if state is not None:
                end = {"count": state["count"], "head": state["head"]}
                moved = self._states.update_one({**_THE_STATE, **end}, {"$set": new})
                return moved.matched_count > 0
            try:
                self._states.insert_one({**_THE_STATE, "first": 1, "base": "", **new})
            except DuplicateKeyError:
                return False
            return True

    def _cut(self, first: int, kept: int, base: str) -> bool:
        new = {"$set": {"first": kept, "base": base}}
        with self._connection.guarded():
            return self._states.update_one({**_THE_STATE, "first": first}, new).matched_count > 0

    # -- reading ---------------------------------------------------------------------------------

    def _forwards(self, state: Document | None, first: int, limit: int = 0) -> Iterator[Activity]:
        """Yield the entries from `first` on, at least `limit` of them (0: all)."""
        if (tail := _tail(state)) is None:
            return
        asked = {"last": {"$gte": first, "$lt": tail["_id"]}}
        with self._connection.guarded():
            for batch in self._batches.find(asked).sort("last", ASCENDING).limit(limit):
                yield from (a for a in _activities(batch) if a.sequence >= first)
        yield from (a for a in _activities(tail) if a.sequence >= first)

    def _backwards(self, state: Document | None, end: int, limit: int) -> Iterator[Activity]:
        """Yield the entries from `end` back to the first, at least `limit` of them."""
        if (tail := _tail(state)) is None:
            return
        first = _head(state).first

        def wanted(batch: Document) -> Iterator[Activity]:
            return (a for a in reversed(_activities(batch)) if first <= a.sequence <= end)

        yield from wanted(tail)
        asked = {"_id": {"$lte": end, "$lt": tail["_id"]}, "last": {"$gte": first}}
        with self._connection.guarded():
            for batch in self._batches.find(asked).sort("_id", DESCENDING).limit(limit):
                yield from wanted(batch)


def _tail(state: Document | None) -> Document | None:
    """Return the last batch, None in an empty log."""
    return None if state is None else state["tail"]


def _head(state: Document | None) -> AuditHead:
    if state is None:
        return AuditHead(first=1, count=0, base="", head="")
    return AuditHead(state["first"], state["count"], state["base"], state["head"])


def _with(state: Document | None, entries: Sequence[Entry]) -> Document:
    """Return the end of the chain of `state`, once `entries` are appended."""
    head = _head(state)
    sequence, previous = head.count, head.head
    added: list[Json] = []
    for entry in entries:
        sequence += 1
        activity = chain(entry, model_uuid=AUDIT, sequence=sequence, previous=previous)
        added.append(activity.to_json())
        previous = activity.hash
    tail = {"_id": head.count + 1, "last": sequence, "entries": canonical_json(added).decode()}
    return {"count": sequence, "head": previous, "tail": tail}


def _activities(batch: Document) -> list[Activity]:
    return [*map(Activity.from_json, json.loads(batch["entries"]))]
