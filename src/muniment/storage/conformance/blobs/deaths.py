"""Processes that die anywhere: a blob is whole or absent, and nothing is lost track of."""

# ruff: noqa: S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import NotFound
from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs.contract import (
    Contract,
    StoreFactory,
    content,
    everything,
    put,
    sweep,
    write,
)
from muniment.storage.conformance.crashes import End, Mortal, live


class DeathsSuite(Contract):
    """Lives that crashes cut short, and what is found then."""

    @pytest.mark.parametrize(
        ("stored_before", "afterwards"),
        [(False, "resume"), (False, "sweep"), (True, "resume")],
        ids=["new-resume", "new-sweep", "stored-resume"],
    )
    def test_killed_while_storing(
        self, tmp_path: Path, stored_before: bool, afterwards: str
    ) -> None:
        """A blob is whole or absent; what was begun is found, and can be finished or swept."""
        data = self._data
        for store, place, end in self._deaths(tmp_path, _store_blob, stored_before):
            assert self._is_whole(store) or (end is End.DIED and not stored_before)
            unfinished = [writer_id for writer_id, _ in store.writers()]
            assert unfinished in ([], [_ID])
            if unfinished and afterwards == "resume":
                with store.resume_writer(_ID) as writer:
                    write(writer, data)
                    writer.commit(sha256_hex(data))
                assert self._is_whole(store)
            sweep(store)
            self._nothing_else_is_left(store, place)

    def test_killed_while_deleting(self, tmp_path: Path) -> None:
        """A blob is whole or absent, and its room is not lost."""
        for store, place, end in self._deaths(tmp_path, _delete_blob, True):
            assert not self._is_whole(store) or end is End.DIED
            self._nothing_else_is_left(store, place)

    def test_killed_while_cancelling(self, tmp_path: Path) -> None:
        """What is being dropped is dropped, or found by the next sweep."""
        for store, place, end in self._deaths(tmp_path, _cancel_writer, False):
            assert not self._is_whole(store)
            assert not list(store.writers()) or end is End.DIED
            sweep(store)
            self._nothing_else_is_left(store, place)

    def _deaths(
        self, tmp_path: Path, life: Callable[..., None], stored_before: bool
    ) -> Iterator[tuple[BlobStore, Path, End]]:
        """Yield the store, opened again, after every death that a life can have; lived whole last.

        It is closed by `_nothing_else_is_left`.
        """
        for moment in itertools.count(1):
            place = tmp_path / f"death-{moment}"
            if stored_before:
                store = self.open(place)
                put(store, self._data)
                store.close()
            end = live(moment, life, type(self).make_store, place, self.large)
            yield self.open(place), place, end
            if end is End.LIVED:
                assert moment > 2
                return

    def _nothing_else_is_left(self, store: BlobStore, place: Path) -> None:
        data, digest = self._data, sha256_hex(self._data)
        whole = self._is_whole(store)
        assert list(store.writers()) == []
        assert [blob.digest for blob in store.list()] == ([digest] if whole else [])
        assert put(store, data).digest == digest
        assert self._is_whole(store)
        store.close()
        if self.local_files:
            sizes = [path.stat().st_size for path in everything(place) if path.is_file()]
            assert sum(sizes) == len(data)

    @cached_property
    def _data(self) -> bytes:
        return _data(self.large)

    def _is_whole(self, store: BlobStore) -> bool:
        digest = sha256_hex(self._data)
        stored = store.stat(digest)
        if stored is None:
            with pytest.raises(NotFound):
                store.read(digest)
            return False
        assert stored.size == len(self._data)
        assert store.read_all(digest) == self._data
        return True


# The lives that crashes cut short.

_ID: Final = "5" * 32


def _data(size: int) -> bytes:
    return content(size, seed=5)


def _store_blob(mortal: Mortal, make_store: StoreFactory, place: Path, size: int) -> None:
    data = _data(size)
    store = make_store(place)
    mortal.step()
    writer = store.create_writer(_ID)
    mortal.step()
    write(writer, data[: size // 3])
    writer.close()
    mortal.step()
    writer = store.resume_writer(_ID)
    write(writer, data)
    mortal.step()
    writer.commit(writer.digest())
    mortal.acknowledge()
    store.close()


def _cancel_writer(mortal: Mortal, make_store: StoreFactory, place: Path, size: int) -> None:
    store = make_store(place)
    writer = store.create_writer(_ID)
    writer.write(_data(size))
    mortal.step()
    writer.cancel()
    mortal.acknowledge()
    store.close()


def _delete_blob(mortal: Mortal, make_store: StoreFactory, place: Path, size: int) -> None:
    store = make_store(place)
    mortal.step()
    store.delete(sha256_hex(_data(size)))
    mortal.acknowledge()
    store.close()
