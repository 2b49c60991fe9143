"""Who may name a blob: those who claimed it, and the models that hold it."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from functools import partial

from muniment.domain.manifest import Manifest
from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts.contract import NAMES, AccountContract
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_blobs,
    add_model,
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
from muniment.storage.conformance.metadata.threads import THREADS, at_once
from muniment.storage.metadata import MetadataStore, ModelId, ModelName, Transaction

A, B, C = digest("a"), digest("b"), digest("c")


def put(metadata: MetadataStore, model: str, number: int, *contents: str) -> Manifest:
    """Add a version that is made of these contents; return its manifest."""
    manifest = manifest_of(*contents)
    add_blobs(metadata, manifest)
    seal(metadata, model, number, manifest)
    return manifest


class HoldingSuite(AccountContract):
    """Claims and holders."""

    # -- claims ----------------------------------------------------------------------------------

    def test_a_claim_is_its_actors_in_its_workspace(self, accounts: AccountStore) -> None:
        accounts.claim_blob(A, WORKSPACE, "ada", NOON)
        accounts.claim_blob(B, WORKSPACE, "ada", NOON)
        accounts.claim_blob(B, WORKSPACE, "bob", NOON)
        accounts.claim_blob(C, "team", "ada", NOON)
        assert accounts.claimed_blobs([A, B, C, A], WORKSPACE, "ada") == {A, B}
        assert accounts.claimed_blobs([A, B, C], WORKSPACE, "bob") == {B}
        assert accounts.claimed_blobs([A, B, C], "team", "ada") == {C}
        assert accounts.claimed_blobs([A, B, C], "team", "bob") == frozenset()
        assert accounts.claimed_blobs([], WORKSPACE, "ada") == frozenset()

    def test_names_of_actors_are_not_taken_for_each_other(self, accounts: AccountStore) -> None:
        for name in NAMES:
            accounts.claim_blob(digest(name), WORKSPACE, name, NOON)
        digests = [digest(name) for name in NAMES]
        for name in NAMES:
            assert accounts.claimed_blobs(digests, WORKSPACE, name) == {digest(name)}

    def test_a_blob_may_be_claimed_again(self, accounts: AccountStore) -> None:
        for seconds in (0, 1, 1):
            accounts.claim_blob(A, WORKSPACE, "ada", later(seconds))
        at_once(*[partial(accounts.claim_blob, B, WORKSPACE, "ada", NOON)] * THREADS)
        assert accounts.claimed_blobs([A, B, C], WORKSPACE, "ada") == {A, B}

    def test_any_number_of_digests_may_be_asked_for(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        many = [digest(str(n)) for n in range(40_000)]
        accounts.claim_blob(many[0], WORKSPACE, "ada", NOON)
        accounts.claim_blob(many[-1], WORKSPACE, "ada", NOON)
        assert accounts.claimed_blobs(many, WORKSPACE, "ada") == {many[0], many[-1]}
        model = add_model(metadata, "m")
        put(metadata, "m", 1, "0", "39999")
        held = accounts.models_with_blobs(many, WORKSPACE)
        assert set(held) == {(many[0], model.id), (many[-1], model.id)}

    # -- models ----------------------------------------------------------------------------------

    def test_a_blob_is_held_by_every_model_with_a_version_of_it(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        one, two = add_model(metadata, "one"), add_model(metadata, "two")
        put(metadata, "one", 1, "a", "b")
        put(metadata, "one", 2, "a", "b", "c")
        put(metadata, "two", 1, "b")
        held = accounts.models_with_blobs([A, B, C, B, digest("d")], WORKSPACE)
        assert sorted(held) == sorted(
            [(A, one.id), (B, one.id), (C, one.id), (B, two.id)]  # each once
        )
        assert list(accounts.models_with_blobs([digest("d")], WORKSPACE)) == []
        assert list(accounts.models_with_blobs([], WORKSPACE)) == []

    def test_a_manifest_is_held_by_the_versions_that_it_describes(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        one, two = add_model(metadata, "one"), add_model(metadata, "two")
        shared = put(metadata, "one", 1, "a").digest
        put(metadata, "two", 1, "a")
        own = put(metadata, "two", 2, "b").digest
        held = accounts.models_with_blobs([shared, own], WORKSPACE)
        assert sorted(held) == sorted([(shared, one.id), (shared, two.id), (own, two.id)])

    def test_a_blob_that_no_version_has_is_held_by_nobody(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        add_model(metadata, "m")
        manifest = manifest_of("a")
        add_blobs(metadata, manifest)
        metadata.transact(name_key("m"), lambda tx: tx.add_manifest(manifest))
        metadata.transact(name_key("m"), lambda tx: tx.add_version(version_of("m", 1)))
        assert list(accounts.models_with_blobs([A, manifest.digest], WORKSPACE)) == []

    def test_a_deleted_version_holds_nothing_until_it_is_restored(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        model = add_model(metadata, "m")
        manifest = put(metadata, "m", 1, "a")
        put(metadata, "m", 2, "b")
        asked = [A, B, manifest.digest]
        change_version(metadata, "m", 1, deleted_at=NOON)
        assert list(accounts.models_with_blobs(asked, WORKSPACE)) == [(B, model.id)]
        change_version(metadata, "m", 1, deleted_at=None)
        assert {d for d, _ in accounts.models_with_blobs(asked, WORKSPACE)} == set(asked)

    def test_a_version_that_is_purged_holds_nothing(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        add_model(metadata, "m")
        manifest = put(metadata, "m", 1, "a")
        metadata.transact(name_key("m"), lambda tx: tx.purge_version(1))
        assert list(accounts.models_with_blobs([A, manifest.digest], WORKSPACE)) == []

    def test_a_deleted_model_holds_nothing_until_it_is_restored(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        model = add_model(metadata, "m")
        manifest = put(metadata, "m", 1, "a")
        change_model(metadata, name_key("m"), deleted_at=NOON)
        assert list(accounts.models_with_blobs([A, manifest.digest], WORKSPACE)) == []
        successor = add_model(metadata, "m")
        put(metadata, "m", 1, "a")
        assert list(accounts.models_with_blobs([A], WORKSPACE)) == [(A, successor.id)]
        key = ModelId(WORKSPACE, model.id)
        change_model(metadata, key, name="old", slug="old", deleted_at=None)
        held = accounts.models_with_blobs([A], WORKSPACE)
        assert sorted(held) == [(A, model.id), (A, successor.id)]

    def test_what_another_workspace_holds_is_not_seen(
        self, metadata: MetadataStore, accounts: AccountStore
    ) -> None:
        metadata.ensure_workspace("team", NOON)
        manifest = manifest_of("a")
        add_blobs(metadata, manifest)
        model = add_model(metadata, model_of("m", workspace="team"))

        def decide(tx: Transaction) -> None:
            tx.add_manifest(manifest)
            tx.add_version(version_of("m", 1, workspace="team", digest=manifest.digest))

        metadata.transact(ModelName("team", "m"), decide)
        asked = [A, manifest.digest]
        assert list(accounts.models_with_blobs(asked, WORKSPACE)) == []
        assert list(accounts.models_with_blobs(asked, "nowhere")) == []
        held = accounts.models_with_blobs(asked, "team")
        assert sorted(held) == sorted((d, model.id) for d in asked)
