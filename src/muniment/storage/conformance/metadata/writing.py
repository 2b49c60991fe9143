"""The one door for writes: all or nothing, in the order of one history, exactly as given."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace

import pytest

from muniment.domain.activities import ActivityKind, verify_chain
from muniment.domain.entities import (
    ReferenceKind,
)
from muniment.errors import AlreadyExists, Corrupt, MissingBlobs, NotFound
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_blobs,
    add_model,
    add_version,
    alias_of,
    apply,
    change_model,
    change_version,
    digest,
    entry_of,
    held,
    history,
    later,
    manifest_of,
    model_of,
    name_key,
    stored,
    stored_version,
    version_in,
    version_of,
)
from muniment.storage.metadata import (
    MetadataStore,
    ModelId,
    ModelName,
    Remembered,
    Transaction,
)


class Stop(Exception):
    """What a decision raises to end its transaction."""


class WritingSuite(MetadataContract):
    """`transact`, and everything that is done inside."""

    # -- atomicity -------------------------------------------------------------------------------

    def test_transact_returns_what_was_decided(self, store: MetadataStore) -> None:
        assert store.transact(name_key("m"), lambda tx: tx.model()) is None
        assert add_model(store, "m") == stored(store, "m")

    def test_reads_inside_see_the_writes_made_so_far(self, store: MetadataStore) -> None:
        manifest = manifest_of("a")
        add_blobs(store, manifest)

        def decide(tx: Transaction) -> None:
            model = tx.add_model(model_of("m"))
            assert tx.model() == model
            assert tx.name_taken("m")
            assert tx.slug_taken("m")
            first = tx.add_version(version_of("m", 1, label="1.0", stage="Staging"))
            assert tx.version(1) == first
            assert tx.version_by_label("1.0") == first
            assert tx.newest_ready() == first
            assert tx.versions_in_stage("Staging") == [first]
            tx.save_reference(alias_of("champion", 1))
            assert tx.reference(ReferenceKind.ALIAS, "champion") == alias_of("champion", 1)
            assert version_in(tx, 1).aliases == ("champion",)
            assert held(tx).aliases == {"champion": 1}
            tx.save_version(replace(version_in(tx, 1), label="1.1", stage="Production"))
            assert tx.version_by_label("1.0") is None
            assert tx.versions_in_stage("Staging") == []
            activity = tx.record(entry_of())
            assert held(tx).activity_count == 1
            assert held(tx).activity_head == activity.hash
            tx.save_model(replace(held(tx), name="n", slug="n"))
            assert held(tx).name == "n"
            assert version_in(tx, 1).model == "n"
            assert not tx.name_taken("m")
            tx.remember(Remembered("key", "request", 1, NOON))
            assert tx.remembered("key") == Remembered("key", "request", 1, NOON)
            tx.drop_reference(ReferenceKind.ALIAS, "champion")
            assert version_in(tx, 1).aliases == ()
            tx.purge_version(1)
            assert tx.version(1) is None

        store.transact(name_key("m"), decide)

    def test_an_error_in_decide_reaches_the_caller_unchanged_and_undoes_everything(
        self, store: MetadataStore
    ) -> None:
        manifest = manifest_of("a")
        add_blobs(store, manifest)
        before = add_model(store, "m")
        first = add_version(store, version_of("m", 1, tags={"a": 1}, label="1.0"))
        before = stored(store, "m")
        error = Stop("enough")

        def decide(tx: Transaction) -> None:
            tx.save_model(replace(held(tx), name="other", slug="other", tags={"b": 2}))
            tx.save_version(replace(version_in(tx, 1), tags={"b": 2}, label="2.0"))
            tx.add_manifest(manifest)
            tx.add_version(version_of("m", 2, digest=manifest.digest))
            tx.save_reference(alias_of("champion", 2))
            tx.remember(Remembered("key", "request", 2, NOON))
            tx.record(entry_of())
            tx.purge_version(1)
            raise error

        with pytest.raises(Stop) as caught:
            store.transact(name_key("m"), decide)
        assert caught.value is error
        assert stored(store, "m") == before
        assert store.version(WORKSPACE, "m", 1) == first
        assert store.version(WORKSPACE, "m", 2) is None
        assert store.references(WORKSPACE, "m") == []
        assert len(history(store, before)) == 2
        assert store.transact(name_key("m"), lambda tx: tx.remembered("key")) is None
        assert list(store.digests_in_use()) == []
        collectable = {blob.digest for blob in store.collectable_blobs(later(1), 100)}
        assert collectable == {*manifest.digests, manifest.digest}

    def test_a_model_that_failed_to_come_is_not_there(self, store: MetadataStore) -> None:
        def decide(tx: Transaction) -> None:
            tx.add_model(model_of("m"))
            tx.add_version(version_of("m", 1))
            raise Stop

        with pytest.raises(Stop):
            store.transact(name_key("m"), decide)
        assert store.model(name_key("m")) is None
        assert list(store.all_models()) == []
        assert add_model(store, "m").name == "m"

    def test_an_error_that_decide_catches_leaves_the_rest_whole(self, store: MetadataStore) -> None:
        add_model(store, "taken")

        def decide(tx: Transaction) -> None:
            tx.add_model(model_of("m"))
            with pytest.raises(MissingBlobs):
                tx.add_manifest(manifest_of("nowhere"))
            tx.record(entry_of())

        store.transact(name_key("m"), decide)
        assert len(history(store, stored(store, "m"))) == 1

    def test_a_workspace_that_does_not_exist_can_not_be_written_to(
        self, store: MetadataStore
    ) -> None:
        with pytest.raises(NotFound):
            store.transact(ModelName("nowhere", "m"), lambda tx: tx.model())
        with pytest.raises(NotFound):
            store.transact(ModelId("nowhere", 1), lambda tx: tx.model())

    def test_a_model_is_found_by_its_id_too(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        key = ModelId(WORKSPACE, model.id)
        assert store.model(key) == model
        assert change_model(store, key, description="d").description == "d"
        assert store.model(ModelId(WORKSPACE, model.id + 1_000)) is None
        assert store.transact(ModelId(WORKSPACE, model.id + 1_000), lambda tx: tx.model()) is None

    def test_touching_reaches_every_live_version_of_the_model(self, store: MetadataStore) -> None:
        for name in ("m", "n"):
            add_model(store, name)
            for number in (1, 2, 3):
                add_version(store, version_of(name, number, tags={"a": 1}, revision=number))
        change_version(store, "m", 2, deleted_at=NOON)
        before = {n: stored_version(store, "m", n) for n in (1, 2, 3)}

        def decide(tx: Transaction) -> None:
            version_in(tx, 1)
            tx.touch_versions(later(5))
            assert version_in(tx, 1).updated_at == later(5)

        apply(store, "m", decide)
        for number in (1, 3):
            touched = replace(before[number], updated_at=later(5), revision=number + 1)
            assert stored_version(store, "m", number) == touched
        assert stored_version(store, "m", 2) == before[2]
        assert stored_version(store, "n", 1).updated_at == NOON

    # -- identity --------------------------------------------------------------------------------

    def test_ids_are_positive_and_never_used_again(self, store: MetadataStore) -> None:
        first = add_model(store, "a")
        with pytest.raises(Stop):
            store.transact(name_key("b"), _add_and_stop)
        second = add_model(store, "b")
        assert 0 < first.id < second.id
        versions = [add_version(store, version_of("a", n)) for n in (1, 2)]
        assert 0 < versions[0].id < versions[1].id
        apply(store, "a", lambda tx: tx.purge_version(2))
        third = add_version(store, version_of("a", 3))
        assert third.id > versions[1].id

    def test_saving_does_not_change_what_an_entity_is(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        version = add_version(store, version_of("m", 1))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        changed = change_model(
            store,
            name_key("m"),
            id=99,
            uuid="0" * 32,
            workspace="elsewhere",
            aliases={},
            activity_count=0,
            activity_head="",
            description="new",
        )
        assert changed == stored(store, "m")
        assert changed.description == "new"
        assert (changed.id, changed.uuid, changed.workspace) == (model.id, model.uuid, WORKSPACE)
        assert changed.aliases == {"champion": 1}
        assert len(history(store, changed)) == 2
        other = change_version(
            store,
            "m",
            1,
            id=99,
            uuid="0" * 32,
            workspace="elsewhere",
            model="elsewhere",
            aliases=(),
            description="new",
        )
        assert other == store.version(WORKSPACE, "m", 1)
        assert other == replace(version, description="new", aliases=("champion",))

    def test_aliases_of_new_entities_are_not_looked_at(self, store: MetadataStore) -> None:
        assert add_model(store, model_of("m", aliases={"champion": 1})).aliases == {}
        assert add_version(store, version_of("m", 1, aliases=("champion",))).aliases == ()
        assert store.references(WORKSPACE, "m") == []

    # -- names -----------------------------------------------------------------------------------

    def test_a_name_is_taken_by_one_live_model(self, store: MetadataStore) -> None:
        add_model(store, "m")
        with pytest.raises(AlreadyExists):
            add_model(store, model_of("m", slug="other"))
        with pytest.raises(AlreadyExists):
            add_model(store, model_of("other", slug="m"))
        assert add_model(store, "M2").name == "M2"
        assert [model.name for model in store.all_models()] == ["m", "M2"]

    @pytest.mark.parametrize("name", ["M", "m ", "ｍ", "m\u0301", "%", "_"])
    def test_names_differ_by_every_code_point(self, store: MetadataStore, name: str) -> None:
        add_model(store, model_of("m", slug="m"))
        add_model(store, model_of(name, slug="other"))
        assert stored(store, "m").name == "m"
        assert stored(store, name).name == name

    def test_the_longest_name_is_kept_whole(self, store: MetadataStore) -> None:
        names = ["x" * 2_000, "x" * 1_999 + "y", "🙂" * 650]
        for n, name in enumerate(names):
            add_model(store, model_of(name, slug=f"long-{n}"))
        assert [stored(store, name).name for name in names] == names

    def test_another_workspace_has_names_of_its_own(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        here = add_model(store, "m")
        there = add_model(store, model_of("m", workspace="other", description="there"))
        assert store.model(ModelName("other", "m")) == there
        assert stored(store, "m") == here
        assert store.model(ModelId("other", here.id)) is None
        assert [w.name for w in store.workspaces()] == [WORKSPACE, "other"]

    def test_a_renamed_model_takes_its_versions_along(self, store: MetadataStore) -> None:
        add_model(store, "old")
        add_version(store, version_of("old", 1, label="1.0"))
        apply(store, "old", lambda tx: tx.save_reference(alias_of("champion", 1)))
        change_model(store, name_key("old"), name="new", slug="new")
        assert store.model(name_key("old")) is None
        assert store.version(WORKSPACE, "old", 1) is None
        moved = store.version(WORKSPACE, "new", 1)
        assert moved is not None
        assert moved.model == "new"
        assert store.version_by_alias(WORKSPACE, "new", "champion") == moved
        assert store.version_by_label(WORKSPACE, "new", "1.0") == moved
        assert add_model(store, "old").version_count == 0

    def test_a_model_can_not_be_renamed_to_a_name_or_slug_that_is_taken(
        self, store: MetadataStore
    ) -> None:
        add_model(store, "a")
        add_model(store, "b")
        for fields in ({"name": "b"}, {"slug": "b"}):
            with pytest.raises(AlreadyExists):
                change_model(store, name_key("a"), **fields)
        assert stored(store, "a").slug == "a"

    # -- history ---------------------------------------------------------------------------------

    def test_activities_form_one_verified_chain(self, store: MetadataStore) -> None:
        details = {"list": [1, 1.5, None, True, "é🙂"], "map": {"b": 1, "a": {}}, "big": 2**53 + 1}
        add_model(store, "m")
        for n in range(1, 4):
            entry = entry_of(
                ActivityKind.VERSION_CREATED,
                version=n,
                comment="why: it's 100% ‘safe’",
                details=details,
                at=later(n),
            )
            apply(store, "m", lambda tx, entry=entry: tx.record(entry))  # type: ignore[misc]
        model = stored(store, "m")
        activities = history(store, model)
        assert [activity.sequence for activity in activities] == [1, 2, 3, 4]
        assert {activity.model_uuid for activity in activities} == {model.uuid}
        assert activities[3].details == details
        assert activities[3].at == later(3)
        assert activities[3].version == 3
        with pytest.raises(Corrupt):
            verify_chain(activities[:-1], count=4, head=model.activity_head)

    def test_record_returns_the_entry_in_its_place(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        activity = store.transact(name_key("m"), lambda tx: tx.record(entry_of(comment="x")))
        assert activity == history(store, stored(store, "m"))[1]
        assert activity.previous == model.activity_head

    def test_a_model_that_is_saved_after_recording_keeps_the_longer_chain(
        self, store: MetadataStore
    ) -> None:
        add_model(store, "m")

        def decide(tx: Transaction) -> None:
            stale = held(tx)
            tx.record(entry_of())
            tx.record(entry_of())
            tx.save_model(replace(stale, description="new"))
            tx.record(entry_of())

        store.transact(name_key("m"), decide)
        assert len(history(store, stored(store, "m"))) == 4

    def test_history_is_read_in_pieces_from_either_end(self, store: MetadataStore) -> None:
        add_model(store, "other")
        add_model(store, "m")
        apply(store, "m", lambda tx: [tx.record(entry_of()) for _ in range(4)])
        model = stored(store, "m")

        def piece(*, after: int = 0, limit: int, newest_first: bool = False) -> list[int]:
            found = store.activities(model.id, after=after, limit=limit, newest_first=newest_first)
            return [activity.sequence for activity in found]

        assert piece(limit=2) == [1, 2]
        assert piece(after=2, limit=9) == [3, 4, 5]
        assert piece(after=5, limit=9) == []
        assert piece(limit=2, newest_first=True) == [5, 4]
        assert piece(after=4, limit=9, newest_first=True) == [3, 2, 1]
        assert piece(after=1, limit=9, newest_first=True) == []

    # -- references and idempotency --------------------------------------------------------------

    def test_references_are_listed_by_kind_and_name(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1))
        add_version(store, version_of("m", 2))
        references = [
            alias_of("b", 1),
            alias_of("a", 2, protected=True, revision=3, updated_at=later(1)),
            alias_of("a", 1, kind=ReferenceKind.TAG),
            alias_of("main", 2, kind=ReferenceKind.BRANCH),
        ]
        apply(store, "m", lambda tx: [tx.save_reference(reference) for reference in references])
        expected = [references[1], references[0], references[3], references[2]]
        assert store.references(WORKSPACE, "m") == expected
        inside = store.transact(
            name_key("m"), lambda tx: (tx.references(), tx.references(2), tx.references(3))
        )
        assert inside == (expected, [references[1], references[3]], [])
        assert stored(store, "m").aliases == {"a": 2, "b": 1}
        assert stored_version(store, "m", 2).aliases == ("a",)

    def test_a_reference_moves(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1))
        add_version(store, version_of("m", 2))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("a", 2)))
        moved = alias_of("champion", 2, revision=2, updated_by="dan")
        apply(store, "m", lambda tx: tx.save_reference(moved))
        assert store.references(WORKSPACE, "m") == [alias_of("a", 2), moved]
        assert stored(store, "m").aliases == {"a": 2, "champion": 2}
        assert stored_version(store, "m", 1).aliases == ()
        assert stored_version(store, "m", 2).aliases == ("a", "champion")

    def test_dropping_a_reference_drops_it_and_no_other(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1))
        tag = alias_of("champion", 1, kind=ReferenceKind.TAG)
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        apply(store, "m", lambda tx: tx.save_reference(tag))
        apply(store, "m", lambda tx: tx.drop_reference(ReferenceKind.ALIAS, "champion"))
        apply(store, "m", lambda tx: tx.drop_reference(ReferenceKind.ALIAS, "missing"))
        assert store.references(WORKSPACE, "m") == [tag]
        assert stored(store, "m").aliases == {}
        assert stored_version(store, "m", 1).aliases == ()

    def test_idempotency_keys_belong_to_one_model(self, store: MetadataStore) -> None:
        add_model(store, "a")
        add_model(store, "b")
        made = Remembered("key", digest("request"), None, later(1))
        apply(store, "a", lambda tx: tx.remember(made))
        assert store.transact(name_key("a"), lambda tx: tx.remembered("key")) == made
        assert store.transact(name_key("a"), lambda tx: tx.remembered("KEY")) is None
        assert store.transact(name_key("b"), lambda tx: tx.remembered("key")) is None
        other = Remembered("key", digest("other"), 7, NOON)
        apply(store, "b", lambda tx: tx.remember(other))
        assert store.transact(name_key("b"), lambda tx: tx.remembered("key")) == other


def _add_and_stop(tx: Transaction) -> None:
    tx.add_model(model_of("b"))
    raise Stop
