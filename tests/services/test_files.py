"""Files outside of versions: put, listed, deleted, and registered without copying a byte."""

from __future__ import annotations

import pytest

from muniment.domain import names
from muniment.domain.access import Grant, Narrowing, Principal, Role, Verb
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.files import Child, children_of
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import sha256_hex
from muniment.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    MissingBlobs,
    NotFound,
    PermissionDenied,
)
from muniment.services import Services
from muniment.services.artifacts.files import Files
from tests.services.conftest import House


def put(files: Files, path: str, content: bytes = b"weights") -> str:
    with files.receive(path, size=len(content)) as intake:
        intake.write(content)
        return intake.finish().digest


@pytest.fixture
def files(house: House) -> Files:
    return Files(house.ports, Caller("ada"))


def somebody(house: House, name: str, *grants: Grant) -> Services:
    return Services(house.ports, Caller(name, principal=Principal(name, grants)))


def collect(house: House) -> int:
    return house.housekeeping.collect_garbage(grace=0, restore_window=0).blobs


def test_a_file_is_what_was_put_last(files: Files, house: House) -> None:
    put(files, "0/run/model.pkl", b"old")
    digest = put(files, "0/run/model.pkl", b"new")
    found = files.file("0/run/model.pkl")
    assert (found.digest, found.size, found.updated_by) == (digest, 3, "ada")
    assert b"".join(house.artifacts.read_blob(found.digest)) == b"new"


def test_a_missing_file_and_a_folder_are_told_apart(files: Files) -> None:
    put(files, "run/model/weights")
    with pytest.raises(NotFound):
        files.file("run/mod")
    with pytest.raises(InvalidInput, match="folder"):
        files.file("run/model")


def test_nothing_is_there_of_a_file_that_did_not_come_whole(files: Files, house: House) -> None:
    with files.receive("run/file") as intake:
        intake.write(b"half of it")
    assert files.children("") == []
    assert house.housekeeping.totals().stored_blobs == 0


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "../a", "a/../b", "a\\b", "C:x", "a\0"])
def test_a_path_that_reads_in_two_ways_is_refused(files: Files, path: str) -> None:
    for call in (files.receive, files.file, files.delete):
        with pytest.raises(InvalidInput):
            call(path)
    if path:
        for listing in (files.children, files.manifest_of):
            with pytest.raises(InvalidInput):
                listing(path)


def test_a_file_does_not_stand_where_a_folder_is(files: Files) -> None:
    put(files, "run/model/weights")
    for clash in ("run/model", "run/model/weights/more"):
        with pytest.raises(Conflict):
            put(files, clash)
    assert files.children("run/model") == [Child("weights", 7)]


def test_a_folder_lists_its_names(files: Files) -> None:
    for path in ("run/model/a", "run/model/deep/er/b", "run/metrics.json", "run-2/x"):
        put(files, path)
    assert files.children("") == [Child("run", None), Child("run-2", None)]
    assert files.children("run") == [Child("metrics.json", 7), Child("model", None)]
    assert files.children("run/metrics.json") == files.children("nothing") == []


def test_deleting_takes_a_file_or_a_whole_folder(files: Files) -> None:
    for path in ("run/model/a", "run/model/deep/b", "run/keep"):
        put(files, path)
    assert files.delete("run/model") == 2
    assert files.delete("run/model") == 0
    assert files.children("run") == [Child("keep", 7)]


def test_the_same_bytes_are_stored_once(files: Files, house: House) -> None:
    for n in range(3):
        put(files, f"run-{n}/model.pkl", b"the same")
    totals = house.housekeeping.totals()
    assert (totals.files, totals.logical_bytes) == (3, 24)
    assert (totals.stored_blobs, totals.stored_bytes) == (1, 8)


def test_a_folder_becomes_a_version_without_a_byte_being_copied(files: Files, house: House) -> None:
    put(files, "run/artifacts/model/MLmodel", b"flavors: {}")
    put(files, "run/artifacts/model/data/weights.bin", b"weights")
    put(files, "run/artifacts/model-2/other", b"other")
    before = house.housekeeping.totals()
    manifest = files.manifest_of("run/artifacts/model")
    assert manifest is not None
    assert [file.path for file in manifest.files] == ["MLmodel", "data/weights.bin"]
    new = NewVersion(files=manifest, source_uri="runs:/run/model")
    version = house.catalog.create_version("m", new, create_model=True)
    assert (version.digest, version.file_count) == (manifest.digest, 2)
    after = house.housekeeping.totals()
    assert after.stored_blobs == before.stored_blobs + 1  # the manifest itself
    assert after.stored_bytes == before.stored_bytes + len(manifest.content)


def test_an_empty_folder_has_no_manifest(files: Files) -> None:
    assert files.manifest_of("nothing") is None
    assert files.manifest_of("") is None


