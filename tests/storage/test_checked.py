from __future__ import annotations

from pathlib import Path
from typing import NoReturn, cast

import pytest

from muniment.errors import InvalidInput
from muniment.storage.blobs import BlobStore
from muniment.storage.checked import CheckedBlobStore
from muniment.storage.conformance.blobs import (
    BlobStoreSuite,
    hostile_names,
    put,
)
from muniment.storage.objects.folder import FolderBlobStore


def open_checked(place: Path) -> CheckedBlobStore:
    return CheckedBlobStore(FolderBlobStore(place))


class TestCheckedFolder(BlobStoreSuite):
    make_store = open_checked
    local_files = True


class Untouchable:
    """A store that nothing may be asked of."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"{name} was touched")


@pytest.fixture
def untouchable() -> CheckedBlobStore:
    return CheckedBlobStore(cast(BlobStore, Untouchable()))


@pytest.mark.parametrize("name", hostile_names(64))
def test_a_wrong_digest_does_not_touch_the_inner_store(
    untouchable: CheckedBlobStore, name: str
) -> None:
    for call in (untouchable.stat, untouchable.read, untouchable.read_all, untouchable.delete):
        with pytest.raises(InvalidInput, match="64 of 0-9 and a-f"):
            call(name)


@pytest.mark.parametrize("name", hostile_names(32))
def test_a_wrong_writer_id_does_not_touch_the_inner_store(
    untouchable: CheckedBlobStore, name: str
) -> None:
    for call in (untouchable.create_writer, untouchable.resume_writer, untouchable.offset):
        with pytest.raises(InvalidInput, match="32 of 0-9 and a-f"):
            call(name)


@pytest.mark.parametrize(("start", "end"), [(-1, None), (-5, -1), (3, 2)])
def test_a_range_that_is_none_does_not_touch_the_inner_store(
    untouchable: CheckedBlobStore, start: int, end: int | None
) -> None:
    with pytest.raises(InvalidInput):
        untouchable.read("a" * 64, start, end)


def test_bytes_and_operations_are_counted(tmp_path: Path) -> None:
    store = open_checked(tmp_path)
    digest = put(store, b"weights").digest
    list(store.read(digest, 2))
    store.read_all(digest)
    store.stat(digest)
    assert (store.counters.bytes_in, store.counters.bytes_out) == (7, 5 + 7)
    assert store.counters.operations == {
        "create_writer": 1,
        "commit": 1,
        "read": 1,
        "read_all": 1,
        "stat": 1,
    }
    store.close()
