"""What the parts of a transaction share: the model as it is to be, and what was read for it."""

from __future__ import annotations

from muniment.domain.entities import RegisteredModel
from muniment.errors import NotFound
from muniment.storage.metadata import ModelKey
from muniment.storage.mongo import documents
from muniment.storage.mongo.connection import Connection, Document


class Torn(Exception):
    """What was read is of two states: another commit has come in between."""


class Draft:
    """A change in the making; `base` is the model's document, if there is one."""

    def __init__(self, connection: Connection, key: ModelKey, base: Document | None) -> None:
        self._db = connection
        self._key = key
        self._workspace = key.workspace
        self._base = None if base is None else documents.model_from(base)
        self._sequence = 0 if base is None else int(base["seq"])
        self._model = self._base
        self._is_changed = False

    def model(self) -> RegisteredModel | None:
        """See `muniment.storage.metadata.Transaction`."""
        return self._model

    def _held(self) -> RegisteredModel:
        if self._model is None:
            raise NotFound(f"There is no model for {self._key}.")
        return self._model

    def _check(self, document: Document) -> None:
        """Raise Torn if a document is of a later state than the model's."""
        if document["seq"] > self._sequence:
            raise Torn
