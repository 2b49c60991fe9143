"""What all parts of the suite stand on: an open store, a clock, and makers of entities."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import uuid4

import pytest

from muniment.domain.activities import Activity, ActivityKind, Entry, verify_chain
from muniment.domain.entities import (
    DEFAULT_WORKSPACE,
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Status,
)
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.names import slug_of
from muniment.storage.metadata import MetadataStore, ModelId, ModelName, Transaction

NOON: Final = datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)
WORKSPACE: Final = DEFAULT_WORKSPACE


class MetadataContract:
    """The base of every part. An adapter's test class says what `open_store` is."""

    crowd_size: ClassVar[int] = 1_200
    """How many models are searched through; fewer for a server that reads all of them each time."""

    @staticmethod
    def open_store(path: Path) -> MetadataStore:
        """Open the store at `path`, which the adapter under test creates if need be."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MetadataStore]:
        """Yield a store with the default workspace and nothing else."""
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        yield store
        store.close()


def later(seconds: float) -> datetime:
    """Return the time so many seconds after noon; negative for before."""
    return NOON + timedelta(seconds=seconds)


def digest(content: str) -> str:
    """Return a digest that is different for different contents."""
    return hashlib.sha256(content.encode()).hexdigest()


def name_key(name: str) -> ModelName:
    """Return the key of a live model in the default workspace."""
    return ModelName(WORKSPACE, name)


def model_of(name: str, **fields: Any) -> RegisteredModel:
    """Return a model that is not stored yet."""
    plain = RegisteredModel(
        id=0,
        uuid=uuid4().hex,
        workspace=WORKSPACE,
        name=name,
        slug=slug_of(name),
        created_at=NOON,
        updated_at=NOON,
        created_by="ann",
    )
    return replace(plain, **fields)


def version_of(model: str, number: int, **fields: Any) -> ModelVersion:
    """Return a READY version that is not stored yet."""
    plain = ModelVersion(
        id=0,
        uuid=uuid4().hex,
        workspace=WORKSPACE,
        model=model,
        version=number,
        created_at=NOON,
        updated_at=NOON,
        created_by="bob",
        status=Status.READY,
    )
    return replace(plain, **fields)


def alias_of(name: str, version: int, **fields: Any) -> Reference:
    """Return an alias that is not stored yet."""
    plain = Reference(
        kind=ReferenceKind.ALIAS,
        name=name,
        version=version,
        protected=False,
        updated_at=NOON,
        updated_by="cy",
    )
    return replace(plain, **fields)


def entry_of(kind: ActivityKind = ActivityKind.MODEL_UPDATED, **fields: Any) -> Entry:
    """Return an activity that is not chained yet."""
    return replace(Entry(kind=kind, actor="ann", at=NOON), **fields)


def manifest_of(*contents: str, size: int = 10) -> Manifest:
    """Return a manifest with one file per content, each of `size` bytes."""
    return Manifest.of(
        FileEntry(f"file-{n}", digest(content), size) for n, content in enumerate(contents)
    )


def add_model(store: MetadataStore, model: RegisteredModel | str) -> RegisteredModel:
    """Store a model with the activity that says so; return it as the store has it."""
    new = model_of(model) if isinstance(model, str) else model

    def decide(tx: Transaction) -> RegisteredModel:
        tx.add_model(new)
        tx.record(entry_of(ActivityKind.MODEL_CREATED))
        return held(tx)

    return store.transact(ModelName(new.workspace, new.name), decide)


def add_version(store: MetadataStore, version: ModelVersion) -> ModelVersion:
    """Store a version, its number in the model and the activity; return it as it is stored."""

    def decide(tx: Transaction) -> ModelVersion:
        added = tx.add_version(version)
        model = held(tx)
        tx.save_model(replace(model, last_number=max(model.last_number, version.version)))
        tx.record(entry_of(ActivityKind.VERSION_CREATED, version=version.version))
        return added

    return store.transact(ModelName(version.workspace, version.model), decide)


def add_blobs(store: MetadataStore, manifest: Manifest, now: datetime = NOON) -> None:
    """Make all blobs of a manifest known, its own too."""
    for file in manifest.files:
        store.add_blob(file.digest, file.size, now)
    store.add_blob(manifest.digest, len(manifest.content), now)


def seal(store: MetadataStore, model: str, number: int, manifest: Manifest) -> ModelVersion:
    """Add a version with content, whose blobs are known."""

    def decide(tx: Transaction) -> ModelVersion:
        tx.add_manifest(manifest)
        return tx.add_version(version_of(model, number, digest=manifest.digest, size=manifest.size))

    return store.transact(name_key(model), decide)


def change_model(store: MetadataStore, key: ModelName | ModelId, **fields: Any) -> RegisteredModel:
    """Save a model with some fields changed; return it as the transaction shows it."""

    def decide(tx: Transaction) -> RegisteredModel:
        tx.save_model(replace(held(tx), **fields))
        return held(tx)

    return store.transact(key, decide)


def change_version(store: MetadataStore, model: str, number: int, /, **fields: Any) -> ModelVersion:
    """Save a version with some fields changed; return it as the transaction shows it."""

    def decide(tx: Transaction) -> ModelVersion:
        tx.save_version(replace(version_in(tx, number), **fields))
        return version_in(tx, number)

    return store.transact(name_key(model), decide)


def held(tx: Transaction) -> RegisteredModel:
    """Return the model of a transaction; there must be one."""
    model = tx.model()
    assert model is not None  # noqa: S101
    return model


def version_in(tx: Transaction, number: int) -> ModelVersion:
    """Return a version of the model of a transaction; there must be one."""
    version = tx.version(number)
    assert version is not None  # noqa: S101
    return version


def stored(store: MetadataStore, name: str) -> RegisteredModel:
    """Return a live model; there must be one."""
    model = store.model(name_key(name))
    assert model is not None  # noqa: S101
    return model


def stored_version(store: MetadataStore, model: str, number: int) -> ModelVersion:
    """Return a version, also a deleted one; there must be one."""
    return store.transact(name_key(model), lambda tx: version_in(tx, number))


def history(store: MetadataStore, model: RegisteredModel) -> list[Activity]:
    """Return the whole history of a model, once it is verified."""
    activities = list(store.activities(model.id, limit=100_000))
    verify_chain(activities, count=model.activity_count, head=model.activity_head)
    return activities


def apply(store: MetadataStore, name: str, change: Callable[[Transaction], object]) -> None:
    """Run one transaction for its effect."""
    store.transact(name_key(name), lambda tx: change(tx) and None)
