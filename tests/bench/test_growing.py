"""The registries that we measure on hold what the services would have written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench.content import (
    ACTOR,
    BEGAN,
    STEP,
    Size,
    alias_of,
    fails,
    model_name,
    model_tags,
    new_version,
    stage_of,
)
from bench.growing import grow
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges
from muniment.domain.entities import NO_STAGE
from muniment.services import Ports, Services
from muniment.services.webhooks.dispatching import dispatch
from muniment.storage.factory import open_folder

AT_RANDOM = {"uuid", "hash", "previous", "activity_head"}  # uuids, and what is made of them
SIZES = pytest.mark.parametrize("size", [Size(5, 10), Size(1, 45)], ids=str)


class Ticking:
    """A clock that goes one step each time that something is about to change."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> datetime:
        return self.now

    def services(self, ports: Ports) -> Services:
        self.now += STEP
        return Services(ports, Caller(actor=ACTOR))


def filled(folder: Path, size: Size) -> None:
    """Do with the services what `grow` does without."""
    clock, stores = Ticking(), open_folder(folder)
    ports = Ports(stores.metadata, stores.blobs, webhooks=stores.webhooks, clock=clock)
    ports.metadata.ensure_workspace("default", clock())
    serial, last = 0, size.versions
    for name, tags in ((model_name(n), model_tags(n)) for n in range(size.models)):
        clock.services(ports).catalog.create_model(name, ModelChanges(tags=tags))
        for number in range(1, last + 1):
            clock.services(ports).catalog.create_version(name, new_version(serial))
            if fails(serial):
                clock.services(ports).catalog.fail_version(name, number, "out of memory")
            serial += 1
            if number < last - 1 and (stage := stage_of(number, last)) != NO_STAGE:
                clock.services(ports).lifecycle.move_to_stage(name, number, stage)
        for number in (last - 1, last):
            stage = stage_of(number, last)
            clock.services(ports).lifecycle.move_to_stage(name, number, stage)
            clock.services(ports).catalog.set_alias(name, alias_of(number, last), number)
    assert stores.webhooks is not None
    while dispatch(ports, stores.webhooks):
        pass
    ports.close()


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    named = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    tables = [name for (name,) in database.execute(named)]
    found = {t: _known(database.execute(f"SELECT * FROM {t}")) for t in tables}  # noqa: S608
    database.close()
    return found


def _known(rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
    shown = ({k: row[k] for k in row.keys() if k not in AT_RANDOM} for row in rows)  # noqa: SIM118
    return sorted(shown, key=str)


@SIZES
def test_a_grown_store_equals_one_that_the_services_filled(tmp_path: Path, size: Size) -> None:
    grow(tmp_path / "grown.db", size)
    filled(tmp_path / "filled", size)
    grown, wanted = rows_of(tmp_path / "grown.db"), rows_of(tmp_path / "filled" / "muniment.db")
    assert grown.keys() == wanted.keys()
    for table, rows in wanted.items():
        assert grown[table] == rows, table
    assert len(grown["versions"]) == size.all_versions


@SIZES
def test_it_has_its_indexes_and_histories_that_can_be_verified(tmp_path: Path, size: Size) -> None:
    grow(tmp_path / "home" / "muniment.db", size)
    stores = open_folder(tmp_path / "home")
    services = Services(Ports(stores.metadata, stores.blobs), Caller(actor=ACTOR))
    assert services.catalog.verify_history(model_name(size.models - 1)) > size.versions
    stores.metadata.close()
    database = sqlite3.connect(tmp_path / "home" / "muniment.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    open_folder(tmp_path / "other").metadata.close()
    assert schema(tmp_path / "home" / "muniment.db") == schema(tmp_path / "other" / "muniment.db")


def schema(path: Path) -> set[tuple[str, str]]:
    database = sqlite3.connect(path)
    found = set(database.execute("SELECT name, sql FROM sqlite_schema"))
    database.close()
    return found
