"""Manifests: which blobs versions need. How they are kept from collectors is said in `blobs`.

    manifests   {_id: digest, blobs: [digest, …], generation, pins: {"5/7/token": since}}

A manifest is in use while a version names it, or a pin: somebody is about to commit a version that
does. The manifest's own blob is among its blobs.

Pins of processes that died are not waited for for ever: once one is old, its commit is either there
(then the version is) or is made impossible by an empty one with its number. So a pin that somebody
takes away was in vain for sure, whatever the clocks say.

Whoever pins raises the generation, and a manifest is forgotten only at the generation that was seen
before looking for pins and versions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from pymongo import errors

from muniment.domain.manifest import Manifest
from muniment.domain.values import to_millis
from muniment.errors import MissingBlobs
from muniment.storage.mongo.commits import Commits, unpin
from muniment.storage.mongo.connection import Connection, Document

T = TypeVar("T")
PIECE: Final = 5_000
"""Digests asked for at once: 64 characters each, where a message may have 48 MB."""
_PIN_SECONDS: Final = 60.0
_LISTED: Final = 100
_HERE: Final = frozenset({"known", "doubted"})  # who doubts once more has seen the pin


def pieces(items: Iterable[T], size: int = PIECE) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


def refuse_missing(connection: Connection, manifest: Manifest) -> None:
    """Raise MissingBlobs unless all blobs of a manifest, and its own, are known.

    Blobs that a collector has an eye on are rescued from him.
    """
    needed = _blobs_of(manifest)
    missing: list[str] = []
    with connection.guarded():
        for piece in pieces(needed):
            found = connection["blobs"].find({"_id": {"$in": piece}}, {"state": 1})
            states = {blob["_id"]: blob["state"] for blob in found}
            if doubted := [digest for digest, state in states.items() if state == "doubted"]:
                connection["blobs"].update_many(
                    {"_id": {"$in": doubted}, "state": "doubted"}, {"$set": {"state": "known"}}
                )
                found = connection["blobs"].find({"_id": {"$in": doubted}}, {"state": 1})
                states |= dict.fromkeys(doubted, "") | {b["_id"]: b["state"] for b in found}
            missing += [digest for digest in piece if states.get(digest) not in _HERE]
    if missing:
        raise MissingBlobs(
            f"{len(missing)} of the {len(needed)} blobs that the manifest needs are not known.",
            hint="Upload them, then commit again.",
            details={"missing": missing[:_LISTED], "count": len(missing)},
        )


def _blobs_of(manifest: Manifest) -> list[str]:
    return sorted(manifest.digests | {manifest.digest})


class Manifests:
    """All manifests, and who needs them."""

    def __init__(self, connection: Connection, commits: Commits) -> None:
        self._db = connection
        self._commits = commits

    def pin(self, manifest: Manifest, pin: str) -> None:
        """Keep a manifest for a commit that is to come. Raises MissingBlobs, and keeps it not."""
        pinned = {
            "$inc": {"generation": 1},
            "$set": {f"pins.{pin}": int(time.time())},
            "$setOnInsert": {"blobs": _blobs_of(manifest)},
        }
        while True:
            try:
                with self._db.guarded():
                    self._db["manifests"].update_one({"_id": manifest.digest}, pinned, upsert=True)
                break
            except errors.DuplicateKeyError:  # another process has made it at the same time
                continue
        try:
            refuse_missing(self._db, manifest)  # once it is pinned: see `blobs`
        except MissingBlobs:
            self.unpin(manifest, pin)
            raise

    def unpin(self, manifest: Manifest, pin: str) -> None:
        """Undo `pin` for a commit that will not come."""
        with self._db.guarded():
            unpin(self._db, manifest.digest, pin)

    # -- who needs what --------------------------------------------------------------------------

    def with_blobs(self, digests: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return the manifests that list any of the blobs: all of them, and those pinned."""
        with self._db.guarded():
            found = list(self._db["manifests"].find({"blobs": {"$in": digests}}, {"pins": 1}))
        return {m["_id"] for m in found}, {m["_id"] for m in found if self._is_pinned(m)}

    def named(self, digests: Iterable[str], deleted_before: datetime | None = None) -> set[str]:
        """Return those of the digests that versions name, which are not purgeable by then."""
        kept: Document = {}
        if deleted_before is not None:
            before = to_millis(deleted_before)
            with self._db.guarded():
                gone = self._db["models"].find({"deleted_at": {"$lt": before}}, {"id": 1})
                gone_ids = [model["id"] for model in gone if model.get("id")]
            kept = {
                "model_id": {"$nin": gone_ids},
                "$or": [{"deleted_at": None}, {"deleted_at": {"$gte": before}}],
            }
        found: set[str] = set()
        with self._db.guarded():
            for piece in pieces(digests):
                versions = self._db["versions"].find(
                    {"digest": {"$in": piece}, **kept}, {"_id": 0, "digest": 1}
                )
                found.update(version["digest"] for version in versions)
        return found

    def listed(self, manifests: Iterable[str], digests: Iterable[str]) -> set[str]:
        """Return those of the digests that the manifests list."""
        wanted, found = set(digests), set[str]()
        with self._db.guarded():
            for piece in pieces(manifests):
                for manifest in self._db["manifests"].find({"_id": {"$in": piece}}, {"blobs": 1}):
                    found |= wanted.intersection(manifest["blobs"])
        return found

    def unused(self, deleted_before: datetime | None) -> Iterator[Document]:
        """Yield the manifests that no version (that is not purgeable by then) names."""
        every = self._db.walk("manifests", {}, "_id", pins=1, generation=1)
        for piece in pieces(every):
            free = [manifest for manifest in piece if not self._is_pinned(manifest)]
            named = self.named((manifest["_id"] for manifest in free), deleted_before)
            yield from (manifest for manifest in free if manifest["_id"] not in named)

    def drop_unused(self) -> int:
        """Forget the manifests that no version names; return how many."""
        dropped = 0
        for manifest in self.unused(None):
            with self._db.guarded():
                gone = self._db["manifests"].delete_one(
                    {"_id": manifest["_id"], "generation": manifest["generation"]}
                )
            dropped += gone.deleted_count
        return dropped

    def _is_pinned(self, manifest: Document) -> bool:
        """Say whether a commit may still come that names the manifest; take away old pins."""
        pinned = False
        for pin, since in manifest.get("pins", {}).items():
            model_id, sequence = map(int, pin.split("/")[:2])
            if not self._commits.exists(model_id, sequence):
                if abs(time.time() - since) < _PIN_SECONDS:
                    pinned = True
                    continue
                self._commits.void(model_id, sequence)
            self._commits.settled(model_id)
            with self._db.guarded():
                unpin(self._db, manifest["_id"], pin)
        return pinned
