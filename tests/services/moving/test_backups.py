"""Backups: beside what goes on, only what is new, whole or not at all; and back again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from muniment.domain.changes import NewVersion
from muniment.domain.manifest import Manifest
from muniment.domain.values import utcnow
from muniment.errors import Conflict, Corrupt, MunimentError, NotFound
from muniment.services.moving import (
    Moved,
    RegistrySource,
    RegistryTarget,
    back_up,
    backups,
    move,
    restore,
)
from muniment.services.moving.folders import FolderSource, FolderTarget
from muniment.services.moving.sheets import Sheet
from muniment.storage.factory import Stores, open_folder

from .conftest import close
from .registries import check, house_in, told


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_a_backup_brings_everything_back(full: Stores, empty: Stores, place: Path) -> None:
    made = back_up(full, place, utcnow())
    assert backups(place) == [made.name]
    assert restore(empty, place, None).name == made.name
    assert told(empty) == told(full)
    check(empty)


def test_a_backup_copies_only_new_bytes(full: Stores, place: Path) -> None:
    first = back_up(full, place, utcnow())
    again = back_up(full, place, utcnow() + timedelta(seconds=1))
    assert (first.moved.blobs > 0, again.moved.blobs) == (True, 0)
    house = house_in(full)
    house.catalog.create_version("fraud", NewVersion(files=house.files(model=b"new", two=b"2")))
    third = back_up(full, place, utcnow() + timedelta(seconds=2))
    assert third.moved.blobs == 3  # and the manifest
    assert backups(place) == [first.name, again.name, third.name]


def test_each_backup_brings_its_own_time_back(full: Stores, empty: Stores, place: Path) -> None:
    first, then = back_up(full, place, utcnow()), told(full)
    house_in(full).catalog.create_model("later")
    back_up(full, place, utcnow() + timedelta(seconds=1))
    restore(empty, place, first.name)
    assert told(empty) == then


def test_what_was_cut_off_is_no_backup(full: Stores, empty: Stores, place: Path) -> None:
    def stop(moved: Moved) -> None:
        if moved.blobs == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(full, place, utcnow(), stop)
    assert backups(place) == []
    with pytest.raises(NotFound, match="no backup"):
        restore(empty, place, None)
    whole = back_up(full, place, utcnow())
    restore(empty, place, whole.name)
    assert told(empty) == told(full)


def test_a_damaged_backup_is_refused(full: Stores, empty: Stores, place: Path) -> None:
    back_up(full, place, utcnow())
    blob = next(path for path in (place / "blobs").rglob("*") if path.is_file())
    blob.chmod(0o644)
    blob.write_bytes(b"")
    with pytest.raises(Corrupt, match=blob.name):
        restore(empty, place, None)


def test_a_backup_goes_back_only_into_an_empty_place(full: Stores, place: Path) -> None:
    back_up(full, place, utcnow())
    other = open_folder(place.parent / "other")
    house_in(other).catalog.create_model("theirs")
    before = told(other)
    with pytest.raises(Conflict, match="another registry"):
        restore(other, place, None)
    assert told(other) == before
    close(other)


def test_a_folder_keeps_the_backups_of_one_registry(
    full: Stores, empty: Stores, place: Path
) -> None:
    back_up(full, place, utcnow())
    house_in(empty)
    with pytest.raises(Conflict, match="another registry"):
        back_up(empty, place, utcnow())
    shutil.rmtree(place)
    place.mkdir()
    (place / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="something else"):
        back_up(full, place, utcnow())


@pytest.fixture
def busy(full: Stores) -> Iterator[Stores]:
    """A registry in which somebody pushes, deletes and collects garbage all the time."""
    house, stop, errors = house_in(full), Event(), []

    def work() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            content = b"content %d" % n
            files = Manifest.of([house.store(content)])
            version = house.catalog.create_version("busy", NewVersion(files=files))
            house.catalog.set_alias("busy", "newest", version.version)
            if n > 2:
                house.catalog.delete_version("busy", n - 2, force=True)
            if n % 3 == 0:
                house.housekeeping.collect_garbage(restore_window=0)

    def run() -> None:
        try:
            work()
        except MunimentError as error:
            errors.append(error)

    house.catalog.create_model("busy")
    thread = Thread(target=run)
    thread.start()
    yield full
    stop.set()
    thread.join()
    assert errors == []


def test_a_backup_during_work_is_whole(busy: Stores, empty: Stores, place: Path) -> None:
    for second in range(3):
        back_up(busy, place, utcnow() + timedelta(seconds=second))
    restore(empty, place, None)
    check(empty)
    model = house_in(empty).catalog.model("busy")
    assert model.aliases["newest"] <= model.last_number


def test_what_is_purged_between_reading_and_copying_is_read_again(
    full: Stores, empty: Stores, place: Path
) -> None:
    house = house_in(full)

    class Late(RegistrySource):
        """Collects the garbage of version 4 just after its model was read."""

        def sheets(self) -> Iterator[Sheet]:
            for sheet in super().sheets():
                if sheet.name.startswith("models/"):
                    house.catalog.set_alias("fraud", "challenger", 3, expect=4)
                    house.catalog.delete_version("fraud", 4, force=True)
                    house.housekeeping.collect_garbage(restore_window=0, grace=0)
                yield sheet
                if sheet.name.startswith("models/"):
                    return

    move(Late(full), FolderTarget(place))
    move(FolderSource(place), RegistryTarget(empty))
    found = house_in(empty).catalog.search_versions(model="fraud").items
    assert [version.version for version in found] == [8, 7, 6, 3, 1]
    check(empty)
