"""All of a model, in whatever state it is; see `muniment.storage.wholes`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Iterator

from muniment.domain.entities import RegisteredModel
from muniment.storage.mongo import documents, entries
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection
from muniment.storage.mongo.uses import use_from
from muniment.storage.wholes import Belonging, WholeStore


class MongoWholeStore(WholeStore):
    """What the store reads of models to move them."""

    _db: Connection
    _commits: Commits

    def model_by_uuid(self, uuid: str) -> RegisteredModel | None:
        with self._db.guarded():
            found = self._db["models"].find_one({"uuid": uuid}, {"terms": 0})
        return None if found is None else documents.model_from(found)

    def belongings(self, model_id: int) -> Iterator[Belonging]:
        found = self._commits.settled(model_id)
        if found is None:
            return
        model = documents.model_from(found)
        of_model = {"model_id": model_id}
        for version in self._db.walk("versions", of_model, "number"):
            yield documents.version_from(version, model)
        yield from documents.references_of(found)
        for record in self._db.walk("records", of_model, "id"):
            yield entries.record_from(record)
        for remembered in self._db.walk("remembered", of_model, "key"):
            yield entries.remembered_from(remembered)
        with self._db.guarded():
            in_order = [("number", 1), ("consumer", 1), ("kind", 1)]
            uses = list(self._db["uses"].find(of_model).sort(in_order))
        for use in uses:
            yield use_from(use, model.name)
