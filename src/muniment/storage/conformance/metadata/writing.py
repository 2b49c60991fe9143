"""The one door for writes: all or nothing, in the order of one history, exactly as given."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from muniment.domain.activities import ActivityKind, verify_chain
from muniment.domain.entities import (
    ReferenceKind,
    Signature,
    Status,
    Variable,
    VariableType,
)
from muniment.domain.values import Value
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
    seal,
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

TEXTS: Final = [
    "",
    "plain",
    "it's",
    '"quoted" `ticked`',
    "100%_\\%\\_\\",
    "a\r\n\tb",
    "naïve Straße 語 ﬀ",
    "e\u0301 is not é",
    "🙂👩‍👩‍👧",
    "\u202eright to left",
    "; DROP TABLE models; --",
    '{"json": [1, null]}',
    "null",
    "1",
    "true",
    "x" * 100_000,
    "🙂" * 25_000,
]
NUMBERS: Final[list[float]] = [
    0,
    1,
    -1,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    1.0,
    -1.0,
    0.1 + 0.2,
    1e22,
    float(2**53),
    float(2**63),
    5e-324,
    math.nextafter(1, 2),
    1.7976931348623157e308,
    -1.7976931348623157e308,
]
_ALL: Final[Sequence[Value]] = [*TEXTS, *NUMBERS, True, False]
VALUES: Final[dict[str, Value]] = {f"key {n}": value for n, value in enumerate(_ALL)}
KEYS: Final = ["a", "A", "a.b", "a/b", "a:b", "a b", "a-b", "a_b", "ä", "語", "k" * 250]


def exact(values: Mapping[str, Value]) -> dict[str, str]:
    """Return what tells 1, 1.0 and True apart."""
    return {key: repr(value) for key, value in values.items()}


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

    # -- exact values ----------------------------------------------------------------------------

    def test_tags_params_and_metrics_come_back_exactly(self, store: MetadataStore) -> None:
        metrics = {f"metric {n}": float(number) for n, number in enumerate(NUMBERS)}
        keyed: dict[str, Value] = {key: key for key in KEYS}
        model = add_model(store, model_of("m", tags=VALUES))
        version = add_version(
            store, version_of("m", 1, tags={**VALUES, **keyed}, params=VALUES, metrics=metrics)
        )
        read = store.version(WORKSPACE, "m", 1)
        assert read == version
        assert read is not None
        for same in (version, read):
            assert exact(same.tags) == exact({**VALUES, **keyed})
            assert exact(same.params) == exact(VALUES)
            assert exact(same.metrics) == exact(metrics)
        assert exact(model.tags) == exact(stored(store, "m").tags) == exact(VALUES)

    def test_values_are_replaced_as_a_whole(self, store: MetadataStore) -> None:
        add_model(store, model_of("m", tags={"a": 1, "b": "x", "c": True}))
        add_version(
            store,
            version_of("m", 1, tags={"a": 1}, params={"a": 1, "b": 2}, metrics={"a": 1.0}),
        )
        changed: dict[str, Value] = {"a": 1.0, "b": 1, "d": "new"}
        assert exact(change_model(store, name_key("m"), tags=changed).tags) == exact(changed)
        assert exact(stored(store, "m").tags) == exact(changed)
        change_version(store, "m", 1, tags={}, params={"a": True}, metrics={"b": 2.0, "a": 1.0})
        version = stored_version(store, "m", 1)
        assert exact(version.tags) == exact({})
        assert exact(version.params) == exact({"a": True})
        assert exact(version.metrics) == exact({"a": 1.0, "b": 2.0})

    @pytest.mark.parametrize("text", TEXTS)
    def test_texts_come_back_exactly(self, store: MetadataStore, text: str) -> None:
        short = text[:8_000]
        add_model(store, model_of("m", description=text, created_by=short))
        version = version_of(
            "m",
            1,
            description=text,
            status_message=short,
            framework=short,
            source_uri=short,
            run_id=short,
            run_link=short,
        )
        added = add_version(store, version)
        assert added == replace(version, id=added.id)
        assert store.version(WORKSPACE, "m", 1) == added
        assert stored(store, "m").description == text
        assert stored(store, "m").created_by == short

    def test_every_field_of_a_model_comes_back(self, store: MetadataStore) -> None:
        full = model_of(
            "m",
            slug="slug",
            created_at=later(0.001),
            updated_at=later(0.002),
            description="text",
            tags={"a": 1},
            last_number=7,
            latest=3,
            version_count=5,
            revision=11,
        )
        added = store.transact(name_key("m"), lambda tx: tx.add_model(full))
        assert added == replace(full, id=added.id)
        assert stored(store, "m") == added
        bare = model_of("m", id=added.id, uuid=added.uuid, created_by="zoe", created_at=later(1))
        store.transact(name_key("m"), lambda tx: tx.save_model(bare))
        assert stored(store, "m") == bare
        store.transact(name_key("m"), lambda tx: tx.save_model(added))
        assert stored(store, "m") == added

    def test_every_field_of_a_version_comes_back(self, store: MetadataStore) -> None:
        variable = Variable("x", VariableType.NUMERIC, "float64", (-1, 3), optional=True)
        full = version_of(
            "m",
            7,
            created_at=later(0.003),
            updated_at=later(0.004),
            status=Status.FAILED,
            status_message="why",
            label="1.0.0",
            stage="Archived",
            description="text",
            tags={"a": 1},
            params={"b": 2},
            metrics={"c": 3.0},
            framework="sklearn",
            signature=Signature((variable,), (Variable("y", VariableType.TEXT),)),
            source_uri="s3://bucket/key",
            run_id="run",
            run_link="https://example.org/run",
            digest=digest("manifest"),
            size=2**62,
            file_count=100_000,
            snapshot="c" * 40,
            parent="d" * 40,
            deleted_at=later(0.005),
            revision=13,
        )
        add_model(store, "m")
        added = store.transact(name_key("m"), lambda tx: tx.add_version(full))
        assert added == replace(full, id=added.id)
        assert stored_version(store, "m", 7) == added
        bare = version_of(
            "m", 7, id=added.id, uuid=added.uuid, created_by="zoe", created_at=later(1)
        )
        store.transact(name_key("m"), lambda tx: tx.save_version(bare))
        assert stored_version(store, "m", 7) == bare
        assert store.version(WORKSPACE, "m", 7) == bare
        store.transact(name_key("m"), lambda tx: tx.save_version(added))
        assert stored_version(store, "m", 7) == added

    def test_a_version_may_have_as_much_as_the_limits_allow(self, store: MetadataStore) -> None:
        tags: dict[str, Value] = {f"tag {n}": n for n in range(1_000)}
        params: dict[str, Value] = {f"param {n}": f"value {n}" for n in range(10_000)}
        metrics = {f"metric {n}": n / 7 for n in range(10_000)}
        add_model(store, "m")
        add_version(store, version_of("m", 1, tags=tags, params=params, metrics=metrics))
        version = store.version(WORKSPACE, "m", 1)
        assert version is not None
        assert (version.tags, version.params, version.metrics) == (tags, params, metrics)

    # -- durability ------------------------------------------------------------------------------

    def test_everything_is_there_after_closing_and_opening_again(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        store.ensure_workspace("other", later(1))
        manifest = manifest_of("a", "b")
        add_blobs(store, manifest)
        add_model(store, model_of("m", tags=VALUES))
        seal(store, "m", 1, manifest)
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        apply(store, "m", lambda tx: tx.remember(Remembered("key", "request", 1, NOON)))
        apply(store, "m", lambda tx: tx.record(entry_of()))

        def everything(store: MetadataStore) -> list[object]:
            model = stored(store, "m")
            return [
                store.workspaces(),
                model,
                exact(model.tags),
                store.version(WORKSPACE, "m", 1),
                store.references(WORKSPACE, "m"),
                history(store, model),
                store.transact(name_key("m"), lambda tx: tx.remembered("key")),
                store.known_blobs([*manifest.digests, manifest.digest, digest("unknown")]),
                list(store.digests_in_use()),
                store.totals(),
            ]

        before = everything(store)
        store.close()
        store = self.open_store(tmp_path / "store")
        try:
            assert everything(store) == before
            assert store.ensure_workspace("other", later(9)) in store.workspaces()
            assert add_model(store, "n").id > stored(store, "m").id
        finally:
            store.close()

    def test_two_openings_of_one_store_see_each_other(self, tmp_path: Path) -> None:
        one, two = self.open_store(tmp_path / "store"), self.open_store(tmp_path / "store")
        try:
            one.ensure_workspace(WORKSPACE, NOON)
            for number in range(1, 11):
                if number == 1:
                    add_model(one, "m")
                writer, reader = (one, two) if number % 2 else (two, one)
                added = add_version(writer, version_of("m", number))
                assert reader.version(WORKSPACE, "m", number) == added
            assert stored(one, "m") == stored(two, "m")
            assert len(history(one, stored(one, "m"))) == 11
        finally:
            one.close()
            two.close()

    def test_a_store_answers_and_says_whether_reads_are_local(self, store: MetadataStore) -> None:
        store.ping()
        assert isinstance(store.reads_are_local, bool)

    def test_a_workspace_is_made_once(self, store: MetadataStore) -> None:
        first = store.ensure_workspace("team-a", later(1))
        assert (first.name, first.created_at) == ("team-a", later(1))
        assert store.ensure_workspace("team-a", later(2)) == first
        assert first.id != store.ensure_workspace(WORKSPACE, NOON).id
        assert [workspace.name for workspace in store.workspaces()] == [WORKSPACE, "team-a"]


def _add_and_stop(tx: Transaction) -> None:
    tx.add_model(model_of("b"))
    raise Stop
