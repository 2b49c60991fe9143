"""Files outside of versions: one blob at each path, replaced whole, never without its bytes."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from muniment.domain.files import Folder, StoredFile
from muniment.errors import Conflict, MissingBlobs, NotFound
from muniment.storage.conformance.crashes import End, Mortal, live
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_blobs,
    add_model,
    apply,
    digest,
    later,
    manifest_of,
    seal,
)
from muniment.storage.conformance.metadata.threads import THREADS, at_once, refusal
from muniment.storage.metadata import MetadataStore

OpenStore: TypeAlias = Callable[[Path], MetadataStore]

A, B = digest("a"), digest("b")
SIZE: Final = 10
ODD_PATHS: Final = [
    "a",
    "A",
    "a b",
    "a.txt",
    "a-",
    "a0",
    "ä/ö",
    "語/🙂",
    "%2e%2e/x",
    "a%/b_",
    "[x]*?",
    "it's",
    '"q"',
    "\U0010ffff",
    "b/\U0010ffff/c",
    "x" * 1_024,
    "/".join("y" * 512),
]


def file_of(path: str, content: str = "a", **fields: Any) -> StoredFile:
    """Return a file that is not stored yet."""
    given = {"workspace": WORKSPACE, "updated_at": NOON, "updated_by": "ann", **fields}
    return StoredFile(path=path, digest=digest(content), size=SIZE, **given)


def put(store: MetadataStore, *paths: str, content: str = "a") -> None:
    """Put one content at all of the paths."""
    store.add_blob(digest(content), SIZE, NOON)
    for path in paths:
        store.put_file(file_of(path, content))


def paths(files: Sequence[StoredFile]) -> list[str]:
    """Return the paths of files, in their order."""
    return [file.path for file in files]


def below(store: MetadataStore, folder: str, **options: Any) -> list[str]:
    """Return the paths below a folder, in their order."""
    return paths(store.files(WORKSPACE, folder, **{"limit": 10_000, **options}))


def children(store: MetadataStore, folder: str) -> dict[str, bool]:
    """Return the paths of what is in a folder, and whether each is a folder."""
    found = store.children(WORKSPACE, folder)
    assert len({item.path for item in found}) == len(found)
    return {item.path: isinstance(item, Folder) for item in found}


def refuse() -> None:
    """Stand for a removal that must not happen."""
    raise AssertionError("This blob must not be removed.")


def life_of_a_file(mortal: Mortal, open_store: OpenStore, path: Path) -> None:
    """Open the store, replace a file, remove another, close."""
    store = open_store(path)
    store.put_file(file_of("run/kept", "b"))
    mortal.step()
    store.drop_files(WORKSPACE, "run/gone")
    mortal.acknowledge()
    store.close()


class FilesSuite(MetadataContract):
    """Paths that name blobs."""

    # -- put and found ---------------------------------------------------------------------------

    def test_a_file_comes_back_as_it_was_put(self, store: MetadataStore) -> None:
        store.add_blob(A, SIZE, NOON)
        full = file_of("0/run/model.pkl", updated_at=later(0.001), updated_by="Zoë")
        store.put_file(full)
        assert store.file(WORKSPACE, "0/run/model.pkl") == full
        for other in ("0/run", "0/run/model.pk", "0/run/model.pkl/", "0/RUN/model.pkl", ""):
            assert store.file(WORKSPACE, other) is None

    def test_a_file_is_replaced_as_a_whole(self, store: MetadataStore) -> None:
        put(store, "x")
        store.add_blob(B, SIZE, NOON)
        new = file_of("x", "b", updated_at=later(5), updated_by="bob")
        store.put_file(new)
        assert store.files(WORKSPACE, "", limit=10) == [new]

    def test_workspaces_have_paths_of_their_own(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        put(store, "x")
        assert store.file("other", "x") is None
        assert store.files("other", "", limit=10) == []
        assert store.children("other", "") == []
        there = file_of("x/y", workspace="other")
        store.put_file(there)
        assert store.drop_files(WORKSPACE, "x") == 1
        assert store.files("other", "", limit=10) == [there]

    def test_a_workspace_that_is_not_there_has_no_files(self, store: MetadataStore) -> None:
        store.add_blob(A, SIZE, NOON)
        with pytest.raises(NotFound):
            store.put_file(file_of("x", workspace="nowhere"))
        assert store.file("nowhere", "x") is None
        assert store.files("nowhere", "", limit=10) == []
        assert store.children("nowhere", "") == []
        assert store.drop_files("nowhere", "") == 0
        assert store.blobs_of_files("nowhere", [A]) == frozenset()

    def test_the_blob_must_be_known(self, store: MetadataStore) -> None:
        with pytest.raises(MissingBlobs) as caught:
            store.put_file(file_of("x"))
        assert caught.value.details["missing"] == [A]
        put(store, "x")
        with pytest.raises(MissingBlobs):
            store.put_file(file_of("x", "b"))
        assert store.file(WORKSPACE, "x") == file_of("x")

    def test_files_are_there_after_opening_again(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path / "store")
        store.ensure_workspace(WORKSPACE, NOON)
        put(store, *ODD_PATHS)
        store.close()
        store = self.open_store(tmp_path / "store")
        try:
            assert below(store, "") == sorted(ODD_PATHS)
            assert store.file(WORKSPACE, "it's") == file_of("it's")
        finally:
            store.close()

    def test_a_path_is_a_file_or_a_folder(self, store: MetadataStore) -> None:
        put(store, "a/b/c", "a/b-", "a/b0")
        for clash in ("a", "a/b", "a/b/c/d", "a/b/c/d/e", "a/b-/x"):
            with pytest.raises(Conflict):
                store.put_file(file_of(clash))
        assert below(store, "") == ["a/b-", "a/b/c", "a/b0"]
        put(store, "a/b/c", "a/b/d", "a/bb")
        store.drop_files(WORKSPACE, "a/b")
        put(store, "a/b")
        assert below(store, "") == ["a/b", "a/b-", "a/b0", "a/bb"]

    # -- listed ----------------------------------------------------------------------------------

    def test_files_are_those_strictly_below_a_folder(self, store: MetadataStore) -> None:
        put(store, "a/x", "a/b/y", "a/b/z/1", "a.txt", "a0", "aa/x", "A/x", "b")
        assert below(store, "a") == ["a/b/y", "a/b/z/1", "a/x"]
        assert below(store, "a/b") == ["a/b/y", "a/b/z/1"]
        assert below(store, "a/x") == below(store, "nothing") == below(store, "a/") == []
        everything = ["A/x", "a.txt", "a/b/y", "a/b/z/1", "a/x", "a0", "aa/x", "b"]
        assert below(store, "") == everything

    def test_files_come_in_pieces(self, store: MetadataStore) -> None:
        put(store, *ODD_PATHS)
        after, found = "", list[str]()
        while piece := below(store, "", after=after, limit=2):
            assert len(piece) <= 2
            found += piece
            after = piece[-1]
        assert found == sorted(ODD_PATHS)
        assert below(store, "b", after="a") == ["b/\U0010ffff/c"]
        assert below(store, "b", after="c") == []

    def test_children_are_the_files_and_folders_of_a_folder(self, store: MetadataStore) -> None:
        put(store, "a/x", "a/b/y", "a/b/z/1", "a/b.txt", "a/b0", "a.txt", "A/x")
        assert children(store, "") == {"a": True, "a.txt": False, "A": True}
        assert children(store, "a") == {
            "a/x": False,
            "a/b": True,
            "a/b.txt": False,
            "a/b0": False,
        }
        assert children(store, "a/b") == {"a/b/y": False, "a/b/z": True}
        assert children(store, "a/x") == children(store, "a/b/y") == children(store, "c") == {}
        assert store.children(WORKSPACE, "a/b/z") == [file_of("a/b/z/1")]

    def test_children_of_any_tree_are_right(self, store: MetadataStore) -> None:
        rng = random.Random(4)  # noqa: S311
        names = ["a", "a.", "a0", "a-", "b", "\U0010ffff", "é"]
        made: set[str] = set()
        store.add_blob(A, SIZE, NOON)
        for _ in range(600):
            path = "/".join(rng.choices(names, k=rng.randrange(1, 5)))
            if refusal(partial(store.put_file, file_of(path))) is None:
                made.add(path)
        for folder in ("", *{path.rpartition("/")[0] for path in made}):
            start = f"{folder}/" if folder else ""
            rests = [path[len(start) :] for path in made if path.startswith(start)]
            expected = {start + rest.partition("/")[0]: "/" in rest for rest in rests}
            assert children(store, folder) == expected

    # -- dropped ---------------------------------------------------------------------------------

    def test_dropping_takes_the_file_or_all_below_the_folder(self, store: MetadataStore) -> None:
        put(store, "a/x", "a/b/y", "a/b/z/1", "a.txt", "a0", "b")
        assert store.drop_files(WORKSPACE, "a/b") == 2
        assert store.drop_files(WORKSPACE, "a/b") == 0
        assert store.drop_files(WORKSPACE, "a/x") == 1
        assert store.drop_files(WORKSPACE, "a") == 0
        assert below(store, "") == ["a.txt", "a0", "b"]
        assert store.drop_files(WORKSPACE, "") == 3
        assert below(store, "") == []

    # -- what a file needs -----------------------------------------------------------------------

    def test_blobs_of_files_are_never_collected(self, store: MetadataStore) -> None:
        put(store, "x", "y")
        assert store.collectable_blobs(later(1), 10) == []
        assert store.collectable_blobs(later(1), 10, deleted_before=later(10**6)) == []
        assert store.collect_blob(A, later(10**6), refuse) is False
        store.drop_files(WORKSPACE, "x")
        assert store.collect_blob(A, later(10**6), refuse) is False
        put(store, "y", content="b")
        assert [blob.digest for blob in store.collectable_blobs(later(1), 10)] == [A]
        assert store.collect_blob(A, later(1), lambda: None) is True
        assert store.collect_blob(B, later(10**6), refuse) is False

    def test_a_version_and_a_file_may_need_the_same_blob(self, store: MetadataStore) -> None:
        add_model(store, "m")
        manifest = manifest_of("a")
        add_blobs(store, manifest)
        put(store, "x")
        seal(store, "m", 1, manifest)
        store.drop_files(WORKSPACE, "x")
        assert store.collect_blob(A, later(1), refuse) is False
        put(store, "x")
        apply(store, "m", lambda tx: tx.purge_version(1))
        store.drop_unused_manifests()
        assert store.collect_blob(A, later(1), refuse) is False
        store.drop_files(WORKSPACE, "x")
        assert store.collect_blob(A, later(1), lambda: None) is True

    def test_it_is_known_which_blobs_files_name(self, store: MetadataStore) -> None:
        store.ensure_workspace("other", NOON)
        put(store, "x", "y")
        store.add_blob(B, SIZE, NOON)
        many = [A, B, *(digest(str(n)) for n in range(5_000))]
        assert store.blobs_of_files(WORKSPACE, iter(many)) == {A}
        assert store.blobs_of_files("other", many) == frozenset()
        assert store.blobs_of_files(WORKSPACE, []) == frozenset()

    def test_totals_count_files(self, store: MetadataStore) -> None:
        put(store, "x", "y")
        put(store, "z", content="b")
        totals = store.totals()
        assert (totals.files, totals.logical_bytes) == (3, 3 * SIZE)
        assert (totals.stored_blobs, totals.stored_bytes) == (2, 2 * SIZE)

    # -- many at once ----------------------------------------------------------------------------

    def test_the_last_of_many_puts_wins_whole(self, store: MetadataStore) -> None:
        contents = [str(n) for n in range(THREADS)]
        for content in contents:
            store.add_blob(digest(content), SIZE, NOON)
        files = [file_of("x", content, updated_by=content) for content in contents]
        at_once(*[partial(store.put_file, file) for file in files])
        (found,) = store.files(WORKSPACE, "", limit=10)
        assert found in files

    def test_of_a_file_and_a_folder_one_wins(self, store: MetadataStore) -> None:
        store.add_blob(A, SIZE, NOON)
        for n in range(10):
            file, nested = file_of(f"{n}/x"), file_of(f"{n}/x/y")
            errors = at_once(
                *[partial(refusal, partial(store.put_file, item)) for item in (file, nested)]
            )
            assert sorted(type(error).__name__ for error in errors) == ["Conflict", "NoneType"]
            assert below(store, f"{n}") == [(file, nested)[errors.index(None)].path]

    def test_no_file_loses_its_blob_to_a_collection_at_the_same_time(
        self, store: MetadataStore
    ) -> None:
        writers, rounds = 4, 25
        lost: list[str] = []
        done = threading.Event()

        def named() -> set[str]:
            return {file.digest for file in store.files(WORKSPACE, "", limit=100)}

        def write(n: int) -> None:
            for number in range(rounds):
                # writers share contents, and free what they wrote before
                while True:
                    store.add_blob(digest(f"{number % 5}"), SIZE, NOON)
                    try:
                        store.put_file(file_of(f"run-{n}/file", f"{number % 5}"))
                    except MissingBlobs:
                        continue
                    break

        def remove(blob: str) -> None:
            if blob in named():
                lost.append(blob)

        def collect() -> None:
            while not done.is_set():
                for blob in store.collectable_blobs(later(10**6), 5):
                    store.collect_blob(blob.digest, later(10**6), partial(remove, blob.digest))

        with ThreadPoolExecutor(writers + 2) as threads:
            collectors = [threads.submit(collect) for _ in range(2)]
            try:
                list(threads.map(write, range(writers)))
            finally:
                done.set()
            for collector in collectors:
                collector.result()
        assert lost == []
        assert named() == {digest(f"{(rounds - 1) % 5}")}
        assert named() <= store.known_blobs(named())

    # -- death -----------------------------------------------------------------------------------

    def test_a_process_may_die_while_files_change(self, tmp_path: Path) -> None:
        for moment in itertools.count(1):
            path = tmp_path / f"{moment}" / "store"
            path.parent.mkdir()
            store = self.open_store(path)
            store.ensure_workspace(WORKSPACE, NOON)
            put(store, "run/kept", "run/gone")
            store.add_blob(B, SIZE, NOON)
            store.close()
            end = live(moment, life_of_a_file, type(self).open_store, path)
            store = self.open_store(path)
            try:
                found = {file.path: file.digest for file in store.files(WORKSPACE, "", limit=10)}
                states = [{"run/kept": A, "run/gone": A}, {"run/kept": B, "run/gone": A}]
                states.append({"run/kept": B})
                assert found in (states if end is End.DIED else states[2:])
                for blob in found.values():
                    assert store.collect_blob(blob, later(10**6), refuse) is False
            finally:
                store.close()
            if end is End.LIVED:
                break
