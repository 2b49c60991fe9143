"""Who may name a blob: those who claimed it, and the models that hold it.

digest ──> manifests.blobs ──digest──> versions ──> models
   └──────────────digest──────────────────┘
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from muniment.storage.mongo import accounts_documents as documents
from muniment.storage.mongo.connection import Connection, Document, Documents

_ASKED_AT_ONCE: Final = 5_000  # values in a list; far from the 16 MB that a question may take


class Holders:
    """The part of `AccountStore` that is about blobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._claims = connection[documents.CLAIMS]
        self._manifests = connection["manifests"]
        self._versions = connection["versions"]
        self._models = connection["models"]

    def claim(self, digest: str, workspace: str, actor: str, now: datetime) -> None:
        """See `AccountStore.claim_blob`."""
        claim = documents.claim_document(digest, workspace, actor, now)
        with self._connection.guarded(), suppress(DuplicateKeyError):
            self._claims.insert_one(claim)

    def claimed(self, digests: Sequence[str], workspace: str, actor: str) -> frozenset[str]:
        """See `AccountStore.claimed_blobs`."""
        theirs = {"workspace": workspace, "actor": actor}
        found = self._among(self._claims, "digest", digests, theirs, ("digest",))
        return frozenset(claim["digest"] for claim in found)

    def holding(self, digests: Sequence[str], workspace: str) -> list[tuple[str, int]]:
        """See `AccountStore.models_with_blobs`."""
        asked = frozenset(digests)
        of_manifest = defaultdict(set, {digest: {digest} for digest in asked})
        for manifest in self._among(self._manifests, "blobs", [*asked], {}, ("blobs",)):
            of_manifest[manifest["_id"]] |= asked.intersection(manifest["blobs"])
        live = {"live": True}
        held = {
            (digest, int(version["model_id"]))
            for version in self._among(
                self._versions, "digest", [*of_manifest], live, ("digest", "model_id")
            )
            for digest in of_manifest[version["digest"]]
        }
        here = {"workspace": workspace, "live": True}
        ids = list({model_id for _, model_id in held})
        models = {model["id"] for model in self._among(self._models, "id", ids, here, ("id",))}
        return [(digest, model_id) for digest, model_id in held if model_id in models]

    def _among(
        self,
        collection: Documents,
        field: str,
        values: Sequence[Any],
        others: Mapping[str, Any],
        wanted: Sequence[str],
    ) -> Iterator[Document]:
        """Yield the documents with one of any number of values in a field, in pieces."""
        for start in range(0, len(values), _ASKED_AT_ONCE):
            piece = {"$in": list(values[start : start + _ASKED_AT_ONCE])}
            with self._connection.guarded():
                yield from collection.find({field: piece, **others}, dict.fromkeys(wanted, 1))
