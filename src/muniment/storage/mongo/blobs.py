"""Blobs as the metadata knows them, and how they are collected while versions are committed.

    blobs   {_id: digest, size, leased_at, state, by}

    (none) ── add ──> known ── doubt ──> doubted by X ── forget ──> forgotten ── removed ──> (none)
                        ▲ ▲                 │   │
                        │ └──── X: needed ──┘   │
                        └── add, lease, commit ─┘

Every arrow is one atomic change of one document, which looks at the state (and, where it says X, at
who doubts) that it starts from. Only known and doubted blobs count as known.

That no version and no file loses a blob follows from the order of steps on both sides:

    commit                                    collector X
    1 write: pin the manifest                 1 write: doubt, if nobody has leased it since
    2 read: all blobs are here;               2 read: is there a manifest with a pin, or named by a
      what is doubted is made known             version, or a file, that needs it? then: known again
    3 insert the commit, apply it             3 write: forget, if it is still doubted by X
    4 take the pin away                       4 remove the bytes

Each writes before it reads. If X doubts before the commit looks, the commit makes the blob known
again, and 3 of X fails; or 3 of X comes first, and the commit finds the blob missing. If X doubts
after the commit has looked, X finds the pin; or the pin is gone already, and X finds the version,
for he looks for pins first. With files the pin is the field `next` of the file: see `files`.

Bytes are removed only after the blob is durably forgotten, and until that is done nobody can make
it known again: `add` waits. Who removes stands in `removers`, with a time by which he will be done
or dead; `add` waits until then at most.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from uuid import uuid4

from pymongo import errors

from muniment.domain.values import from_millis, to_millis
from muniment.errors import Unavailable
from muniment.storage.metadata import BlobRecord
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.manifests import Manifests, pieces

_KNOWN: Final[Document] = {"$in": ["known", "doubted"]}
_REMOVAL_SECONDS: Final = 60.0
_PATIENCE: Final = 20.0


class Blobs:
    """All blobs."""

    def __init__(self, connection: Connection, manifests: Manifests) -> None:
        self._db = connection
        self._manifests = manifests

    def add(self, digest: str, size: int, now: datetime) -> None:
        """Make a blob known, or renew its lease. Raises Unavailable while it is being removed."""
        leased = {"state": "known", "leased_at": to_millis(now)}
        waited_since = time.monotonic()
        while True:
            with self._db.guarded():
                renewed = self._db["blobs"].update_one(
                    {"_id": digest, "state": _KNOWN}, {"$set": leased}
                )
                if renewed.matched_count:
                    return
                try:
                    self._db["blobs"].insert_one({"_id": digest, "size": size, **leased})
                    return
                except errors.DuplicateKeyError:
                    pass
            if not self._removal_is_over(digest):
                if time.monotonic() - waited_since > _PATIENCE:
                    raise Unavailable(
                        f"The bytes of {digest} are just being removed.", hint="Try again later."
                    )
                time.sleep(random.uniform(0.002, 0.02))  # noqa: S311

    def lease(self, digests: Iterable[str], now: datetime) -> dict[str, int]:
        """Renew the leases of the digests that are known; return their sizes."""
        sizes: dict[str, int] = {}
        with self._db.guarded():
            for piece in pieces(digests):
                these = {"_id": {"$in": piece}, "state": _KNOWN}
                self._db["blobs"].update_many(
                    these, {"$set": {"state": "known", "leased_at": to_millis(now)}}
                )
                found = self._db["blobs"].find(these, {"size": 1})
                sizes |= {blob["_id"]: int(blob["size"]) for blob in found}
        return sizes

    def known(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those of the digests that are known."""
        found: set[str] = set()
        with self._db.guarded():
            for piece in pieces(digests):
                these = {"_id": {"$in": piece}, "state": _KNOWN}
                found.update(blob["_id"] for blob in self._db["blobs"].find(these, {"_id": 1}))
        return frozenset(found)

    # -- garbage ---------------------------------------------------------------------------------

    def collectable(
        self, leased_before: datetime, limit: int, deleted_before: datetime | None
    ) -> list[BlobRecord]:
        """Return blobs that nothing needs and nobody has leased since, least recently first."""
        free: list[BlobRecord] = []
        candidates = {"state": _KNOWN, "leased_at": {"$lt": to_millis(leased_before)}}
        with self._db.guarded():
            found = self._db["blobs"].find(candidates).sort([("leased_at", 1), ("_id", 1)])
            for piece in pieces(found):
                needed = self._needed([blob["_id"] for blob in piece], deleted_before)
                free += [_record_from(blob) for blob in piece if blob["_id"] not in needed]
                if len(free) >= limit:
                    break
        return free[:limit]

    def collect(self, digest: str, leased_before: datetime, remove: Callable[[], None]) -> bool:
        """See `MetadataStore.collect_blob`."""
        me = uuid4().hex
        if not self._forget(digest, to_millis(leased_before), me):
            return False
        try:
            remove()
        finally:
            with self._db.guarded():
                self._db["blobs"].update_one({"_id": digest}, {"$unset": {f"removers.{me}": ""}})
                self._db["blobs"].delete_one({"_id": digest, "state": "forgotten", "removers": {}})
        return True

    def _forget(self, digest: str, leased_before: int, me: str) -> bool:
        """Say whether the blob is forgotten now, with this remover among those it has."""
        blobs, removers = self._db["blobs"], {me: time.time() + _REMOVAL_SECONDS}
        forgotten = {"state": "forgotten", "removers": removers}
        while True:
            with self._db.guarded():
                blob = blobs.find_one({"_id": digest})
                if blob is None:
                    try:
                        blobs.insert_one({"_id": digest, **forgotten})
                        return True
                    except errors.DuplicateKeyError:
                        continue
                if blob["state"] == "forgotten":
                    joined = {"$set": {f"removers.{me}": removers[me]}}
                    this = {"_id": digest, "state": "forgotten"}
                    if blobs.update_one(this, joined).matched_count:
                        return True
                    continue
                if blob["leased_at"] >= leased_before:
                    return False
                unleased = {"_id": digest, "leased_at": {"$lt": leased_before}}
                doubted = {"$set": {"state": "doubted", "by": me}}
                if not blobs.update_one({**unleased, "state": _KNOWN}, doubted).matched_count:
                    continue
            is_needed = bool(self._needed([digest], None))
            mine = {**unleased, "state": "doubted", "by": me}
            with self._db.guarded():
                if is_needed:
                    blobs.update_one(mine, {"$set": {"state": "known"}})
                    return False
                if blobs.update_one(mine, {"$set": forgotten}).matched_count:
                    return True

    def _needed(self, digests: list[str], deleted_before: datetime | None) -> set[str]:
        """Return those of the digests that anybody needs."""
        # In this order: a pin goes only after its version has come.
        listing, pinned = self._manifests.with_blobs(digests)
        named = self._manifests.named([*listing, *digests], deleted_before)
        needed = named.intersection(digests)
        needed |= self._manifests.listed((named & listing) | pinned, digests)
        these = {"$in": digests}
        with self._db.guarded():
            files = self._db["files"].find(
                {"$or": [{"digest": these}, {"next.digest": these}]}, {"digest": 1, "next": 1}
            )
            for file in files:
                coming = file["next"]
                needed.update((file["digest"], coming["digest"] if coming else ""))
        return needed.intersection(digests)

    def _removal_is_over(self, digest: str) -> bool:
        """Say whether nobody removes the blob's bytes any more, or all who did so are dead."""
        with self._db.guarded():
            blob = self._db["blobs"].find_one({"_id": digest})
            if blob is None or blob["state"] != "forgotten":
                return True
            if any(until > time.time() for until in blob["removers"].values()):
                return False
            return self._db["blobs"].delete_one(blob).deleted_count > 0


def _record_from(blob: Document) -> BlobRecord:
    return BlobRecord(blob["_id"], int(blob["size"]), from_millis(blob["leased_at"]))
