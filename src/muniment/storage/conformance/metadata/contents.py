"""Blobs, leases, manifests, uploads, garbage: no version loses a blob, nothing stays for ever."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from muniment.domain.entities import Upload
from muniment.errors import MissingBlobs
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_blobs,
    add_model,
    add_version,
    apply,
    change_model,
    change_version,
    digest,
    later,
    manifest_of,
    model_of,
    name_key,
    seal,
    version_of,
)
from muniment.storage.metadata import MetadataStore, ModelId, StorageTotals

A, B, C = digest("a"), digest("b"), digest("c")


def nothing() -> None:
    """Stand for the removal of bytes where there are none."""


def refuse() -> None:
    """Stand for a removal that must not happen."""
    raise AssertionError("This blob must not be removed.")


def collectable(store: MetadataStore, seconds: float = 1) -> set[str]:
    """Return the digests of the blobs that may go if leases are older than that."""
    return {blob.digest for blob in store.collectable_blobs(later(seconds), 1_000)}


def upload_of(upload_id: str, seconds: float = 0, **fields: str | int | None) -> Upload:
    """Return an upload session begun so many seconds after noon."""
    return Upload(upload_id * 32, WORKSPACE, "ann", later(seconds), **fields)  # type: ignore[arg-type]


class ContentsSuite(MetadataContract):
    """What versions are made of, and how it goes."""

    # -- blobs and leases ------------------------------------------------------------------------

    def test_a_blob_is_known_once_it_is_added(self, store: MetadataStore) -> None:
        store.add_blob(A, 2**40, NOON)
        store.add_blob(B, 0, NOON)
        assert store.known_blobs([A, B, C]) == {A, B}
        assert store.lease_blobs([A, C, A], NOON) == {A: 2**40}
        assert store.lease_blobs([], NOON) == {}
        assert store.known_blobs([]) == frozenset()

    def test_any_number_of_digests_may_be_asked_for(self, store: MetadataStore) -> None:
        many = [digest(str(n)) for n in range(40_000)]
        store.add_blob(many[0], 1, NOON)
        store.add_blob(many[-1], 2, NOON)
        assert store.lease_blobs(iter(many), NOON) == {many[0]: 1, many[-1]: 2}
        assert store.known_blobs(iter(many)) == {many[0], many[-1]}

    def test_a_lease_protects_until_it_is_too_old(self, store: MetadataStore) -> None:
        for blob in (A, B, C):
            store.add_blob(blob, 7, NOON)
        store.lease_blobs([A], later(10))
        store.add_blob(B, 7, later(20))
        assert collectable(store, 0) == set()
        assert collectable(store, 1) == {C}
        assert collectable(store, 11) == {A, C}
        assert collectable(store, 21) == {A, B, C}
        assert len(store.collectable_blobs(later(21), 2)) == 2
        (record,) = store.collectable_blobs(later(1), 10)
        assert (record.digest, record.size, record.leased_at) == (C, 7, NOON)

    def test_asking_what_is_known_renews_no_lease(self, store: MetadataStore) -> None:
        store.add_blob(A, 7, NOON)
        store.known_blobs([A])
        assert collectable(store) == {A}

    def test_a_collected_blob_is_forgotten(self, store: MetadataStore) -> None:
        store.add_blob(A, 7, NOON)
        removed: list[str] = []
        assert store.collect_blob(A, later(1), lambda: removed.append(A)) is True
        assert removed == [A]
        assert store.known_blobs([A]) == frozenset()
        assert collectable(store) == set()
        store.add_blob(A, 8, NOON)
        assert store.lease_blobs([A], NOON) == {A: 8}

    def test_bytes_that_nobody_knows_of_may_go(self, store: MetadataStore) -> None:
        removed: list[str] = []
        assert store.collect_blob(A, later(1), lambda: removed.append(A)) is True
        assert removed == [A]

    def test_a_blob_that_is_leased_by_now_stays(self, store: MetadataStore) -> None:
        store.add_blob(A, 7, NOON)
        assert collectable(store) == {A}
        store.lease_blobs([A], later(2))
        assert store.collect_blob(A, later(1), refuse) is False
        assert store.known_blobs([A]) == {A}

    def test_a_blob_whose_bytes_may_be_gone_is_not_known(self, store: MetadataStore) -> None:
        def fail() -> None:
            raise OSError("disk on fire")

        store.add_blob(A, 7, NOON)
        with pytest.raises(OSError, match="disk on fire"):
            store.collect_blob(A, later(1), fail)
        assert store.known_blobs([A]) == frozenset()
        assert store.collect_blob(A, later(1), nothing) is True

    # -- manifests -------------------------------------------------------------------------------

    def test_a_manifest_needs_all_its_blobs_and_its_own(self, store: MetadataStore) -> None:
        add_model(store, "m")
        manifest = manifest_of("a", "b", "c")
        store.add_blob(A, 10, NOON)
        store.add_blob(C, 10, NOON)
        for missing in (B, manifest.digest):
            with pytest.raises(MissingBlobs) as caught:
                seal(store, "m", 1, manifest)
            listed = caught.value.details["missing"]
            assert isinstance(listed, list)
            assert missing in listed
            assert not {A, C} & set(listed)
            store.add_blob(missing, 10, NOON)
        assert seal(store, "m", 1, manifest).digest == manifest.digest

    def test_missing_blobs_are_listed_up_to_a_hundred(self, store: MetadataStore) -> None:
        add_model(store, "m")
        manifest = manifest_of(*map(str, range(40_000)))
        with pytest.raises(MissingBlobs) as caught:
            seal(store, "m", 1, manifest)
        listed = caught.value.details["missing"]
        assert isinstance(listed, list)
        assert len(listed) == 100
        assert set(listed) <= {*manifest.digests, manifest.digest}

    def test_blobs_of_a_version_are_never_collected(self, store: MetadataStore) -> None:
        add_model(store, "m")
        manifest = manifest_of("a", "b")
        add_blobs(store, manifest)
        store.add_blob(C, 10, NOON)
        seal(store, "m", 1, manifest)
        assert collectable(store) == {C}
        for blob in (*manifest.digests, manifest.digest):
            assert store.collect_blob(blob, later(10**6), refuse) is False
        assert list(store.digests_in_use()) == [manifest.digest]
        assert store.drop_unused_manifests() == 0

    def test_deleting_softly_keeps_the_blobs(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        manifest = manifest_of("a")
        add_blobs(store, manifest)
        seal(store, "m", 1, manifest)
        change_version(store, "m", 1, deleted_at=NOON)
        change_model(store, ModelId(WORKSPACE, model.id), deleted_at=NOON)
        assert store.drop_unused_manifests() == 0
        assert collectable(store) == set()
        assert store.collect_blob(A, later(10**6), refuse) is False
        assert list(store.digests_in_use()) == [manifest.digest]

    def test_purging_the_last_version_sets_the_blobs_free(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        add_model(store, "m")
        add_model(store, "n")
        both, one = manifest_of("a", "b"), manifest_of("b", "c")
        for manifest in (both, one):
            add_blobs(store, manifest)
        seal(store, "m", 1, both)
        seal(store, "m", 2, both)
        seal(store, "n", 1, one)
        assert sorted(store.digests_in_use()) == sorted([both.digest, one.digest])
        apply(store, "m", lambda tx: tx.purge_version(1))
        assert store.drop_unused_manifests() == 0
        apply(store, "m", lambda tx: tx.purge_version(2))
        assert [store.drop_unused_manifests(dry_run=True) for _ in range(2)] == [1, 1]
        assert store.drop_unused_manifests() == 1
        assert store.drop_unused_manifests() == 0
        assert collectable(store) == {A, both.digest}
        assert store.collect_blob(A, later(1), nothing) is True
        assert store.collect_blob(B, later(1), refuse) is False
        assert list(store.digests_in_use()) == [one.digest]

    def test_a_dry_run_counts_as_if_what_is_purgeable_were_purged(
        self, store: MetadataStore
    ) -> None:
        add_model(store, "m")
        add_model(store, "n")
        both, one = manifest_of("a", "b"), manifest_of("b", "c")
        for manifest in (both, one):
            add_blobs(store, manifest)
        seal(store, "m", 1, both)
        seal(store, "m", 2, one)
        seal(store, "n", 1, one)
        change_version(store, "m", 1, deleted_at=later(10))
        change_version(store, "m", 2, deleted_at=later(10))
        change_model(store, name_key("n"), deleted_at=later(20))

        def dry_run(seconds: float) -> tuple[set[str], int]:
            before = later(seconds)
            blobs = store.collectable_blobs(later(1), 100, deleted_before=before)
            manifests = store.drop_unused_manifests(dry_run=True, deleted_before=before)
            return {blob.digest for blob in blobs}, manifests

        assert dry_run(10) == (set(), 0)
        assert dry_run(11) == ({A, both.digest}, 1)
        assert dry_run(21) == ({A, B, C, both.digest, one.digest}, 2)
        assert collectable(store) == set()
        assert store.drop_unused_manifests(dry_run=True) == 0

    def test_a_manifest_may_be_made_known_again(self, store: MetadataStore) -> None:
        add_model(store, "m")
        manifest = manifest_of("a", "a", "b")
        add_blobs(store, manifest)
        seal(store, "m", 1, manifest)
        seal(store, "m", 2, manifest)
        apply(store, "m", lambda tx: [tx.purge_version(1), tx.purge_version(2)])
        store.drop_unused_manifests()
        seal(store, "m", 3, manifest)
        assert store.collect_blob(A, later(1), refuse) is False

    def test_no_version_loses_a_blob_to_a_collection_at_the_same_time(
        self, store: MetadataStore
    ) -> None:
        committers, rounds = 6, 15
        for n in range(committers):
            add_model(store, f"model-{n}")
        bytes_there: set[str] = set()
        done = threading.Event()

        def put(blobs: Iterable[str]) -> None:
            for blob in blobs:
                store.add_blob(blob, 10, NOON)
                bytes_there.add(blob)

        def commit(n: int) -> set[str]:
            committed: set[str] = set()
            for number in range(1, rounds + 1):
                # two committers share each blob; nobody's lease is young enough to protect it
                manifest = manifest_of(f"{n // 2}/{number}", f"{n // 2}/{number - 1}")
                needed = {*manifest.digests, manifest.digest}
                while True:
                    put(needed)
                    try:
                        seal(store, f"model-{n}", number, manifest)
                    except MissingBlobs:
                        continue
                    committed |= needed
                    break
            return committed

        def collect() -> None:
            while not done.is_set():
                for blob in store.collectable_blobs(later(10**6), 5):
                    remove = partial(bytes_there.discard, blob.digest)
                    store.collect_blob(blob.digest, later(10**6), remove)

        with ThreadPoolExecutor(committers + 2) as threads:
            collectors = [threads.submit(collect) for _ in range(2)]
            try:
                committed = set().union(*threads.map(commit, range(committers)))
            finally:
                done.set()
            for collector in collectors:
                collector.result()
        assert committed <= store.known_blobs(committed)
        assert committed <= bytes_there
        assert committed & collectable(store, 10**6) == set()

    # -- purging and counting --------------------------------------------------------------------

    def test_versions_may_be_purged_when_their_restore_window_is_over(
        self, store: MetadataStore
    ) -> None:
        ids = {name: add_model(store, name).id for name in ("live", "gone", "late")}
        for name in ids:
            for number in (1, 2, 3):
                add_version(store, version_of(name, number))
        change_version(store, "live", 2, deleted_at=later(10))
        change_version(store, "gone", 2, deleted_at=later(50))
        change_model(store, name_key("gone"), deleted_at=later(20))
        change_model(store, name_key("late"), deleted_at=later(60))

        def purgeable(seconds: float, limit: int = 100) -> set[tuple[int, int]]:
            return {(key.id, number) for key, number in store.purgeable(later(seconds), limit)}

        assert purgeable(10) == set()
        assert purgeable(11) == {(ids["live"], 2)}
        assert purgeable(21) == {(ids["live"], 2), *((ids["gone"], n) for n in (1, 2, 3))}
        assert len(store.purgeable(later(61), 4)) == 4
        while keys := store.purgeable(later(61), 2):
            for key, number in keys:
                store.transact(key, lambda tx: tx.purge_version(number))  # noqa: B023
        assert store.totals().versions == 2

    def test_totals_count_bytes_as_users_do_and_as_they_are_stored(
        self, store: MetadataStore
    ) -> None:
        assert store.totals() == StorageTotals(0, 0, 0, 0, 0, 0)
        store.ensure_workspace("other", NOON)
        add_model(store, "m")
        add_model(store, "n")
        add_model(store, model_of("m", workspace="other"))
        manifest = manifest_of("a", "b", size=2**40)
        add_blobs(store, manifest)
        seal(store, "m", 1, manifest)
        seal(store, "n", 1, manifest)
        own = len(manifest.content)
        assert store.totals() == StorageTotals(
            models=3,
            versions=2,
            files=0,
            logical_bytes=4 * 2**40,
            stored_blobs=3,
            stored_bytes=2 * 2**40 + own,
        )

    def test_all_models_are_all_of_every_workspace(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        add_model(store, "m")
        add_model(store, model_of("m", workspace="other"))
        gone = add_model(store, "gone")
        change_model(store, ModelId(WORKSPACE, gone.id), deleted_at=NOON)
        found = sorted((m.workspace, m.name, m.deleted_at) for m in store.all_models())
        assert found == [(WORKSPACE, "gone", NOON), (WORKSPACE, "m", None), ("other", "m", None)]

    # -- uploads ---------------------------------------------------------------------------------

    def test_uploads_are_kept_until_they_are_dropped(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        known = upload_of("a", digest=A, size=2**40)
        unknown = upload_of("b", 1)
        for upload in (known, unknown):
            store.add_upload(upload)
        assert store.upload(WORKSPACE, known.id) == known
        assert store.upload(WORKSPACE, unknown.id) == unknown
        assert store.upload("other", known.id) is None
        assert store.upload("nowhere", known.id) is None
        assert store.upload(WORKSPACE, "c" * 32) is None
        store.drop_upload(known.id)
        store.drop_upload(known.id)
        assert store.upload(WORKSPACE, known.id) is None
        assert store.upload(WORKSPACE, unknown.id) == unknown

    def test_an_upload_can_be_found_to_be_resumed(self, store: MetadataStore) -> None:
        first, second = upload_of("a", digest=A), upload_of("b", 1, digest=A)
        other = Upload("c" * 32, WORKSPACE, "bob", NOON, digest=A)
        for upload in (first, second, other, upload_of("d", digest=B), upload_of("e")):
            store.add_upload(upload)
        assert store.open_uploads(WORKSPACE, "ann", A) == [second, first]
        assert store.open_uploads(WORKSPACE, "bob", A) == [other]
        assert store.open_uploads(WORKSPACE, "bob", B) == []
        assert store.open_uploads("nowhere", "ann", A) == []

    def test_stale_uploads_are_those_of_every_workspace(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        old = upload_of("a")
        elsewhere = Upload("b" * 32, "other", "bob", NOON)
        young = upload_of("c", 10)
        for upload in (old, elsewhere, young):
            store.add_upload(upload)
        assert store.stale_uploads(NOON, 10) == []
        assert {upload.id for upload in store.stale_uploads(later(5), 10)} == {
            old.id,
            elsewhere.id,
        }
        assert len(store.stale_uploads(later(20), 2)) == 2
