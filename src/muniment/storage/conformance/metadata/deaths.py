"""Processes that die: what was acknowledged is there, whole, and of the rest there is nothing."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, TypeAlias

from muniment.domain.activities import ActivityKind
from muniment.domain.manifest import Manifest
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.storage.conformance.crashes import End, Mortal, live
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_blobs,
    add_model,
    alias_of,
    digest,
    entry_of,
    held,
    history,
    later,
    manifest_of,
    name_key,
    stored,
    version_of,
)
from muniment.storage.metadata import MetadataStore, Remembered, Transaction

OpenStore: TypeAlias = Callable[[Path], MetadataStore]

MANIFEST: Final = manifest_of("a", "b")
MODELS: Final = 4
ACKNOWLEDGED: Final = 40


def commit(tx: Transaction, manifest: Manifest, step: Callable[[], None]) -> int:
    """Add the next version with everything that goes with one; `step` stands between writes."""
    model = held(tx)
    number = model.last_number + 1
    step()
    tx.add_manifest(manifest)
    step()
    tx.add_version(
        version_of(
            model.name,
            number,
            digest=manifest.digest,
            size=manifest.size,
            label=f"{number}.0",
            tags={"number": number},
            params={"number": str(number)},
            metrics={"number": float(number)},
        )
    )
    step()
    tx.save_reference(alias_of("champion", number))
    step()
    for record in tx.records(RecordKind.REQUEST, state="open"):
        tx.save_record(replace(record, state="closed", keys=("closed",)))
        step()
    for record in tx.records(RecordKind.COMMENT):
        tx.drop_record(record.id)
        step()
    for kind in (RecordKind.REQUEST, RecordKind.COMMENT):
        tx.add_record(Record(kind, NOON, {}, number, "open", (f"number:{number}", "open")))
        step()
    tx.remember(Remembered(f"key-{number}", "request", number, NOON))
    step()
    tx.save_model(replace(model, last_number=number, version_count=number, latest=number))
    step()
    tx.record(entry_of(ActivityKind.VERSION_CREATED, version=number))
    step()
    return number


def check_whole(store: MetadataStore, name: str) -> int:
    """Assert that every version is there with all that goes with it; return how many there are."""
    model = stored(store, name)
    count = model.last_number
    assert [a.version for a in history(store, model)[1:]] == list(range(1, count + 1))
    assert (model.version_count, model.latest or 0) == (count, count)
    assert model.aliases == ({"champion": count} if count else {})
    for number in range(1, count + 1):
        version = store.version(WORKSPACE, name, number)
        assert version is not None
        assert version == store.version_by_label(WORKSPACE, name, f"{number}.0")
        assert version.tags == {"number": number}
        assert version.params == {"number": str(number)}
        assert version.metrics == {"number": float(number)}
        assert version.aliases == (("champion",) if number == count else ())
        assert version.digest in store.known_blobs([version.digest or ""])
    assert store.version(WORKSPACE, name, count + 1) is None
    references = store.references(WORKSPACE, name)
    assert [reference.version for reference in references] == ([count] if count else [])
    check_records(store, name, count)
    remembered = store.transact(
        name_key(name), lambda tx: [tx.remembered(f"key-{n}") for n in range(1, count + 2)]
    )
    assert [made and made.number for made in remembered] == [*range(1, count + 1), None]
    return count


def check_records(store: MetadataStore, name: str, count: int) -> None:
    """Assert that every version has its request, the last one's is open, and it has a comment."""
    model_id, every = stored(store, name).id, range(1, count + 1)

    def versions(kind: RecordKind, **asked: Any) -> list[int | None]:
        query = RecordQuery(WORKSPACE, kind, model_id, limit=1_000, **asked)
        return [record.version for record in store.find_records(query)]

    assert versions(RecordKind.REQUEST) == list(every)
    for kind in (RecordKind.REQUEST, RecordKind.COMMENT):
        for found in (versions(kind, state="open"), versions(kind, key="open")):
            assert found == list(every[-1:])
    for found in (
        versions(RecordKind.REQUEST, state="closed"),
        versions(RecordKind.REQUEST, key="closed"),
    ):
        assert found == list(every[:-1])
    assert versions(RecordKind.COMMENT) == list(every[-1:])


def life_of_a_commit(mortal: Mortal, open_store: OpenStore, path: Path) -> None:
    """Open the store, commit a version, close."""
    store = open_store(path)
    store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, mortal.step))
    mortal.acknowledge()
    store.close()


