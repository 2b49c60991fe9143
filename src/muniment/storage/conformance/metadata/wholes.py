"""What moves a registry: everything is read, and written again elsewhere as it was."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.deployments import UseKind
from muniment.domain.entities import ReferenceKind, RegisteredModel
from muniment.domain.records import RecordKind
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
    entry_of,
    held,
    history,
    later,
    model_of,
    name_key,
    stored,
    version_of,
)
from muniment.storage.conformance.metadata.records import file_record, record_of
from muniment.storage.conformance.metadata.uses import use_of, used_model
from muniment.storage.metadata import MetadataStore, ModelId, ModelName, Remembered, Transaction
from muniment.storage.wholes import Belonging


class WholesSuite(MetadataContract):
    """`model_by_uuid`, `belongings`, and what restoring asks of `transact`."""

    # -- reading ---------------------------------------------------------------------------------

    def test_a_model_is_found_by_its_uuid_wherever_it_is(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        here, there = add_model(store, "m"), add_model(store, model_of("m", workspace="other"))
        change_model(store, name_key("m"), deleted_at=NOON)
        found = store.model_by_uuid(here.uuid)
        assert found is not None
        assert (found.id, found.deleted_at) == (here.id, NOON)
        assert store.model_by_uuid(there.uuid) == there
        assert store.model_by_uuid(uuid4().hex) is None

    def test_all_that_belongs_to_a_model_comes_in_order(self, store: MetadataStore) -> None:
        model = used_model(store, "m", versions=3)
        used_model(store, "other")
        change_version(store, "m", 2, deleted_at=NOON, label="1.0", tags={"a": 1.0})
        kinds = (ReferenceKind.TAG, ReferenceKind.ALIAS, ReferenceKind.BRANCH)
        references = [alias_of(name, 3, kind=kind) for kind in kinds for name in ("é", "b", "B")]
        remembered = [Remembered(key, "0" * 64, 1, later(1)) for key in ("k", "K", "é")]
        uses = [
            use_of(model, version, consumer=consumer, kind=kind, count=2, last_at=later(1))
            for version in (3, 1)
            for consumer in ("b", "a")
            for kind in (UseKind.RESOLVE, UseKind.DOWNLOAD)
        ]

        def decide(tx: Transaction) -> None:
            for reference in references:
                tx.save_reference(reference)
            for one in remembered:
                tx.remember(one)

        apply(store, "m", decide)
        records = [file_record(store, "m", record_of(kind)) for kind in reversed(RecordKind)]
        store.add_uses(uses)
        versions = store.transact(name_key("m"), lambda tx: [tx.version(n) for n in (1, 2, 3)])
        expected: list[Belonging] = [
            *(version for version in versions if version is not None),
            *sorted(references, key=lambda one: (one.kind.value, one.name)),
            *records,
            *sorted(remembered, key=lambda one: one.key),
            *sorted(uses, key=lambda use: (use.version, use.consumer, use.kind.value)),
        ]
        assert list(store.belongings(model.id)) == expected
        change_model(store, name_key("m"), deleted_at=NOON)
        assert list(store.belongings(model.id)) == expected

    def test_many_things_belong_to_a_model(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        count = 1_100

        def decide(tx: Transaction) -> None:
            for number in range(1, count + 1):
                tx.add_version(version_of("m", number))
                tx.remember(Remembered(f"{number:05}", "0" * 64, number, NOON))
                tx.add_record(record_of(version=number))

        apply(store, "m", decide)
        found = list(store.belongings(model.id))
        assert len(found) == 3 * count

    def test_nothing_belongs_to_a_model_that_there_is_not(self, store: MetadataStore) -> None:
        assert list(store.belongings(999)) == []
        assert list(store.belongings(add_model(store, "m").id)) == []

    # -- writing ---------------------------------------------------------------------------------

    def test_a_workspace_may_bring_its_uuid(self, store: MetadataStore) -> None:
        uuid = uuid4().hex
        made = store.ensure_workspace("moved", later(1), uuid=uuid)
        assert (made.uuid, made.created_at) == (uuid, later(1))
        assert store.ensure_workspace("moved", later(2), uuid=uuid4().hex) == made

    def test_a_model_that_is_still_coming_in_is_deleted_and_has_a_name_of_its_own(
        self, store: MetadataStore
    ) -> None:
        whole = replace(
            model_of("m", description="d", tags={"a": 1}, created_at=later(-9), revision=7),
            last_number=5,
            latest=3,
            version_count=1,
        )
        coming = replace(whole, name=f"coming {whole.uuid}", slug="coming", deleted_at=NOON)
        model = store.transact(ModelName(WORKSPACE, coming.name), lambda tx: tx.add_model(coming))
        key = ModelId(WORKSPACE, model.id)

        def bring(tx: Transaction) -> None:
            tx.add_version(version_of("m", 3, revision=9, label="1.0", stage="Production"))
            tx.add_version(version_of("m", 5, revision=2, label="1.0", deleted_at=NOON))
            for n in (1, 2):
                tx.record(entry_of(ActivityKind.MODEL_UPDATED, comment=str(n)))

        def finish(tx: Transaction) -> RegisteredModel:
            tx.save_reference(alias_of("champion", 3, revision=4))
            tx.save_model(whole)
            return held(tx)

        store.transact(key, bring)
        assert store.model(name_key("m")) is None
        assert store.version(WORKSPACE, "m", 3) is None
        finished = store.transact(key, finish)
        found = stored(store, "m")
        assert found == finished
        assert found == replace(
            whole,
            id=model.id,
            aliases={"champion": 3},
            activity_count=2,
            activity_head=found.activity_head,
        )
        version = store.version(WORKSPACE, "m", 3)
        assert version is not None
        assert (version.revision, version.aliases, version.model) == (9, ("champion",), "m")
        assert len(history(store, found)) == 2

    def test_the_same_entries_make_the_same_chain(self, tmp_path: Path) -> None:
        one, two = (self.open_store(tmp_path / name) for name in ("one", "two"))
        try:
            model = model_of("m")
            for store in (one, two):
                store.ensure_workspace(WORKSPACE, NOON)
            add_model(one, model)
            add_version(one, version_of("m", 1))
            entries = [
                Entry(ActivityKind(a.kind), a.actor, a.at, a.version, a.comment, a.details)
                for a in history(one, stored(one, "m"))
            ]

            def decide(tx: Transaction) -> None:
                tx.add_model(model)
                for entry in entries:
                    tx.record(entry)

            apply(two, "m", decide)
            assert stored(two, "m").activity_head == stored(one, "m").activity_head
        finally:
            one.close()
            two.close()

    def test_a_record_keeps_the_id_that_it_comes_with(self, store: MetadataStore) -> None:
        add_model(store, "m")
        first = file_record(store, "m")
        kept = file_record(store, "m", record_of(id=first.id + 40, keys=("k",), state="open"))
        assert kept.id == first.id + 40
        assert store.record(WORKSPACE, kept.id) == kept
        below = file_record(store, "m", record_of(id=first.id + 20))
        assert below.id == first.id + 20
        assert file_record(store, "m").id > kept.id

    def test_an_id_of_a_record_is_not_given_twice(self, store: MetadataStore) -> None:
        add_model(store, "m")
        add_model(store, "other")
        record = file_record(store, "other", record_of(state="open"))

        def decide(tx: Transaction) -> int:
            with pytest.raises(AlreadyExists):
                tx.add_record(record_of(id=record.id))
            return tx.add_record(record_of()).id  # the transaction goes on

        assert store.transact(name_key("m"), decide) > record.id
        assert store.record(WORKSPACE, record.id) == record
