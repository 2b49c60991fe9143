"""The index of blobs: what a crash between two steps leaves, and how much fits into one request."""

from __future__ import annotations

import pytest

from muniment.domain.manifest import FileEntry, Manifest
from muniment.errors import MissingBlobs, StorageFull
from muniment.storage.conformance.metadata.contract import (
    NOON,
    add_blobs,
    add_model,
    apply,
    digest,
    later,
    manifest_of,
    name_key,
    seal,
)
from muniment.storage.metadata import Transaction
from muniment.storage.sql import blobs
from muniment.storage.sql.store import SqlMetadataStore


def test_a_blob_is_forgotten_for_good_before_its_bytes_are_removed(
    store: SqlMetadataStore,
) -> None:
    store.add_blob(digest("a"), 1, NOON)
    seen: list[frozenset[str]] = []

    def remove() -> None:
        seen.append(store.known_blobs([digest("a")]))  # as another process sees it
        raise StorageFull("The disk fails.")

    with pytest.raises(StorageFull):
        store.collect_blob(digest("a"), later(1), remove)
    assert seen == [frozenset()]
    assert store.known_blobs([digest("a")]) == frozenset()


def test_a_blob_that_becomes_known_again_keeps_its_bytes(store: SqlMetadataStore) -> None:
    store.add_blob(digest("a"), 1, NOON)
    forgotten = store._engine.write(lambda s: blobs.forget(s, digest("a"), later(1)))
    store.add_blob(digest("a"), 1, later(2))  # an upload comes between the two steps
    removed = store._engine.write(lambda s: blobs.remove_unknown(s, digest("a"), pytest.fail))

    assert (forgotten, removed) == (True, False)
    assert store.known_blobs([digest("a")]) == {digest("a")}


def test_collecting_a_blob_forgets_the_unused_manifests_that_list_it(
    store: SqlMetadataStore,
) -> None:
    manifest = manifest_of("a", "b")
    add_blobs(store, manifest)
    add_model(store, "m")
    apply(store, "m", lambda tx: tx.add_manifest(manifest))
    assert store.collect_blob(digest("a"), later(1), lambda: None)

    def add_again(tx: Transaction) -> None:
        tx.add_manifest(manifest)

    with pytest.raises(MissingBlobs) as caught:
        store.transact(name_key("m"), add_again)
    assert caught.value.details["missing"] == [digest("a")]


def test_the_largest_manifest_is_leased_and_kept_at_once(store: SqlMetadataStore) -> None:
    digests = [f"{n:064x}" for n in range(100_000)]
    manifest = Manifest(tuple(FileEntry(f"f{n:06}", d, 1) for n, d in enumerate(digests)))
    store._engine.write(
        lambda s: blobs._ADD.many(s, ({"digest": d, "size": 1, "leased_at": 0} for d in digests))
    )
    store.add_blob(manifest.digest, 1, NOON)
    assert len(store.lease_blobs(digests, NOON)) == 100_000
    add_model(store, "m")
    seal(store, "m", 1, manifest)

    assert store.collectable_blobs(later(1), 10) == []
    assert not store.collect_blob(digests[7], later(1), pytest.fail)
