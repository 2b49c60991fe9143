"""Who used which version, counted.

Uses that come together count together, so each batch is first written as one document, under the
next number; that is its commit point. Then it is counted, use by use: a count remembers the number
of the last batch in it and takes no batch twice. Batch 8 is written only by who has seen 7 counted;
whoever reads does the same. So nobody sees half of a batch, and none is lost or counted twice.

    counters    {_id: "uses", last: 7}       batches up to 7 are counted
    use_batches {_id: "8", uses: […]}        kept a while after they are, so that no number is used
                                             twice by one who slept
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from typing import Any, Final

from pymongo import errors

from muniment.domain.deployments import Use, UseKind
from muniment.domain.values import from_millis, to_millis
from muniment.errors import Unavailable
from muniment.storage.mongo.connection import Connection, Document

_KEPT: Final = 10_000
_PATIENCE: Final = 30.0
_ORDER: Final = [("last_at", -1), ("model_id", 1), ("number", 1), ("consumer", 1), ("kind", 1)]


class Uses:
    """All uses."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._one_adds = Lock()  # others in this process would only lose the race

    def add(self, uses: Iterable[Use]) -> None:
        """Count uses; those of versions that are gone are passed over."""
        batch = {"uses": [*_summed(uses).values()]}
        if not batch["uses"]:
            return
        began = time.monotonic()
        with self._one_adds:
            while time.monotonic() - began < _PATIENCE:
                number = self._counted() + 1
                try:
                    with self._db.guarded():
                        self._db["use_batches"].insert_one({**batch, "_id": str(number)})
                except errors.DuplicateKeyError:
                    time.sleep(random.uniform(0, 0.01))  # noqa: S311
                    continue
                self._count(number, batch)
                return
        raise Unavailable("Too many others are counting uses.", hint="Try again.")

    def find(
        self,
        workspace: str,
        *,
        model_id: int | None,
        version: int | None,
        consumer: str | None,
        since: datetime | None,
        limit: int,
    ) -> list[Use]:
        """Return what `RecordStore.uses` does."""
        self._counted()
        given = {"model_id": model_id, "number": version, "consumer": consumer}
        where: Document = {key: value for key, value in given.items() if value is not None}
        if since is not None:
            where["last_at"] = {"$gte": to_millis(since)}
        names: dict[int, str | None] = {}
        found: list[Use] = []
        with self._db.guarded():
            for use in self._db["uses"].find({"workspace": workspace, **where}).sort(_ORDER):
                of = use["model_id"]
                if of not in names:
                    model = self._db["models"].find_one({"_id": str(of)}, {"name": 1, "live": 1})
                    names[of] = model["name"] if model and model["live"] else None
                name = names[of]
                if name is not None:
                    found.append(use_from(use, name))
                    if len(found) == limit:
                        break
        return found

    def drop(self, before: datetime) -> int:
        """Forget uses that were last counted earlier; return how many."""
        self._counted()
        with self._db.guarded():
            old = self._db["uses"].delete_many({"last_at": {"$lt": to_millis(before)}})
        return old.deleted_count

    def _counted(self) -> int:
        """Return the number of the last batch, once it is counted."""
        while True:
            with self._db.guarded():
                counter = self._db["counters"].find_one({"_id": "uses"})
                last = 0 if counter is None else int(counter["last"])
                batch = self._db["use_batches"].find_one({"_id": str(last + 1)})
            if batch is None:
                return last
            self._count(last + 1, batch)

    def _count(self, number: int, batch: Document) -> None:
        with self._db.guarded():
            for use in batch["uses"]:
                self._count_one(number, use)
            try:
                self._db["counters"].update_one(
                    {"_id": "uses"}, {"$max": {"last": number}}, upsert=True
                )
            except errors.DuplicateKeyError:
                self._db["counters"].update_one({"_id": "uses"}, {"$max": {"last": number}})
            self._db["use_batches"].delete_one({"_id": str(number - _KEPT)})

    def _count_one(self, number: int, use: Document) -> None:
        version = self._db["versions"].find_one(
            {"_id": f"{use['model_id']}/{use['number']}"}, {"workspace": 1}
        )
        if version is None or "workspace" not in version:
            return  # it was purged
        key = {name: use[name] for name in ("model_id", "number", "kind", "consumer")}
        change = {
            "$inc": {"count": use["count"]},
            "$min": {"first_at": use["first_at"]},
            "$max": {"last_at": use["last_at"], "named": use["named"]},
            "$set": {**key, "workspace": version["workspace"], "batch": number},
        }
        this = {"_id": "/".join(map(str, key.values())), "batch": {"$lt": number}}
        try:
            self._db["uses"].update_one(this, change, upsert=True)
        except errors.DuplicateKeyError:
            return  # the batch is in it


def _summed(uses: Iterable[Use]) -> dict[tuple[Any, ...], Document]:
    together: dict[tuple[Any, ...], Document] = {}
    for use in uses:
        key = use.model_id, use.version, use.kind.value, use.consumer
        first, last = to_millis(use.first_at), to_millis(use.last_at)
        same = together.setdefault(
            key,
            {
                "model_id": use.model_id,
                "number": use.version,
                "kind": use.kind.value,
                "consumer": use.consumer,
                "named": 0,
                "first_at": first,
                "last_at": last,
                "count": 0,
            },
        )
        same["named"] = max(same["named"], int(use.named))
        same["first_at"] = min(same["first_at"], first)
        same["last_at"] = max(same["last_at"], last)
        same["count"] += use.count
    return together


def use_from(d: Document, model: str) -> Use:
    """Read a document of `uses`; `model` is the name that its model has now."""
    return Use(
        model=model,
        version=int(d["number"]),
        consumer=d["consumer"],
        named=bool(d["named"]),
        kind=UseKind(d["kind"]),
        first_at=from_millis(d["first_at"]),
        last_at=from_millis(d["last_at"]),
        count=int(d["count"]),
        model_id=d["model_id"],
    )
