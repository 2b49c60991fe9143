"""Registered models, as a caller of the services sees them."""

from __future__ import annotations

import pytest

from muniment.domain.changes import ModelChanges, NewVersion
from muniment.errors import (
    AlreadyExists,
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
)

from .conftest import House


def test_a_new_model_is_what_was_asked_for(house: House) -> None:
    made = house.catalog.create_model(
        "Fraud détector", ModelChanges(description="Finds fraud.", tags={"team": "risk", "n": 3})
    )
    read = house.catalog.model("Fraud détector")
    assert read == made
    assert (read.slug, read.description, dict(read.tags)) == (
        "fraud-detector",
        "Finds fraud.",
        {"team": "risk", "n": 3},
    )
    assert (read.id > 0, read.created_by, read.last_number, read.latest) == (True, "ada", 0, None)


def test_a_name_is_taken_once(house: House) -> None:
    house.catalog.create_model("fraud")
    with pytest.raises(AlreadyExists, match="fraud"):
        house.catalog.create_model("fraud")
    house.catalog.create_model("Fraud")  # names are case-sensitive; slugs are told apart
    assert house.catalog.model("Fraud").slug == "fraud-2"


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", ".", "..", "..a", "a\0b", "\ud800"])
def test_names_that_would_be_misread_are_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        house.catalog.create_model(name)


@pytest.mark.parametrize(
    "name", ["a b", "a@b", "100%", "日本語", "'; drop table", "%2e%2e", "a..", "#?"]
)
def test_other_names_are_fine(house: House, name: str) -> None:
    house.catalog.create_model(name)
    assert house.catalog.model(name).name == name


def test_too_long_a_name_says_how_long_it_may_be(house: House) -> None:
    house.catalog.create_model("x" * 2500)
    with pytest.raises(LimitExceeded, match="2500"):
        house.catalog.create_model("x" * 2501)
    with pytest.raises(LimitExceeded, match="2600"):
        house.catalog.create_model("日" * 1000)


def test_a_patch_merges_tags_and_leaves_the_rest(house: House) -> None:
    house.catalog.create_model("fraud", ModelChanges(description="old", tags={"a": 1, "b": True}))
    changed = house.catalog.update_model("fraud", ModelChanges(tags={"a": None, "c": 1.5}))
    assert dict(changed.tags) == {"b": True, "c": 1.5}
    assert changed.description == "old"
    assert house.catalog.update_model("fraud", ModelChanges(description="")).description == ""


def test_if_match_protects_against_a_lost_update(house: House) -> None:
    seen = house.catalog.create_model("fraud")
    house.catalog.update_model("fraud", ModelChanges(description="first"), if_match=seen.revision)
    with pytest.raises(PreconditionFailed):
        house.catalog.update_model(
            "fraud", ModelChanges(description="second"), if_match=seen.revision
        )
    assert house.catalog.model("fraud").description == "first"


def test_renaming_keeps_versions_aliases_and_history(house: House) -> None:
    house.catalog.create_version("old", NewVersion(files=house.files(m=b"1")), create_model=True)
    house.catalog.set_alias("old", "champion", 1)
    renamed = house.catalog.rename_model("old", "new")
    assert (renamed.name, dict(renamed.aliases)) == ("new", {"champion": 1})
    assert house.catalog.version("new", 1).model == "new"
    with pytest.raises(NotFound, match="old"):
        house.catalog.version("old", 1)
    house.catalog.create_model("old")
    with pytest.raises(AlreadyExists):
        house.catalog.rename_model("old", "new")
    assert house.catalog.rename_model("new", "new").name == "new"
    assert house.catalog.verify_history("new") > 2


def test_a_deleted_model_is_gone_its_name_is_free_and_it_can_come_back(house: House) -> None:
    house.catalog.create_version("fraud", NewVersion(files=house.files(m=b"1")), create_model=True)
    deleted = house.catalog.delete_model("fraud")
    for call in (house.catalog.model, house.catalog.delete_model):
        with pytest.raises(NotFound):
            call("fraud")
    assert house.catalog.search_models().items == ()
    assert [m.id for m in house.catalog.search_models(deleted=True).items] == [deleted.id]

    house.catalog.create_version("fraud", NewVersion(pending=True), create_model=True)
    with pytest.raises(AlreadyExists):
        house.catalog.restore_model(deleted.id)
    house.catalog.rename_model("fraud", "other")
    restored = house.catalog.restore_model(deleted.id)
    assert (restored.name, restored.latest, restored.version_count) == ("fraud", 1, 1)
    assert restored.slug != house.catalog.model("other").slug
    with pytest.raises(Conflict):
        house.catalog.restore_model(deleted.id)
    assert house.catalog.verify_history("fraud") == 4


def test_an_idempotency_key_makes_a_repeated_create_harmless(house: House) -> None:
    first = house.catalog.create_model("fraud", idempotency_key="k1")
    assert house.catalog.create_model("fraud", idempotency_key="k1") == first
    with pytest.raises(IdempotencyKeyReused):
        house.catalog.create_model("fraud", ModelChanges(description="x"), idempotency_key="k1")
    with pytest.raises(AlreadyExists):
        house.catalog.create_model("fraud", idempotency_key="k2")


def test_tags_are_typed_and_bounded(house: House) -> None:
    tags = {"s": "x", "i": 2**63 - 1, "f": 0.1, "whole": 1.0, "b": False, "big": "v" * 100_000}
    house.catalog.create_model("m", ModelChanges(tags=tags))
    read = dict(house.catalog.model("m").tags)
    assert read == tags
    assert {k: type(v) for k, v in read.items()} == {k: type(v) for k, v in tags.items()}
    for bad in ({"": 1}, {"../x": 1}, {"a\nb": 1}, {"x": float("nan")}, {"x": 2**63}, {"x": []}):
        with pytest.raises(InvalidInput):
            house.catalog.update_model("m", ModelChanges(tags=bad))  # type: ignore[arg-type]
    with pytest.raises(LimitExceeded):
        house.catalog.update_model("m", ModelChanges(tags={"x": "v" * 100_001}))
    assert dict(house.catalog.model("m").tags) == tags