def life_of_a_collection(mortal: Mortal, open_store: OpenStore, path: Path) -> None:
    """Collect a blob whose bytes are a file."""
    store = open_store(path)
    file = path.with_name("bytes")

    def remove() -> None:
        mortal.step()
        file.unlink()
        mortal.step()

    store.collect_blob(digest("garbage"), later(1), remove)
    mortal.acknowledge()
    store.close()


def life_of_many_writers(pipe: Connection, open_store: OpenStore, path: Path) -> None:
    """Commit to several models from as many threads, and say so after each, until killed."""
    store = open_store(path)
    one_speaks = Lock()

    def work(name: str) -> None:
        while True:
            number = store.transact(name_key(name), lambda tx: commit(tx, MANIFEST, _no_step))
            with one_speaks:
                pipe.send((name, number))

    for n in range(MODELS):
        Thread(target=work, args=(f"m{n}",)).start()


def _no_step() -> None:
    pass


class DeathsSuite(MetadataContract):
    """A store whose process dies."""

    def test_a_process_may_die_between_any_two_writes(self, tmp_path: Path) -> None:
        for moment in itertools.count(1):
            path = tmp_path / f"{moment}" / "store"
            path.parent.mkdir()
            self._prepare(path, "m")
            store = self.open_store(path)
            store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, _no_step))
            store.close()
            end = live(moment, life_of_a_commit, type(self).open_store, path)
            store = self.open_store(path)
            try:
                count = check_whole(store, "m")
                assert count in ((1, 2) if end is End.DIED else (2,))
                # life goes on
                store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, _no_step))
                assert check_whole(store, "m") == count + 1
            finally:
                store.close()
            if end is End.LIVED:
                break

    def test_a_process_may_die_while_it_removes_a_blob(self, tmp_path: Path) -> None:
        for moment in itertools.count(1):
            path = tmp_path / f"{moment}" / "store"
            path.parent.mkdir()
            self._prepare(path, "m")
            file = path.with_name("bytes")
            file.touch()
            end = live(moment, life_of_a_collection, type(self).open_store, path)
            store = self.open_store(path)
            try:
                # unknown bytes are found again; a known blob without bytes would be relied on
                if store.known_blobs([digest("garbage")]):
                    assert file.exists()
                    assert end is End.DIED
                remove = partial(file.unlink, missing_ok=True)
                assert store.collect_blob(digest("garbage"), later(1), remove) is True
                assert not file.exists()
                assert not store.known_blobs([digest("garbage")])
                assert MANIFEST.digest in store.known_blobs([MANIFEST.digest])
            finally:
                store.close()
            if end is End.LIVED:
                break

    def test_a_process_that_is_killed_has_lost_nothing_it_acknowledged(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "store"
        names = [f"m{n}" for n in range(MODELS)]
        self._prepare(path, *names)
        acknowledged = dict.fromkeys(names, 0)
        for _ in range(3):
            for name, number in self._killed_after(ACKNOWLEDGED, path):
                acknowledged[name] = max(acknowledged[name], number)
            store = self.open_store(path)
            try:
                for name in names:
                    # one more may be there: the one that was about to be acknowledged
                    lost = acknowledged[name] - check_whole(store, name)
                    assert lost in (0, -1)
            finally:
                store.close()

    def _prepare(self, path: Path, *models: str) -> None:
        store = self.open_store(path)
        store.ensure_workspace(WORKSPACE, NOON)
        add_blobs(store, MANIFEST)
        store.add_blob(digest("garbage"), 10, NOON)
        for name in models:
            add_model(store, name)
        store.close()

    def _killed_after(self, count: int, path: Path) -> list[tuple[str, int]]:
        """Let a process write until it has said `count` times that it did; then kill it."""
        ours, theirs = multiprocessing.Pipe(duplex=False)
        context: Any = multiprocessing.get_context("spawn")
        arguments = (theirs, type(self).open_store, path)
        process = context.Process(target=life_of_many_writers, args=arguments)
        process.start()
        theirs.close()
        said: list[tuple[str, int]] = []
        try:
            while True:
                said.append(ours.recv())
                if len(said) == count:
                    os.kill(process.pid, signal.SIGKILL)
        except EOFError:
            pass
        process.join()
        assert len(said) >= count, "the process ended by itself"
        return said