def test_more_files_than_a_version_holds_are_no_manifest(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        put(files, f"run/{n}")
    monkeypatch.setattr(names, "MAX_FILES", 3)
    with pytest.raises(LimitExceeded, match="3 files"):
        files.manifest_of("run")


def test_a_folder_holds_a_version_while_it_is_exactly_the_same(files: Files) -> None:
    for path in ("run/model/a", "run/model/b"):
        put(files, path)
    manifest = files.manifest_of("run/model")
    assert manifest is not None
    assert files.holds("run/model", manifest)
    put(files, "run/model/c")
    assert not files.holds("run/model", manifest)
    files.delete("run/model/c")
    assert files.holds("run/model", manifest)
    put(files, "run/model/a", b"changed")
    assert not files.holds("run/model", manifest)
    put(files, "run/model/a")
    assert files.holds("run/model", manifest)
    files.delete("run/model/b")
    assert not files.holds("run/model", manifest)


def test_a_version_stays_whole_when_the_files_are_deleted(files: Files, house: House) -> None:
    put(files, "run/model/weights")
    manifest = files.manifest_of("run/model")
    house.catalog.create_version("m", NewVersion(files=manifest), create_model=True)
    files.delete("run")
    assert collect(house) == 0
    assert b"".join(house.artifacts.read("m", 1, "weights")) == b"weights"


def test_garbage_collection_keeps_the_blobs_of_files(files: Files, house: House) -> None:
    put(files, "run/a", b"one")
    put(files, "run/b", b"two")
    assert collect(house) == 0
    put(files, "run/b", b"three")
    assert collect(house) == 1
    assert b"".join(house.artifacts.read_blob(files.file("run/b").digest)) == b"three"
    files.delete("run")
    assert collect(house) == 2
    assert house.housekeeping.totals().stored_blobs == 0


# -- may somebody? -------------------------------------------------------------------------------


def test_reading_and_writing_files_are_verbs_of_their_own(files: Files, house: House) -> None:
    put(files, "run/file")
    reader = somebody(house, "reader", Grant(frozenset({Verb.READ_RUNS}))).files
    assert reader.file("run/file").size == 7
    for call in (lambda: put(reader, "x"), lambda: reader.delete("run/file")):
        with pytest.raises(PermissionDenied):
            call()
    writer = somebody(house, "writer", Grant(frozenset({Verb.WRITE_RUNS}))).files
    put(writer, "run/more")
    assert writer.delete("run/more") == 1
    for read in (
        lambda: writer.file("run/file"),
        lambda: writer.children("run"),
        lambda: writer.manifest_of("run"),
    ):
        with pytest.raises(PermissionDenied):
            read()


def test_who_may_read_files_may_name_their_blobs(files: Files, house: House) -> None:
    entry = FileEntry("weights", put(files, "run/weights"), 7)
    new = NewVersion(files=Manifest.of([entry]))
    house.catalog.create_model("fraud")
    contributor = Grant.of_role(Role.CONTRIBUTOR)
    of_fraud = Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="fraud"))
    stranger = somebody(house, "stranger", of_fraud)
    with pytest.raises(MissingBlobs):
        stranger.catalog.create_version("fraud", new)
    assert stranger.artifacts.missing([entry.digest]) == {entry.digest}
    version = somebody(house, "colleague", contributor).catalog.create_version("fraud", new)
    assert version.file_count == 1


def test_who_puts_a_file_may_name_its_blob_ever_after(house: House) -> None:
    tracker = Grant.of_role(Role.TRACKER)
    of_fraud = Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="fraud"))
    both = somebody(house, "both", tracker, of_fraud)
    digest = put(both.files, "run/weights")
    both.files.delete("run/weights")
    assert both.artifacts.missing([digest]) == frozenset()


def test_whoever_may_not_read_files_does_not_find_the_version_in_them(
    files: Files, house: House
) -> None:
    put(files, "run/weights")
    manifest = files.manifest_of("run")
    assert manifest is not None
    viewer = Grant.of_role(Role.VIEWER)
    assert somebody(house, "v", viewer).files.holds("run", manifest)
    narrow = Grant.of_role(Role.VIEWER, Narrowing(models="fraud"))
    assert not somebody(house, "n", narrow).files.holds("run", manifest)


# -- the files of a version ----------------------------------------------------------------------


def test_the_folders_of_a_version_are_listed_like_those_of_files() -> None:
    entries = [FileEntry(path, sha256_hex(b""), 0) for path in ("a", "b/c", "b/d/e", "b-", "b.x")]
    manifest = Manifest.of(entries)
    assert children_of(manifest, "") == [
        Child("a", 0),
        Child("b", None),
        Child("b-", 0),
        Child("b.x", 0),
    ]
    assert children_of(manifest, "b") == [Child("c", 0), Child("d", None)]
    assert children_of(manifest, "a") == children_of(manifest, "b/c") == []
    assert children_of(manifest, "nothing") == []
