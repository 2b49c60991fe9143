"""A whole registry, from one place to another and back."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muniment.domain.changes import NewVersion
from muniment.errors import Conflict
from muniment.services.moving import RegistrySource, compare, migrate
from muniment.signing.judging import sign
from muniment.signing.proofs import prove
from muniment.storage.factory import Stores
from tests.signing.people import person

from .registries import check, house_in, told


def test_everything_is_the_same_in_the_other_place(full: Stores, empty: Stores) -> None:
    done = migrate(full, empty)
    assert told(empty) == told(full)
    assert (done.moved.models, done.moved.same) == (5, 0)
    check(empty)


def test_a_second_run_finds_everything_there(full: Stores, empty: Stores) -> None:
    migrate(full, empty)
    again = migrate(full, empty).moved
    assert (again.same, again.blobs, again.bytes) == (5, 0, 0)
    assert told(empty) == told(full)


def test_what_changed_since_the_first_run_is_brought_by_the_next(
    full: Stores, empty: Stores
) -> None:
    migrate(full, empty)
    house = house_in(full)
    house.catalog.create_version("fraud", NewVersion(files=house.files(model=b"newer")))
    house.catalog.delete_alias("fraud", "champion")
    house.catalog.restore_version("fraud", 2)
    house.comments.add("credit risk", "new here")
    house.catalog.create_model("newcomer")
    with pytest.raises(Conflict, match="model 'fraud' is not the same"):
        compare(RegistrySource(full), RegistrySource(empty))
    assert migrate(full, empty).moved.same == 3
    assert told(empty) == told(full)


def test_another_registry_is_never_written_over(full: Stores, empty: Stores) -> None:
    house_in(empty).catalog.create_model("theirs")
    before = told(empty)
    with pytest.raises(Conflict, match="another registry"):
        migrate(full, empty)
    assert told(empty) == before


def test_a_model_that_was_changed_in_the_target_is_left_alone(full: Stores, empty: Stores) -> None:
    migrate(full, empty)
    house_in(empty).catalog.create_version("fraud", NewVersion(pending=True))
    house_in(full).catalog.create_version("fraud", NewVersion(pending=True))
    before = told(empty)
    with pytest.raises(Conflict, match="was changed where it is to go"):
        migrate(full, empty)
    assert told(empty) == before


class Power(Exception):
    """It went out."""


class Mortal:
    """A store whose power goes out before the write that `lives` counts down to."""

    def __init__(self, store: Any, lives: int) -> None:
        self._store, self._lives = store, lives

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("transact", "add_uses", "put_file", "save_stage", "ensure_workspace"):
            return found
        return lambda *args, **named: self._counted(found, args, named)

    def _counted(self, call: Callable[..., Any], args: Any, named: Any) -> Any:
        if not self._lives:
            raise Power
        self._lives -= 1
        return call(*args, **named)


def test_a_migration_that_stopped_before_any_write_goes_on_and_shows_no_half(
    full: Stores, empty: Stores
) -> None:
    for lives in itertools.count():
        mortal = replace(empty, metadata=Mortal(empty.metadata, lives))
        try:
            migrate(full, mortal)
        except Power:
            pass
        else:
            break
        if not empty.metadata.workspaces():
            continue
        catalog = house_in(empty).catalog
        for model in catalog.search_models().items:
            assert catalog.verify_history(model.name) == model.activity_count
            assert not model.name.endswith("(coming in)")
    assert 5 < lives < 100
    assert told(empty) == told(full)
    check(empty)


def test_signatures_and_the_keys_that_are_trusted_come_along(
    full: Stores, empty: Stores, tmp_path: Path
) -> None:
    house, ada = house_in(full), person(tmp_path)
    house.provenance.trust_key("release", ada.pem)
    bundle = sign(house.artifacts.manifest("fraud", 3), "fraud", ada.signing)
    house.provenance.add_signature("fraud", 3, bundle)
    migrate(full, empty)
    there = house_in(empty)
    assert there.provenance.keys() == house.provenance.keys()
    assert there.provenance.signatures("fraud", 3) == house.provenance.signatures("fraud", 3)
    assert there.provenance.signatures("fraud", 3).keys == ("release",)
    evidence = b"".join(there.provenance.evidence("fraud", 3))
    assert evidence == b"".join(house.provenance.evidence("fraud", 3))
    assert prove(io.BytesIO(evidence)).problems == ()

    house.provenance.drop_key("release")
    assert migrate(full, empty).moved.same == 5
    assert there.provenance.keys() == ()
