"""From back end to back end and home again: the same export, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from muniment.domain.changes import NewVersion
from muniment.services.moving import RegistrySource, migrate, move, open_target
from muniment.storage.factory import Stores, open_folder, open_stores
from muniment.storage.places import Place
from tests.parts.s3 import S3Place, minio_at, seaweedfs_at

from .conftest import close
from .registries import check, house_in, told


@contextmanager
def opened(place: Place) -> Iterator[Stores]:
    stores = open_stores(place)
    yield stores
    close(stores)


def exported(stores: Stores, archive: Path) -> bytes:
    move(RegistrySource(stores, accounts=True), open_target(str(archive)))
    return archive.read_bytes()


@pytest.mark.parametrize("objects_at", [seaweedfs_at, minio_at])
def test_a_registry_goes_round_all_back_ends_and_comes_home_the_same(
    objects_at: Callable[[Path], S3Place],
    full: Stores,
    postgres_url: str,
    mongodb_url: str,
    tmp_path: Path,
) -> None:
    first, second = objects_at(tmp_path / "one"), objects_at(tmp_path / "two")
    places = [
        Place.of(postgres_url, first.url, first.options),
        Place.of(mongodb_url, second.url, second.options),
        Place.of_folder(tmp_path / "home"),
    ]
    expected = exported(full, tmp_path / "0.tar")
    with ExitStack() as stack:
        here = full
        for n, place in enumerate(places, 1):
            there = stack.enter_context(opened(place))
            assert migrate(here, there).moved.models == 5
            assert migrate(here, there).moved.same == 5
            check(there)
            assert exported(there, tmp_path / f"{n}.tar") == expected
            here = there


def test_what_moved_to_postgresql_goes_on_there(
    full: Stores, postgres_url: str, tmp_path: Path
) -> None:
    with opened(Place.of(postgres_url, str(tmp_path / "blobs"))) as there:
        goes_on(full, there)


def test_what_moved_to_mongodb_goes_on_there(
    full: Stores, mongodb_url: str, tmp_path: Path
) -> None:
    with opened(Place.of(mongodb_url, str(tmp_path / "blobs"))) as there:
        goes_on(full, there)


def test_what_moved_to_a_folder_goes_on_there(full: Stores, tmp_path: Path) -> None:
    there = open_folder(tmp_path / "there")
    goes_on(full, there)
    close(there)


def goes_on(here: Stores, there: Stores) -> None:
    """Migrate, then work in both places in the same way, and bring what is new."""
    migrate(here, there)
    ids = {record_id(line) for lines in told(here).values() for line in lines} - {None}
    house = house_in(there)
    comment = house.comments.add("fraud", "here, too")
    assert comment.id > max(filter(None, ids))  # no id is given twice
    version = house.catalog.create_version("fraud", NewVersion(files=house.files(model=b"new")))
    assert version.version == 9
    house.catalog.set_alias("fraud", "champion", 9)
    house.catalog.restore_version("fraud", 2)
    assert house.lifecycle.rollback("fraud", "@champion").versions
    check(there)


def record_id(line: object) -> int | None:
    return line["record"]["id"] if isinstance(line, dict) and "record" in line else None
