"""Histories by kind and time, and what happened in a whole workspace."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import random
from typing import Any, Final

from muniment.domain.activities import Activity, ActivityKind, Happened
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    change_model,
    entry_of,
    history,
    later,
    model_of,
    name_key,
    stored,
)
from muniment.storage.metadata import MetadataStore, ModelId, ModelName
from muniment.storage.records import Place

KINDS: Final = [ActivityKind.MODEL_UPDATED, ActivityKind.STAGE_CHANGED, ActivityKind.COMMENT_ADDED]


def happen(store: MetadataStore, key: ModelName, kind: ActivityKind, **fields: Any) -> Activity:
    """Record one activity."""
    return store.transact(key, lambda tx: tx.record(entry_of(kind, **fields)))


def order_of(happened: Happened) -> tuple[Any, ...]:
    """Return what decides the order."""
    return happened.activity.at, happened.model_id, happened.activity.sequence


class HistoriesSuite(MetadataContract):
    """`activities` with kinds and a time; `happened`."""

    def test_a_history_can_be_read_by_kinds_version_and_time(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        other = add_model(store, "other")
        rng = random.Random(7)  # noqa: S311
        for n in range(60):
            of = rng.choice([None, 1, 2])
            happen(store, name_key("m"), rng.choice(KINDS), at=later(n // 2), version=of)
            happen(store, name_key("other"), rng.choice(KINDS), at=later(n // 2))
        assert other.id != model.id
        whole = history(store, stored(store, "m"))
        choices = [
            None,
            frozenset[str](),
            frozenset({"no.such"}),
            frozenset({KINDS[1].value}),
            frozenset({KINDS[1].value, KINDS[2].value, "no.such"}),
            frozenset(kind.value for kind in ActivityKind),
        ]
        for kinds, version, until, newest_first, limit, after in itertools.product(
            choices,
            (None, 2, 9),
            (None, later(-1), later(12), later(99)),
            (False, True),
            (5, 100),
            (0, 1, 30),
        ):
            expected = [
                activity
                for activity in (reversed(whole) if newest_first else whole)
                if (kinds is None or activity.kind in kinds)
                and version in (None, activity.version)
                and (until is None or activity.at <= until)
                and (
                    not after
                    or (activity.sequence < after if newest_first else activity.sequence > after)
                )
            ]
            found = store.activities(
                model.id,
                after=after,
                limit=limit,
                newest_first=newest_first,
                kinds=kinds,
                version=version,
                until=until,
            )
            assert list(found) == expected[:limit]

    def test_what_happened_comes_latest_first_page_by_page(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        rng = random.Random(8)  # noqa: S311
        workspaces = {"a": WORKSPACE, "b": WORKSPACE, "c": "other", "gone": WORKSPACE}
        models = {
            name: add_model(store, model_of(name, workspace=workspace))
            for name, workspace in workspaces.items()
        }
        for n in range(200):
            name = rng.choice(list(workspaces))
            key, by = ModelName(workspaces[name], name), rng.choice(["ann", "bob"])
            happen(store, key, rng.choice(KINDS), at=later(n // 5), actor=by)
        change_model(store, name_key("gone"), deleted_at=later(1))
        change_model(store, name_key("b"), name="renamed", slug="renamed")
        names = {"a": "a", "b": "renamed", "c": "c"}
        everything = [
            (workspaces[name], Happened(names[name], models[name].id, activity))
            for name in names
            for activity in store.activities(models[name].id, limit=1_000)
        ]
        everything.sort(key=lambda item: order_of(item[1]), reverse=True)
        choices = [None, frozenset[str](), frozenset({KINDS[1].value, KINDS[0].value, "no.such"})]
        for workspace, kinds, actor in itertools.product(
            (WORKSPACE, "other", "none"), choices, (None, "bob", "nobody")
        ):
            expected = [
                happened
                for place, happened in everything
                if place == workspace
                and (kinds is None or happened.activity.kind in kinds)
                and actor in (None, happened.activity.actor)
            ]
            for limit in (1, 7, 1_000):
                pages: list[Happened] = []
                before: Place | None = None
                while page := store.happened(
                    workspace, before=before, kinds=kinds, actor=actor, limit=limit
                ):
                    assert len(page) <= limit
                    pages += page
                    before = Place(*order_of(page[-1]))
                assert pages == expected

    def test_what_happened_to_a_restored_model_is_there_again(self, store: MetadataStore) -> None:
        model = add_model(store, "m")
        change_model(store, name_key("m"), deleted_at=later(1))
        assert store.happened(WORKSPACE, limit=10) == []
        change_model(store, ModelId(WORKSPACE, model.id), deleted_at=None)
        (created,) = store.activities(model.id, limit=10)
        assert store.happened(WORKSPACE, limit=10) == [Happened("m", model.id, created)]
