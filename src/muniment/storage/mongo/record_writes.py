"""The lifecycle's part of a transaction; see `muniment.storage.records`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muniment.domain.records import Record, RecordKind
from muniment.domain.stages import Stage
from muniment.errors import AlreadyExists, NotFound
from muniment.storage.metadata import ModelKey
from muniment.storage.mongo import documents, entries, stages
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.counters import keep_below, next_id
from muniment.storage.mongo.draft import Draft
from muniment.storage.records import RecordTransaction


class MongoRecordTransaction(Draft, RecordTransaction):
    """What a transaction does with records, in memory until `write_records`."""

    def __init__(self, connection: Connection, key: ModelKey, base: Document | None) -> None:
        super().__init__(connection, key, base)
        self._records: dict[int, Record | None] = {}  # those written; None: dropped
        self._added_records: set[int] = set()

    def stages(self) -> Sequence[Stage]:
        return stages.of_workspace(self._db, self._workspace)

    def records(
        self, kind: RecordKind, *, version: int | None = None, state: str | None = None
    ) -> Sequence[Record]:
        where: Document = {"kind": kind.value}
        if version is not None:
            where["number"] = version
        if state is not None:
            where["state"] = state
        written = [
            record
            for record in self._records.values()
            if record is not None
            and record.kind is kind
            and version in (None, record.version)
            and state in (None, record.state)
        ]
        return sorted([*written, *self._unwritten_records(where)], key=lambda record: record.id)

    def record_by_id(self, record_id: int) -> Record | None:
        model = self.model()
        if model is None:
            return None
        if record_id in self._records:
            return self._records[record_id]
        with self._db.guarded():
            found = self._db["records"].find_one({"_id": str(record_id)})
        if found is None or "gone" in found or found["model_id"] != model.id:
            return None
        self._check(found)
        return entries.record_from(found)

    def add_record(self, record: Record) -> Record:
        model = self.model()
        if model is None:
            raise NotFound("There is no model that the record could belong to.")
        added = replace(record, id=self._record_id(record), model_id=model.id)
        self._added_records.add(added.id)
        self._write_record(added.id, added)
        return added

    def save_record(self, record: Record) -> None:
        old = self.record_by_id(record.id)
        if old is None:
            raise NotFound(f"The model has no record {record.id}.")
        saved = replace(
            record, id=old.id, model_id=old.model_id, kind=old.kind, created_at=old.created_at
        )
        self._write_record(old.id, saved)

    def drop_record(self, record_id: int) -> None:
        if self.record_by_id(record_id) is not None:
            self._write_record(record_id, None)

    def drop_records_of(self, version: int) -> None:
        """Remove all records that are about a version."""
        for record in self._unwritten_records({"number": version}):
            self._write_record(record.id, None)
        for record_id, written in self._records.items():
            if written is not None and written.version == version:
                self._records[record_id] = None

    def write_records(self, added: list[Document], changed: list[Document]) -> None:
        """Put what is to be inserted, and what is to be replaced, to the rest of a commit."""
        for record_id, record in self._records.items():
            is_new = record_id in self._added_records
            if record is not None:
                document = entries.record_document(record, self._workspace)
            elif is_new:
                continue
            else:
                document = documents.stone(str(record_id), self._held().id)
            (added if is_new else changed).append({"c": "records", "d": document})

    def _record_id(self, record: Record) -> int:
        """Return a new id, or the one that the record comes with."""
        if not record.id:
            return next_id(self._db, "record")
        with self._db.guarded():
            there = self._db["records"].find_one({"_id": str(record.id)}, {"_id": 1})
        if there is not None or record.id in self._records:
            raise AlreadyExists(
                f"There is a record {record.id} already.", details={"field": "id", "id": record.id}
            )
        keep_below(self._db, "record", record.id)
        return record.id

    def _write_record(self, record_id: int, record: Record | None) -> None:
        self._records[record_id] = record
        self._is_changed = True

    def _unwritten_records(self, where: Document) -> list[Record]:
        model = self.model()
        if model is None:
            return []
        with self._db.guarded():
            found = list(self._db["records"].find({"model_id": model.id, **where}))
        unwritten = [document for document in found if document["id"] not in self._records]
        for document in unwritten:
            self._check(document)
        return [entries.record_from(document) for document in unwritten]
