"""What is filed with models, read for one caller.

A record of a model that the caller may not read is as if it were not there: not found by its id,
passed over in lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from muniment.domain.access import Asked, Verb
from muniment.domain.entities import Page, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.services.base import Service, no_model
from muniment.services.pages import page_of, place_of
from muniment.storage.metadata import ModelId, Transaction

T = TypeVar("T")


class Records(Service):
    """What comments, lineage and deployments have in common."""

    def _readable(self, name: str) -> RegisteredModel:
        """Return a live model that the caller may read. Raises NotFound."""
        model = self._store.model(self._key(name))
        if model is None:
            raise no_model(name)
        return self._permitted(Verb.READ, model)

    def _model_of(self, record: Record) -> RegisteredModel | None:
        """Return the model of a record, unless it was deleted or the caller may not read it."""
        model = self._store.model(ModelId(self._caller.workspace, record.model_id))
        if model is None or model.deleted_at is not None:
            return None
        return model if self._caller.principal.may(Verb.READ, Asked.about(model)) else None

    def _filed(self, kind: RecordKind, record_id: int) -> tuple[Record, RegisteredModel] | None:
        """Return a record with its model; None if there is none of that kind for the caller."""
        record = self._store.record(self._caller.workspace, record_id)
        if record is None or record.kind is not kind:
            return None
        model = self._model_of(record)
        return None if model is None else (record, model)

    def _page(
        self,
        query: RecordQuery,
        read: Callable[[Record, RegisteredModel], T | None],
        *,
        size: int,
        token: str | None,
        search: str,
    ) -> Page[T]:
        """Return a page of what `read` makes of the records found; those it makes None drop out."""
        after = place_of(token, search, 0)
        models: dict[int, RegisteredModel | None] = {}
        found: list[tuple[T, tuple[int]]] = []
        while len(found) <= size:
            records = self._store.find_records(replace(query, after=after, limit=size + 1))
            for record in records:
                if record.model_id not in models:
                    models[record.model_id] = self._model_of(record)
                model = models[record.model_id]
                item = None if model is None else read(record, model)
                if item is not None:
                    found.append((item, (record.id,)))
            if len(records) <= size:
                break
            after = records[-1].id
        return page_of(found, size, search)


def record_in(tx: Transaction, kind: RecordKind, record_id: int) -> Record | None:
    """Return a record of the transaction's model; None if it has none of that id and kind."""
    record = tx.record_by_id(record_id)
    return record if record is not None and record.kind is kind else None
