"""What is written is kept: every field and value exactly, also after closing and opening again."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from muniment.domain.checks import CheckState
from muniment.domain.entities import (
    Signature,
    Status,
    Variable,
    VariableType,
)
from muniment.domain.values import Value
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
    history,
    later,
    manifest_of,
    model_of,
    name_key,
    seal,
    stored,
    stored_version,
    version_of,
)
from muniment.storage.metadata import (
    MetadataStore,
    Remembered,
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


class KeepingSuite(MetadataContract):
    """What comes back."""

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
            location=short,
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
            stage_since=later(0.006),
            description="text",
            tags={"a": 1},
            params={"b": 2},
            metrics={"c": 3.0},
            framework="sklearn",
            signature=Signature((variable,), (Variable("y", VariableType.TEXT),)),
            source_uri="s3://bucket/key",
            location="s3://bucket/elsewhere",
            run_id="run",
            run_link="https://example.org/run",
            digest=digest("manifest"),
            size=2**62,
            file_count=100_000,
            snapshot="c" * 40,
            parent="d" * 40,
            checks=CheckState.FAILED,
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

    def test_a_call_is_made_where_all_writing_is_or_refused(self, store: MetadataStore) -> None:
        add_model(store, "m")
        ended: Future[int] = Future()

        def done(result: int | None, error: BaseException | None) -> None:
            ended.set_result(result or 0)

        if store.submit(lambda: add_version(store, version_of("m", 1)).version, done):
            assert ended.result(30) == 1
            assert stored_version(store, "m", 1).version == 1
        else:
            assert not ended.done()

    def test_a_workspace_is_made_once(self, store: MetadataStore) -> None:
        first = store.ensure_workspace("team-a", later(1))
        assert (first.name, first.created_at) == ("team-a", later(1))
        assert store.ensure_workspace("team-a", later(2)) == first
        assert first.id != store.ensure_workspace(WORKSPACE, NOON).id
        assert [workspace.name for workspace in store.workspaces()] == [WORKSPACE, "team-a"]
