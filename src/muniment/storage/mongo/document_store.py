"""What workspaces have settled: one document by name each, replaced by its revision."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import orjson
from pymongo import errors

from muniment.domain.values import JsonObject
from muniment.errors import PreconditionFailed
from muniment.storage.documents import Document, DocumentStore
from muniment.storage.mongo import connection
from muniment.storage.mongo.connection import Connection


class MongoDocumentStore(DocumentStore):
    """See `muniment.storage.documents`."""

    _db: Connection

    @abstractmethod
    def _require_workspace(self, name: str) -> None:
        """Raise NotFound unless there is a workspace with this name."""

    def document(self, workspace: str, name: str) -> Document | None:
        with self._db.guarded():
            found = self._db["documents"].find_one({"_id": f"{workspace}/{name}"})
        return None if found is None else _document_from(found)

    def documents(self, workspace: str) -> Sequence[Document]:
        with self._db.guarded():
            found = self._db["documents"].find({"workspace": workspace}).sort("name", 1)
            return [*map(_document_from, found)]

    def save_document(
        self, workspace: str, name: str, body: JsonObject, *, expect: int
    ) -> Document:
        self._require_workspace(workspace)
        saved = {
            "_id": f"{workspace}/{name}",
            "workspace": workspace,
            "name": name,
            "body": orjson.dumps(body).decode(),
            "revision": expect + 1,
        }
        documents = self._db["documents"]
        with self._db.guarded():
            if expect:
                this = {"_id": saved["_id"], "revision": expect}
                done = documents.replace_one(this, saved).matched_count > 0
            else:
                try:
                    documents.insert_one(saved)
                    done = True
                except errors.DuplicateKeyError:
                    done = False
        if not done:
            raise PreconditionFailed(
                f"The document {name!r:.200} was changed in the meantime: "
                + (f"its revision is {expect} no more." if expect else "somebody has stored it."),
                hint="Read it again, and repeat the change if it still makes sense.",
            )
        return Document(name, body, expect + 1)


def _document_from(found: connection.Document) -> Document:
    return Document(found["name"], orjson.loads(found["body"]), int(found["revision"]))
