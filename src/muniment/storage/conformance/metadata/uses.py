"""Uses of versions: they add up, whoever counts, and are found latest first."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from muniment.domain.deployments import Use, UseKind
from muniment.domain.entities import RegisteredModel
from muniment.storage.conformance.crashes import End, Mortal, live
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    add_version,
    apply,
    change_model,
    change_version,
    later,
    model_of,
    name_key,
    stored,
    version_of,
)
from muniment.storage.conformance.metadata.deaths import OpenStore
from muniment.storage.conformance.metadata.threads import at_once
from muniment.storage.metadata import MetadataStore, ModelId


def use_of(model: RegisteredModel, version: int = 1, **fields: Any) -> Use:
    """Return a use of a version, once at noon."""
    plain = Use(
        model=model.name,
        version=version,
        consumer="scoring",
        named=True,
        kind=UseKind.RESOLVE,
        first_at=NOON,
        last_at=NOON,
        count=1,
        model_id=model.id,
    )
    return replace(plain, **fields)


def used_model(store: MetadataStore, name: str, *, versions: int = 2) -> RegisteredModel:
    """Store a model with some versions."""
    add_model(store, name)
    for number in range(1, versions + 1):
        add_version(store, version_of(name, number))
    return stored(store, name)


def life_of_uses(mortal: Mortal, open_store: OpenStore, path: Path) -> None:
    """Count two uses."""
    store = open_store(path)
    model = stored(store, "m")
    store.add_uses([use_of(model, 1), use_of(model, 2)])
    mortal.acknowledge()
    store.close()


class UsesSuite(MetadataContract):
    """`add_uses`, `uses` and `drop_uses`."""

    def test_uses_add_up(self, store: MetadataStore) -> None:
        model = used_model(store, "m")
        store.add_uses([])
        store.add_uses([use_of(model, first_at=later(-5), last_at=later(10), count=3)])
        assert store.uses(WORKSPACE, limit=10) == [
            use_of(model, first_at=later(-5), last_at=later(10), count=3)
        ]
        store.add_uses(
            [
                use_of(model, first_at=later(-9), last_at=later(-8), count=4),
                use_of(model, first_at=later(20), last_at=later(30), count=2**40),
            ]
        )
        assert store.uses(WORKSPACE, limit=10) == [
            use_of(model, first_at=later(-9), last_at=later(30), count=7 + 2**40)
        ]

    def test_version_consumer_and_kind_tell_uses_apart(self, store: MetadataStore) -> None:
        model, other = used_model(store, "m"), used_model(store, "n")
        uses = [
            use_of(model),
            use_of(model, kind=UseKind.DOWNLOAD),
            use_of(model, consumer="Scoring"),
            use_of(model, 2),
            use_of(other),
        ]
        for _ in range(2):
            store.add_uses(reversed(uses))
        expected = [uses[2], uses[1], uses[0], uses[3], uses[4]]
        expected = [replace(use, count=2) for use in expected]
        assert store.uses(WORKSPACE, limit=10) == expected

    def test_a_consumer_that_has_named_itself_once_is_named(self, store: MetadataStore) -> None:
        model = used_model(store, "m")
        for given, named in ((False, False), (True, True), (False, True)):
            store.add_uses([use_of(model, named=given)])
            (use,) = store.uses(WORKSPACE, limit=1)
            assert use.named is named

    def test_versions_that_are_gone_are_passed_over(self, store: MetadataStore) -> None:
        model = used_model(store, "m")
        apply(store, "m", lambda tx: tx.purge_version(2))
        store.add_uses(
            [use_of(model, 2), use_of(model, 3), use_of(model, model_id=10**6), use_of(model, 1)]
        )
        assert [use.version for use in store.uses(WORKSPACE, limit=10)] == [1]

    def test_purging_a_version_forgets_its_uses(self, store: MetadataStore) -> None:
        model = used_model(store, "m")
        store.add_uses([use_of(model, 1), use_of(model, 2)])
        apply(store, "m", lambda tx: tx.purge_version(1))
        assert [use.version for use in store.uses(WORKSPACE, limit=10)] == [2]

    def test_old_uses_are_dropped_everywhere(self, store: MetadataStore) -> None:
        model, other = used_model(store, "m"), used_model(store, "n")
        uses = [use_of(model, last_at=later(10)), use_of(model, 2, last_at=later(20))]
        store.add_uses([*uses, use_of(other, last_at=later(19))])
        assert store.drop_uses(later(20)) == 2
        assert store.uses(WORKSPACE, limit=10) == [uses[1]]
        assert store.drop_uses(later(20)) == 0

    def test_uses_of_deleted_versions_are_kept_and_of_deleted_models_hidden(
        self, store: MetadataStore
    ) -> None:
        model = used_model(store, "m")
        change_version(store, "m", 1, deleted_at=later(1))
        store.add_uses([use_of(model)])
        assert len(store.uses(WORKSPACE, limit=10)) == 1
        change_model(store, name_key("m"), deleted_at=later(1))
        store.add_uses([use_of(model)])
        assert store.uses(WORKSPACE, limit=10) == []
        assert store.uses(WORKSPACE, model_id=model.id, limit=10) == []
        change_model(store, ModelId(WORKSPACE, model.id), deleted_at=None, name="n", slug="n")
        (use,) = store.uses(WORKSPACE, limit=10)
        assert (use.model, use.count) == ("n", 2)

    def test_every_combination_finds_what_fits(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        models = [used_model(store, "m"), used_model(store, "n")]
        elsewhere = add_model(store, model_of("x", workspace="other"))
        add_version(store, version_of("x", 1, workspace="other"))
        rng = random.Random(6)  # noqa: S311
        kept = [
            use_of(
                model,
                version,
                consumer=consumer,
                kind=kind,
                last_at=NOON + timedelta(seconds=rng.randrange(4)),
            )
            for model, version, consumer, kind in itertools.product(
                models, (1, 2), ("a", "b", "é"), UseKind
            )
        ]
        store.add_uses([*rng.sample(kept, len(kept)), use_of(elsewhere, consumer="a")])
        assert len(store.uses("other", limit=10)) == 1
        assert store.uses("none", limit=10) == []
        assert store.uses("other", model_id=models[0].id, limit=10) == []
        kept.sort(key=lambda use: (-use.last_at.timestamp(), use.model_id, use.version))
        for model_id, version, consumer, since in itertools.product(
            (None, models[0].id), (None, 2), (None, "a", "none"), (None, later(2), later(9))
        ):
            expected = [
                use
                for use in kept
                if model_id in (None, use.model_id)
                and version in (None, use.version)
                and consumer in (None, use.consumer)
                and (since is None or use.last_at >= since)
            ]
            got = store.uses(
                WORKSPACE,
                model_id=model_id,
                version=version,
                consumer=consumer,
                since=since,
                limit=100,
            )
            order = [(u.last_at, u.model_id, u.version, u.consumer, u.kind) for u in got]
            assert order == sorted(order, key=lambda o: (-o[0].timestamp(), *o[1:]))
            assert sorted(map(repr, got)) == sorted(map(repr, expected))
            few = store.uses(
                WORKSPACE,
                model_id=model_id,
                version=version,
                consumer=consumer,
                since=since,
                limit=3,
            )
            assert few == got[:3]

    def test_what_many_threads_count_sums_up(self, store: MetadataStore) -> None:
        models = [used_model(store, f"m{n}") for n in range(4)]

        def work(n: int) -> None:
            rng = random.Random(n)  # noqa: S311
            for step in range(10):
                uses = [use_of(m, v, last_at=later(step)) for m in models for v in (1, 2)]
                store.add_uses(rng.sample(uses, len(uses)))

        at_once(*[partial(work, n) for n in range(16)])
        found = store.uses(WORKSPACE, limit=100)
        assert [(use.count, use.last_at) for use in found] == [(160, later(9))] * 8

    def test_a_process_may_die_while_it_counts(self, tmp_path: Path) -> None:
        for moment in itertools.count(1):
            path = tmp_path / f"{moment}" / "store"
            path.parent.mkdir()
            store = self.open_store(path)
            store.ensure_workspace(WORKSPACE, NOON)
            store.add_uses([use_of(used_model(store, "m"))])
            store.close()
            end = live(moment, life_of_uses, type(self).open_store, path)
            store = self.open_store(path)
            try:
                counts = [use.count for use in store.uses(WORKSPACE, limit=10)]
                assert counts in ([[1], [2, 1]] if end is End.DIED else [[2, 1]])
            finally:
                store.close()
            if end is End.LIVED:
                break
