"""The versions' part of a transaction: read under what was written so far, in memory."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from muniment.domain.entities import ModelVersion, Status
from muniment.domain.stages import stage_key
from muniment.domain.values import to_millis
from muniment.errors import AlreadyExists, NotFound
from muniment.storage.metadata import ModelKey
from muniment.storage.mongo import documents
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.counters import next_id
from muniment.storage.mongo.draft import Draft


class MongoVersionTransaction(Draft):
    """What a transaction does with versions, in memory until `write_versions`."""

    def __init__(self, connection: Connection, key: ModelKey, base: Document | None) -> None:
        super().__init__(connection, key, base)
        self._versions: dict[int, ModelVersion | None] = {}  # those written; None: purged
        self._added_versions: set[int] = set()
        self._touched_at: datetime | None = None

    # -- reading ---------------------------------------------------------------------------------

    def version(self, number: int) -> ModelVersion | None:
        if self._model is None:
            return None
        if number in self._versions:
            return self._shown(self._versions[number])
        if self._base is None:
            return None  # of a new model there is nothing yet
        with self._db.guarded():
            found = self._db["versions"].find_one(
                {"_id": documents.version_id(self._model.id, number)}
            )
        return None if found is None or "gone" in found else self._read(found)

    def version_by_label(self, label: str) -> ModelVersion | None:
        found = self._live_versions({"label": label}, lambda v: v.label == label)
        return next(found, None)

    def versions_in_stage(self, stage: str) -> Sequence[ModelVersion]:
        key = stage_key(stage)
        found = self._live_versions({"stage_key": key, "stage": stage}, lambda v: v.stage == stage)
        return sorted(found, key=lambda version: version.version)

    def newest_ready(self) -> ModelVersion | None:
        return self._highest(
            {"live": True, "status": Status.READY.value},
            lambda v: v.deleted_at is None and v.status is Status.READY,
        )

    def sealed_before(self, number: int) -> ModelVersion | None:
        return self._highest(
            {"number": {"$lt": number}, "snapshot": {"$ne": None}},
            lambda v: v.version < number and v.snapshot is not None,
        )

    # -- writing ---------------------------------------------------------------------------------

    def add_version(self, version: ModelVersion) -> ModelVersion:
        model = self._held()
        if self.version(version.version) is not None:
            raise _version_taken(version)
        self._refuse_label(version)
        added = replace(version, id=next_id(self._db, "version"))
        self._added_versions.add(version.version)
        self._write(added)
        return documents.within(added, model)

    def save_version(self, version: ModelVersion) -> None:
        model, old = self._held(), self.version(version.version)
        if old is None:
            raise NotFound(f"There is no version {version.version} of {model.name!r:.200}.")
        self._refuse_label(version)
        self._write(replace(version, id=old.id, uuid=old.uuid))

    def touch_versions(self, at: datetime) -> None:
        self._held()
        for number, version in self._versions.items():
            if version is not None and version.deleted_at is None:
                self._versions[number] = replace(
                    version, updated_at=at, revision=version.revision + 1
                )
        self._touched_at = at
        self._is_changed = True

    def drop_version(self, number: int) -> None:
        """Remove a version for good."""
        self._versions[number] = None
        self._is_changed = True

    # -- the commit ------------------------------------------------------------------------------

    @property
    def touched_at(self) -> int | None:
        """When all live versions were touched, if they were."""
        return None if self._touched_at is None else to_millis(self._touched_at)

    @property
    def purged(self) -> list[int]:
        """The versions that were removed for good."""
        return [number for number, version in self._versions.items() if version is None]

    def write_versions(self, added: list[Document], changed: list[Document]) -> None:
        """Put what is to be inserted, and what is to be replaced, to the rest of a commit."""
        model = self._held()
        for number, version in self._versions.items():
            is_new = number in self._added_versions
            if version is not None:
                document = documents.version_document(documents.within(version, model), model.id)
            elif is_new:
                continue
            else:
                document = documents.stone(documents.version_id(model.id, number), model.id)
            (added if is_new else changed).append({"c": "versions", "d": document})

    # -- within ----------------------------------------------------------------------------------

    def _read(self, document: Document) -> ModelVersion:
        self._check(document)
        version = documents.version_from(document, self._held())
        if self._touched_at is not None and version.deleted_at is None:
            return replace(version, updated_at=self._touched_at, revision=version.revision + 1)
        return version

    def _shown(self, version: ModelVersion | None) -> ModelVersion | None:
        return None if version is None else documents.within(version, self._held())

    def _write(self, version: ModelVersion) -> None:
        self._versions[version.version] = version
        self._is_changed = True

    def _live_versions(
        self, where: Document, fits: Callable[[ModelVersion], bool]
    ) -> Iterator[ModelVersion]:
        def is_live(version: ModelVersion) -> bool:
            return version.deleted_at is None and fits(version)

        yield from self._written(is_live)
        yield from self._unwritten({"live": True, **where}, [])

    def _highest(
        self, where: Document, fits: Callable[[ModelVersion], bool]
    ) -> ModelVersion | None:
        found = [*self._written(fits)]
        unwritten = next(self._unwritten(where, [("number", -1)]), None)
        if unwritten is not None:
            found.append(unwritten)
        return max(found, key=lambda version: version.version, default=None)

    def _written(self, fits: Callable[[ModelVersion], bool]) -> Iterable[ModelVersion]:
        model = self._model
        if model is not None:
            for version in self._versions.values():
                if version is not None and fits(version):
                    yield documents.within(version, model)

    def _unwritten(self, where: Document, order: list[tuple[str, int]]) -> Iterator[ModelVersion]:
        if self._model is None or self._base is None:
            return
        with self._db.guarded():
            cursor = self._db["versions"].find({"model_id": self._model.id, **where})
            for found in cursor.sort(order) if order else cursor:
                if found["number"] not in self._versions:
                    yield self._read(found)

    def _refuse_label(self, version: ModelVersion) -> None:
        if version.label is None or version.deleted_at is not None:
            return
        other = self.version_by_label(version.label)
        if other is not None and other.version != version.version:
            raise _version_taken(version)


def _version_taken(version: ModelVersion) -> AlreadyExists:
    return AlreadyExists(
        f"{version.model!r:.200} has a version {version.version}, or one with the label "
        f"{version.label!r}, already.",
        hint="Choose another number or label.",
        details={"version": version.version},
    )
