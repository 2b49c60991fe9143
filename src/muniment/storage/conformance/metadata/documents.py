"""Documents of a workspace: kept as they are, replaced by compare-and-swap."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from muniment.domain.values import JsonObject
from muniment.errors import NotFound, PreconditionFailed
from muniment.storage.conformance.metadata.contract import NOON, WORKSPACE, MetadataContract
from muniment.storage.conformance.metadata.threads import at_once, refusal
from muniment.storage.documents import Document
from muniment.storage.metadata import MetadataStore

BODY: JsonObject = {
    "a.b": {"$set": [1, 2.5, None, True, "Ü 🙂", "it's\n%_\\"]},
    "": {"0.1": 0.1 + 0.2, "big": 2**53, "deep": [[{}], []]},
}
"""What no store may look into, or stumble over."""


class DocumentsSuite(MetadataContract):
    """`document`, `documents`, `save_document`."""

    def test_a_document_is_kept_as_it_is(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        kept = store.save_document(WORKSPACE, "checks", BODY, expect=0)
        assert kept == Document("checks", BODY, 1)
        store.close()
        store = self.open_store(tmp_path / "store")
        try:
            assert store.document(WORKSPACE, "checks") == kept
            assert store.document(WORKSPACE, "Checks") is None
        finally:
            store.close()

    def test_each_workspace_has_its_own_by_name(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        b = store.save_document(WORKSPACE, "b", {}, expect=0)
        a = store.save_document(WORKSPACE, "a", {"x": 1}, expect=0)
        assert list(store.documents(WORKSPACE)) == [a, b]
        assert list(store.documents("other")) == []
        assert list(store.documents("none")) == []
        assert store.document("other", "a") is None
        with pytest.raises(NotFound):
            store.save_document("none", "a", {}, expect=0)

    def test_a_document_is_replaced_only_at_the_revision_that_was_seen(
        self, store: MetadataStore
    ) -> None:
        with pytest.raises(PreconditionFailed):
            store.save_document(WORKSPACE, "a", {}, expect=1)
        store.save_document(WORKSPACE, "a", {}, expect=0)
        for expect in (0, 2):
            with pytest.raises(PreconditionFailed):
                store.save_document(WORKSPACE, "a", {"x": 1}, expect=expect)
        second = store.save_document(WORKSPACE, "a", {"x": 2}, expect=1)
        assert second == Document("a", {"x": 2}, 2)
        assert store.document(WORKSPACE, "a") == second

    def test_of_many_that_saw_the_same_document_one_wins(self, store: MetadataStore) -> None:
        for expect in range(3):
            works = [
                partial(store.save_document, WORKSPACE, "a", {"n": n}, expect=expect)
                for n in range(8)
            ]
            errors = at_once(*[partial(refusal, work) for work in works])
            assert errors.count(None) == 1
            assert {type(error) for error in errors if error} == {PreconditionFailed}
            winner = Document("a", {"n": errors.index(None)}, expect + 1)
            assert store.document(WORKSPACE, "a") == winner
