"""What is visible when: by number, alias, label, stage, digest, uuid and slug; deleted or not."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from collections.abc import Sequence

import pytest

from muniment.domain.entities import ModelVersion, ReferenceKind, Status
from muniment.domain.query import Query, Target
from muniment.errors import AlreadyExists
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    add_version,
    alias_of,
    apply,
    change_model,
    change_version,
    digest,
    later,
    model_of,
    name_key,
    stored,
    stored_version,
    version_of,
)
from muniment.storage.metadata import MetadataStore, ModelId, ModelName


def numbers(versions: Sequence[ModelVersion]) -> list[int]:
    """Return the numbers of versions, in their order."""
    return [version.version for version in versions]


def searched(store: MetadataStore, target: Target, *, deleted: bool = False) -> list[str]:
    """Return what a search without filter finds, as `name` or `name/3`."""
    query = Query(WORKSPACE, target, deleted=deleted)
    if target is Target.MODELS:
        return [model.name for model, _ in store.search_models(query)]
    return [version.ref for version, _ in store.search_versions(query)]


class ReadingSuite(MetadataContract):
    """Reads outside and inside of transactions."""

    def test_what_is_not_there_is_none(self, store: MetadataStore) -> None:
        add_model(store, "empty")
        for workspace in (WORKSPACE, "nowhere"):
            for name in ("empty", "missing"):
                assert store.version(workspace, name, 1) is None
                assert store.version_by_alias(workspace, name, "champion") is None
                assert store.version_by_label(workspace, name, "1.0") is None
                assert store.newest_version(workspace, name) is None
                assert store.references(workspace, name) == []
            assert store.model(ModelName(workspace, "missing")) is None
            assert store.model_by_slug(workspace, "missing") is None
            assert store.version_by_uuid(workspace, "0" * 32) is None
        assert store.activities(10**6, limit=10) == []

    def test_a_version_is_found_in_every_way_it_is_named(self, store: MetadataStore) -> None:
        model = add_model(store, model_of("My Model", slug="my-model"))
        add_version(store, version_of("My Model", 1, label="1.0.0", digest=digest("a")))
        apply(store, "My Model", lambda tx: tx.save_reference(alias_of("champion", 1)))
        version = store.version(WORKSPACE, "My Model", 1)
        assert version is not None
        assert version.aliases == ("champion",)
        assert store.version_by_alias(WORKSPACE, "My Model", "champion") == version
        assert store.version_by_label(WORKSPACE, "My Model", "1.0.0") == version
        assert store.version_by_uuid(WORKSPACE, version.uuid) == version
        assert store.newest_version(WORKSPACE, "My Model") == version
        assert store.newest_version(WORKSPACE, "My Model", digest=digest("a")) == version
        found = store.model_by_slug(WORKSPACE, "my-model")
        assert found is not None
        assert (found.id, found.aliases) == (model.id, {"champion": 1})

    def test_aliases_and_labels_are_those_of_one_model_and_compared_exactly(
        self, store: MetadataStore
    ) -> None:
        for name in ("a", "b"):
            add_model(store, name)
        add_version(store, version_of("a", 1, label="v"))
        apply(store, "a", lambda tx: tx.save_reference(alias_of("champion", 1)))
        assert store.version_by_alias(WORKSPACE, "b", "champion") is None
        assert store.version_by_alias(WORKSPACE, "a", "Champion") is None
        assert store.version_by_label(WORKSPACE, "b", "v") is None
        assert store.version_by_label(WORKSPACE, "a", "V") is None

    def test_only_aliases_are_aliases(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1))
        tag = alias_of("champion", 1, kind=ReferenceKind.TAG)
        apply(store, "m", lambda tx: tx.save_reference(tag))
        assert store.version_by_alias(WORKSPACE, "m", "champion") is None
        assert stored(store, "m").aliases == {}

    def test_the_newest_in_each_stage_are_found_for_many_models_at_once(
        self, store: MetadataStore
    ) -> None:
        a, b, empty, gone = (add_model(store, name).id for name in ("a", "b", "empty", "gone"))
        for number, stage in enumerate(
            ("Staging", "None", "Archived", "None", "Staging", "Own one"), start=1
        ):
            status = Status.PENDING if number == 5 else Status.READY
            add_version(store, version_of("a", number, stage=stage, status=status))
        add_version(store, version_of("a", 7, stage="Production", deleted_at=NOON))
        add_version(store, version_of("b", 1))
        add_version(store, version_of("gone", 1))
        change_model(store, name_key("gone"), deleted_at=NOON)
        found = store.newest_in_stages(WORKSPACE, [b, gone, empty, a, a])
        assert [(v.ref, v.stage) for v in found] == [
            ("a/5", "Staging"),
            ("a/4", "None"),
            ("a/3", "Archived"),
            ("a/6", "Own one"),
            ("b/1", "None"),
        ]
        assert found[1] == store.version(WORKSPACE, "a", 4)
        assert store.newest_in_stages(WORKSPACE, []) == []
        assert store.newest_in_stages("nowhere", [a]) == []

    def test_newest_is_the_highest_live_ready_version(self, store: MetadataStore) -> None:
        add_model(store, "m")
        a, b = digest("a"), digest("b")
        for version in (
            version_of("m", 1, stage="Production", digest=a),
            version_of("m", 2, stage="Production", digest=b),
            version_of("m", 3, stage="Staging", digest=a),
            version_of("m", 4, stage="Production", digest=a, status=Status.PENDING),
            version_of("m", 5, stage="Production", digest=a, status=Status.FAILED),
            version_of("m", 6, stage="Production", digest=a, deleted_at=NOON),
        ):
            add_version(store, version)

        def newest(**narrowed: str) -> int | None:
            version = store.newest_version(WORKSPACE, "m", **narrowed)
            return None if version is None else version.version

        assert newest() == 3
        assert newest(stage="Production") == 2
        assert newest(stage="pRODUCTION") == 2
        assert newest(stage="Archived") is None
        assert newest(digest=a) == 3
        assert newest(digest=digest("c")) is None
        assert newest(stage="Production", digest=a) == 1
        assert newest(stage="None") is None
        inside = store.transact(
            name_key("m"), lambda tx: (tx.newest_ready(), tx.versions_in_stage("Production"))
        )
        assert inside[0] == store.version(WORKSPACE, "m", 3)
        assert numbers(inside[1]) == [1, 2, 4, 5]

    def test_versions_in_the_stage_none_are_found_too(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1))
        add_version(store, version_of("m", 2, stage="Staging"))
        assert store.newest_version(WORKSPACE, "m", stage="None") == stored_version(store, "m", 1)
        found = store.transact(name_key("m"), lambda tx: tx.versions_in_stage("None"))
        assert numbers(found) == [1]

    def test_the_sealed_version_before_may_be_deleted(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1, snapshot="a" * 40))
        add_version(store, version_of("m", 2, snapshot="b" * 40, deleted_at=NOON))
        add_version(store, version_of("m", 3))

        def before(number: int) -> int | None:
            version = store.transact(name_key("m"), lambda tx: tx.sealed_before(number))
            return None if version is None else version.version

        assert [before(number) for number in (1, 2, 3, 4)] == [None, 1, 2, 2]

    def test_numbers_need_not_follow_each_other(self, store: MetadataStore) -> None:
        add_model(store, "m")
        for number in (2, 10, 1_000_000):
            add_version(store, version_of("m", number))
        assert searched(store, Target.VERSIONS) == ["m/2", "m/10", "m/1000000"]
        newest = store.newest_version(WORKSPACE, "m")
        assert newest is not None
        assert newest.version == 1_000_000

    # -- deletion and restoration ----------------------------------------------------------------

    def test_a_deleted_version_is_seen_only_by_who_looks_for_it(self, store: MetadataStore) -> None:
        add_model(store, "m")
        for number in (1, 2):
            add_version(store, version_of("m", number, label=f"{number}.0", stage="Staging"))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 2)))
        deleted = change_version(store, "m", 2, deleted_at=later(1))

        assert store.version(WORKSPACE, "m", 2) is None
        assert store.version_by_uuid(WORKSPACE, deleted.uuid) is None
        assert store.version_by_alias(WORKSPACE, "m", "champion") is None
        assert store.version_by_label(WORKSPACE, "m", "2.0") is None
        assert store.newest_version(WORKSPACE, "m") == store.version(WORKSPACE, "m", 1)
        assert searched(store, Target.VERSIONS) == ["m/1"]
        assert searched(store, Target.VERSIONS, deleted=True) == ["m/2"]
        assert stored_version(store, "m", 2) == deleted
        inside = store.transact(
            name_key("m"), lambda tx: (tx.version_by_label("2.0"), tx.versions_in_stage("Staging"))
        )
        assert (inside[0], numbers(inside[1])) == (None, [1])

        change_version(store, "m", 2, deleted_at=None)
        restored = store.version(WORKSPACE, "m", 2)
        assert restored is not None
        assert store.version_by_alias(WORKSPACE, "m", "champion") == restored
        assert store.version_by_label(WORKSPACE, "m", "2.0") == restored
        assert searched(store, Target.VERSIONS, deleted=True) == []

    def test_a_deleted_version_s_label_may_be_used_again(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_version(store, version_of("m", 1, label="1.0"))
        change_version(store, "m", 1, deleted_at=NOON)
        again = add_version(store, version_of("m", 2, label="1.0"))
        assert store.version_by_label(WORKSPACE, "m", "1.0") == again

    def test_a_deleted_model_is_seen_only_by_its_id_and_by_who_looks_for_it(
        self, store: MetadataStore
    ) -> None:
        model = add_model(store, "m")
        version = add_version(store, version_of("m", 1, label="1.0"))
        add_version(store, version_of("m", 2, deleted_at=NOON))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        key = ModelId(WORKSPACE, model.id)
        deleted = change_model(store, key, deleted_at=later(1))

        assert store.model(name_key("m")) is None
        assert store.model_by_slug(WORKSPACE, "m") is None
        assert store.transact(name_key("m"), lambda tx: tx.model()) is None
        assert store.version(WORKSPACE, "m", 1) is None
        assert store.version_by_uuid(WORKSPACE, version.uuid) is None
        assert store.version_by_alias(WORKSPACE, "m", "champion") is None
        assert store.version_by_label(WORKSPACE, "m", "1.0") is None
        assert store.newest_version(WORKSPACE, "m") is None
        assert store.references(WORKSPACE, "m") == []
        assert searched(store, Target.MODELS) == []
        assert searched(store, Target.VERSIONS) == []
        assert searched(store, Target.VERSIONS, deleted=True) == []
        assert searched(store, Target.MODELS, deleted=True) == ["m"]
        assert store.model(key) == deleted
        assert store.transact(key, lambda tx: tx.model()) == deleted
        assert list(store.all_models()) == [deleted]
        assert len(store.activities(model.id, limit=10)) == 3

        change_model(store, key, deleted_at=None)
        assert store.version_by_alias(WORKSPACE, "m", "champion") is not None
        assert searched(store, Target.MODELS) == ["m"]
        assert searched(store, Target.MODELS, deleted=True) == []
        assert searched(store, Target.VERSIONS, deleted=True) == ["m/2"]

    def test_a_deleted_model_s_name_and_slug_may_be_used_again(self, store: MetadataStore) -> None:
        old = add_model(store, "m")
        key = ModelId(WORKSPACE, old.id)
        change_model(store, key, deleted_at=NOON)
        new = add_model(store, "m")
        assert new.id != old.id
        assert stored(store, "m") == new
        for fields in ({}, {"slug": "other"}, {"name": "other"}):
            with pytest.raises(AlreadyExists):
                change_model(store, key, deleted_at=None, **fields)
        restored = change_model(store, key, deleted_at=None, name="other", slug="other")
        assert stored(store, "other") == restored
        assert {model.id for model in store.all_models()} == {old.id, new.id}

    def test_two_models_of_one_name_may_be_deleted(self, store: MetadataStore) -> None:
        for _ in range(2):
            model = add_model(store, "m")
            change_model(store, ModelId(WORKSPACE, model.id), deleted_at=NOON)
        assert searched(store, Target.MODELS, deleted=True) == ["m", "m"]

    def test_a_purged_version_is_gone_with_everything_it_had(self, store: MetadataStore) -> None:
        add_model(store, "m")
        version = add_version(
            store,
            version_of("m", 1, label="1.0", tags={"a": 1}, params={"a": 1}, metrics={"a": 1.0}),
        )
        kept = add_version(store, version_of("m", 2))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("champion", 1)))
        apply(store, "m", lambda tx: tx.save_reference(alias_of("t", 1, kind=ReferenceKind.TAG)))
        apply(store, "m", lambda tx: tx.purge_version(1))
        assert store.version(WORKSPACE, "m", 1) is None
        assert store.version_by_uuid(WORKSPACE, version.uuid) is None
        assert store.references(WORKSPACE, "m") == []
        assert stored(store, "m").aliases == {}
        assert searched(store, Target.VERSIONS) == ["m/2"]
        assert searched(store, Target.VERSIONS, deleted=True) == []
        assert store.version(WORKSPACE, "m", 2) == kept
        assert store.transact(name_key("m"), lambda tx: tx.version(1)) is None
        assert add_version(store, version_of("m", 3, label="1.0")).tags == {}
