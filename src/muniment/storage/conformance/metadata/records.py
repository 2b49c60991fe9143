"""Records: filed with a model, found by kind, model, version, state and key."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from muniment.domain.activities import ActivityKind
from muniment.domain.records import MAX_KEY_BYTES, Record, RecordKind, RecordQuery
from muniment.domain.values import JsonObject
from muniment.errors import Conflict, NotFound
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    add_version,
    apply,
    change_model,
    entry_of,
    history,
    later,
    model_of,
    name_key,
    stored,
    version_of,
)
from muniment.storage.conformance.metadata.threads import THREADS, at_once
from muniment.storage.metadata import MetadataStore, ModelId, ModelName, Transaction

BODY: Final[JsonObject] = {
    "text": 'it\'s "quoted" \\ 🙂 e\u0301 \u202e語\r\n\t\u2028',
    "": None,
    "yes": True,
    "big": 2**70,
    "small": -(2**70),
    "float": 0.1 + 0.2,
    "least": 5e-324,
    "whole": 1.0,
    "list": [1, [], {}, [{"a": ["b"]}]],
    "long": "x" * 100_000,
}


def record_of(kind: RecordKind = RecordKind.REQUEST, **fields: Any) -> Record:
    """Return a record that is not stored yet."""
    return replace(Record(kind=kind, created_at=NOON, body={"n": 1}), **fields)


def file_record(store: MetadataStore, model: str, record: Record | None = None) -> Record:
    """File a record with a model; return it as it is stored."""
    return store.transact(name_key(model), lambda tx: tx.add_record(record or record_of()))


def query_of(**fields: Any) -> RecordQuery:
    """Return a query in the default workspace."""
    return RecordQuery(**{"workspace": WORKSPACE, "kind": RecordKind.REQUEST, **fields})


def found(store: MetadataStore, **fields: Any) -> list[int]:
    """Return the ids of the records that a query finds."""
    return [record.id for record in store.find_records(query_of(**fields))]


def ids(records: Iterable[Record]) -> list[int]:
    """Return the ids of records."""
    return [record.id for record in records]


class RecordsSuite(MetadataContract):
    """`add_record`, `save_record`, `drop_record`, and all that finds records."""

    # -- kept ------------------------------------------------------------------------------------

    def test_a_record_is_kept_as_it_is(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        model = add_model(store, "m")
        long = "🙂" * (MAX_KEY_BYTES // 4)
        keys = ("", "a:b", "it's", long, "twice", "twice")
        record = record_of(body=BODY, version=3, state="open", keys=keys, created_at=later(0.001))
        kept = file_record(store, "m", record)
        assert kept.id > 0
        assert kept == replace(record, id=kept.id, model_id=model.id)
        store.close()
        store = self.open_store(tmp_path / "store")
        try:
            (again,) = store.find_records(query_of())
            assert again == kept == store.record(WORKSPACE, kept.id)
            for name, value in BODY.items():
                assert repr(again.body[name]) == repr(value)
            for key in keys:
                assert found(store, key=key) == [kept.id]
            assert found(store, key=long[:-1]) == []
        finally:
            store.close()

    def test_records_of_the_model_alone_have_no_version(self, store: MetadataStore) -> None:
        add_model(store, "m")
        for kind in RecordKind:
            record = file_record(store, "m", record_of(kind))
            assert (record.version, record.state, record.keys) == (None, "", ())
            assert store.record(WORKSPACE, record.id) == record

    def test_ids_are_never_used_again_nor_shared_by_models(self, store: MetadataStore) -> None:
        add_model(store, "a")
        add_model(store, "b")
        first, second = file_record(store, "a"), file_record(store, "b")
        apply(store, "b", lambda tx: tx.drop_record(second.id))
        third = file_record(store, "a")
        assert first.id < second.id < third.id

    # -- in a transaction ------------------------------------------------------------------------

    def test_a_transaction_sees_what_it_wrote(self, store: MetadataStore) -> None:
        add_model(store, "m")

        def decide(tx: Transaction) -> None:
            one = tx.add_record(record_of(version=1, state="open"))
            two = tx.add_record(record_of(version=2, state="open"))
            tx.add_record(record_of(RecordKind.COMMENT, version=2))
            assert tx.records(RecordKind.REQUEST) == [one, two]
            assert tx.records(RecordKind.REQUEST, version=2) == [two]
            closed = replace(one, state="closed")
            tx.save_record(closed)
            assert tx.record_by_id(one.id) == closed
            assert tx.records(RecordKind.REQUEST, state="open") == [two]
            assert tx.records(RecordKind.REQUEST, version=1, state="closed") == [closed]
            assert tx.records(RecordKind.REQUEST, version=1, state="open") == []
            tx.drop_record(two.id)
            tx.drop_record(two.id)
            assert tx.record_by_id(two.id) is None
            assert tx.records(RecordKind.REQUEST) == [closed]
            assert tx.records(RecordKind.REQUEST, state="") == []
            assert ids(tx.records(RecordKind.COMMENT, state="")) == [two.id + 1]

        apply(store, "m", decide)

    def test_a_refused_change_leaves_no_record(self, store: MetadataStore) -> None:
        add_model(store, "m")
        kept = file_record(store, "m", record_of(state="open", keys=("k",)))

        def decide(tx: Transaction) -> None:
            tx.add_record(record_of(keys=("k",)))
            tx.save_record(replace(kept, state="closed", keys=("other",), body={}))
            raise Conflict("no")

        with pytest.raises(Conflict):
            apply(store, "m", decide)
        assert store.find_records(query_of()) == [kept]
        assert found(store, key="k", state="open") == [kept.id]
        assert found(store, key="other") == []

    def test_saving_replaces_all_but_what_a_record_is(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        old = file_record(store, "m", record_of(version=1, state="open", keys=("a", "b")))
        new = Record(
            RecordKind.COMMENT, later(5), {"n": 2}, 2, "closed", ("b", "c"), old.id, model_id=99
        )
        apply(store, "m", lambda tx: tx.save_record(new))
        kept = replace(new, kind=old.kind, created_at=old.created_at, model_id=model.id)
        assert store.record(WORKSPACE, old.id) == kept
        assert found(store, key="a") == []
        for key in ("b", "c"):
            assert found(store, key=key) == found(store, key=key, state="closed") == [old.id]
            assert found(store, key=key, state="open") == []
        assert found(store, model_id=model.id, version=1) == []
        assert found(store, model_id=model.id, version=2) == [old.id]

    def test_a_record_of_another_model_is_out_of_reach(self, store: MetadataStore) -> None:
        add_model(store, "a")
        add_model(store, "b")
        record = file_record(store, "a")

        def decide(tx: Transaction) -> None:
            assert tx.record_by_id(record.id) is None
            assert tx.records(RecordKind.REQUEST) == []
            tx.drop_record(record.id)
            with pytest.raises(NotFound):
                tx.save_record(record)

        apply(store, "b", decide)
        assert store.record(WORKSPACE, record.id) == record

    def test_without_a_model_there_are_no_records(self, store: MetadataStore) -> None:
        def decide(tx: Transaction) -> None:
            assert list(tx.records(RecordKind.REQUEST)) == []
            assert tx.record_by_id(1) is None
            tx.drop_record(1)
            with pytest.raises(NotFound):
                tx.add_record(record_of())

        apply(store, "m", decide)

    # -- found -----------------------------------------------------------------------------------

    def test_every_combination_finds_what_fits(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        rng = random.Random(5)  # noqa: S311
        workspaces = {"a": WORKSPACE, "b": WORKSPACE, "c": "other"}
        models = {
            name: add_model(store, model_of(name, workspace=workspace))
            for name, workspace in workspaces.items()
        }
        kept: list[tuple[str, Record]] = []
        for _ in range(300):
            name = rng.choice("abc")
            record = record_of(
                rng.choice([RecordKind.REQUEST, RecordKind.DEPLOYMENT]),
                version=rng.choice([None, 1, 2]),
                state=rng.choice(["", "open", "closed"]),
                keys=tuple(rng.sample(["x", "y", "z"], k=rng.randrange(4))),
            )
            key = ModelName(workspaces[name], name)
            kept.append((name, store.transact(key, partial(_add, record=record))))
        combinations = itertools.product(
            [WORKSPACE, "other", "none"],
            [RecordKind.REQUEST, RecordKind.COMMENT],
            [None, models["a"].id, models["c"].id],
            [None, 1],
            [None, "", "open"],
            [None, "x"],
            [False, True],
        )
        for workspace, kind, model_id, version, state, key_, newest_first in combinations:
            expected = [
                record
                for name, record in kept
                if workspaces[name] == workspace
                and record.kind is kind
                and model_id in (None, record.model_id)
                and version in (None, record.version)
                and state in (None, record.state)
                and (key_ is None or key_ in record.keys)
            ]
            query = RecordQuery(
                workspace, kind, model_id, version, state, key_, newest_first=newest_first, limit=7
            )
            pages: list[Record] = []
            while page := store.find_records(query):
                assert len(page) <= 7
                pages += page
                query = replace(query, after=page[-1].id)
            assert pages == (expected[::-1] if newest_first else expected)

    def test_records_of_deleted_models_are_not_found(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        record = file_record(store, "m", record_of(state="open", keys=("k",)))
        change_model(store, name_key("m"), deleted_at=later(1))
        assert store.record(WORKSPACE, record.id) is None
        for fields in ({}, {"key": "k"}, {"state": "open"}, {"model_id": model.id}):
            assert found(store, **fields) == []
        key = ModelId(WORKSPACE, model.id)
        assert store.transact(key, lambda tx: tx.record_by_id(record.id)) == record
        change_model(store, key, deleted_at=None)
        assert store.record(WORKSPACE, record.id) == record
        assert found(store, key="k") == [record.id]

    def test_records_of_another_workspace_are_not_found(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        add_model(store, "m")
        record = file_record(store, "m", record_of(keys=("k",)))
        assert store.record("other", record.id) is None
        assert store.record("none", record.id) is None
        assert found(store, workspace="other", key="k") == []

    def test_records_stay_with_a_renamed_model(self, store: MetadataStore) -> None:
        add_model(store, "m")
        record = file_record(store, "m")
        change_model(store, name_key("m"), name="n", slug="n")
        assert store.record(WORKSPACE, record.id) == record

    def test_purging_a_version_removes_its_records(self, store: MetadataStore) -> None:
        add_model(store, "m")
        for number in (1, 2):
            add_version(store, version_of("m", number))
        gone = [
            file_record(store, "m", record_of(kind, version=1, state="s", keys=("k", str(kind))))
            for kind in RecordKind
        ]
        kept = [
            file_record(store, "m", record_of(version=version, keys=("k",)))
            for version in (2, None)
        ]
        apply(store, "m", lambda tx: tx.purge_version(1))
        assert [store.record(WORKSPACE, record.id) for record in gone] == [None] * len(gone)
        assert found(store, key="k") == found(store) == ids(kept)

    # -- many at once ----------------------------------------------------------------------------

    def test_many_threads_file_with_one_model_and_with_many(self, store: MetadataStore) -> None:
        names = ["one", *(f"m{n}" for n in range(THREADS))]
        for name in names:
            add_model(store, name)

        def decide(tx: Transaction, n: int) -> Record:
            tx.record(entry_of(ActivityKind.COMMENT_ADDED))
            count = len(tx.records(RecordKind.COMMENT))
            return tx.add_record(
                record_of(RecordKind.COMMENT, body={"n": count}, keys=("k", f"by:{n}"))
            )

        def work(n: int) -> list[Record]:
            mine = [
                store.transact(name_key(name), partial(decide, n=n))
                for name in ("one", f"m{n}") * 5
            ]
            assert mine == [store.record(WORKSPACE, record.id) for record in mine]
            return mine

        made = [
            *itertools.chain.from_iterable(at_once(*[partial(work, n) for n in range(THREADS)]))
        ]
        assert len({record.id for record in made}) == len(made) == 10 * THREADS
        assert found(store, kind=RecordKind.COMMENT, key="k", limit=1_000) == sorted(ids(made))
        for n in range(THREADS):
            assert len(found(store, kind=RecordKind.COMMENT, key=f"by:{n}")) == 10
        for name in names:
            model = stored(store, name)
            of_model = store.find_records(
                query_of(kind=RecordKind.COMMENT, model_id=model.id, limit=1_000)
            )
            # each saw all those before it
            assert [record.body["n"] for record in of_model] == list(range(len(of_model)))
            assert len(history(store, model)) == 1 + len(of_model)


def _add(tx: Transaction, record: Record) -> Record:
    return tx.add_record(record)
