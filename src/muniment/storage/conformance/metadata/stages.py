"""Stages of a workspace: kept, found in order, replaced by compare-and-swap."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from muniment.domain.access import Role
from muniment.domain.stages import MetricRule, Policy, Stage
from muniment.errors import NotFound, PreconditionFailed
from muniment.storage.conformance.crashes import End, Mortal, live
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    name_key,
)
from muniment.storage.conformance.metadata.deaths import OpenStore
from muniment.storage.conformance.metadata.threads import at_once, refusal
from muniment.storage.metadata import MetadataStore

FULL: Final = Stage(
    name="Schatten Ü 🙂",
    order=150,
    colour="#b58900",
    description="it's\n%_\\",
    policies=(
        Policy(
            models="fraud-*",
            tag="tier=1",
            approvals=2,
            approver=Role.ADMIN,
            checks=("scan", "naïve"),
            metrics=(
                MetricRule("auc", at_least=0.1 + 0.2, worse_by_at_most=0.0),
                MetricRule("loss", at_most=5e-324, worse_by_at_most=1e22, higher_is_better=False),
            ),
            tags=("reviewed", "size=large"),
            description=True,
            owner=True,
            automation_only=True,
            request_days=0.5,
            review_days=36_500,
        ),
        Policy(self_approval=True),
    ),
)


def life_of_a_stage(mortal: Mortal, open_store: OpenStore, path: Path) -> None:
    """Replace a stage."""
    store = open_store(path)
    store.save_stage(WORKSPACE, Stage("QA", order=2), expect=1)
    mortal.acknowledge()
    store.close()


class StagesSuite(MetadataContract):
    """`save_stage`, `drop_stage`, `stages`."""

    def test_a_stage_is_kept_as_it_is(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        kept = store.save_stage(WORKSPACE, FULL, expect=0)
        assert kept == replace(FULL, revision=1)
        store.close()
        store = self.open_store(tmp_path / "store")
        try:
            assert store.stages(WORKSPACE) == [kept]
            add_model(store, "m")
            assert store.transact(name_key("m"), lambda tx: tx.stages()) == [kept]
        finally:
            store.close()

    def test_stages_come_by_order_and_name(self, store: MetadataStore) -> None:
        for name, order in (("b", 2), ("B", 1), ("c", 1), ("ä", 1), ("a", 3)):
            store.save_stage(WORKSPACE, Stage(f"{name}{order}", order), expect=0)
        assert [stage.name for stage in store.stages(WORKSPACE)] == ["B1", "c1", "ä1", "b2", "a3"]

    def test_each_workspace_has_its_own(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        store.save_stage(WORKSPACE, Stage("QA"), expect=0)
        assert store.stages("other") == []
        assert store.stages("none") == []
        store.drop_stage("other", "qa")
        store.drop_stage("none", "qa")
        assert len(store.stages(WORKSPACE)) == 1
        with pytest.raises(NotFound):
            store.save_stage("none", Stage("QA"), expect=0)

    def test_a_stage_is_replaced_only_at_the_revision_that_was_seen(
        self, store: MetadataStore
    ) -> None:
        with pytest.raises(PreconditionFailed):
            store.save_stage(WORKSPACE, Stage("QA"), expect=1)
        first = store.save_stage(WORKSPACE, Stage("QA"), expect=0)
        for expect in (0, 2):
            with pytest.raises(PreconditionFailed):
                store.save_stage(WORKSPACE, Stage("QA", 5), expect=expect)
        second = store.save_stage(WORKSPACE, replace(first, name="Qa", order=7), expect=1)
        assert second == Stage("Qa", 7, revision=2)
        assert store.stages(WORKSPACE) == [second]
        store.drop_stage(WORKSPACE, "qa")
        store.drop_stage(WORKSPACE, "qa")
        assert store.stages(WORKSPACE) == []
        with pytest.raises(PreconditionFailed):
            store.save_stage(WORKSPACE, second, expect=2)

    def test_of_many_that_saw_the_same_revision_one_wins(self, store: MetadataStore) -> None:
        for expect in range(4):
            works = [
                partial(store.save_stage, WORKSPACE, Stage("QA", order=n), expect=expect)
                for n in range(16)
            ]
            errors = at_once(*[partial(refusal, work) for work in works])
            assert errors.count(None) == 1
            assert {type(error) for error in errors if error} == {PreconditionFailed}
            winner = Stage("QA", order=errors.index(None), revision=expect + 1)
            assert store.stages(WORKSPACE) == [winner]

    def test_a_process_may_die_while_a_stage_changes(self, tmp_path: Path) -> None:
        for moment in itertools.count(1):
            path = tmp_path / f"{moment}" / "store"
            path.parent.mkdir()
            store = self.open_store(path)
            store.ensure_workspace(WORKSPACE, NOON)
            old = store.save_stage(WORKSPACE, Stage("QA", order=1), expect=0)
            store.close()
            end = live(moment, life_of_a_stage, type(self).open_store, path)
            store = self.open_store(path)
            try:
                states = [[old], [Stage("QA", order=2, revision=2)]]
                assert store.stages(WORKSPACE) in (states if end is End.DIED else states[1:])
            finally:
                store.close()
            if end is End.LIVED:
                break
