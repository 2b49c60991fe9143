"""Garbage collection: all that nobody needs, and nothing that anybody does."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from muniment.domain.changes import NewVersion
from muniment.domain.values import sha256_hex
from muniment.errors import ConfigurationError, Conflict, InvalidInput, MissingBlobs, NotFound
from muniment.local import open_local
from muniment.storage.places import Place, sqlite_url

from .conftest import House


def push(house: House, model: str, content: bytes) -> int:
    files = house.files(m=content)
    return house.catalog.create_version(model, NewVersion(files=files), create_model=True).version


def test_nothing_is_collected_while_anybody_needs_it(house: House) -> None:
    push(house, "m", b"one")
    house.clock.forward(days=365)
    report = house.housekeeping.collect_garbage()
    assert (report.blobs, report.purged_versions, report.kept_blobs) == (0, 0, 2)
    assert b"".join(house.artifacts.read("m", 1, "m.bin")) == b"one"


def test_a_deleted_version_is_kept_for_its_window_then_purged(house: House) -> None:
    push(house, "m", b"one")
    push(house, "m", b"two")
    house.catalog.delete_version("m", 1)
    house.clock.forward(days=29)
    assert house.housekeeping.collect_garbage().purged_versions == 0
    house.clock.forward(days=2)
    would = house.housekeeping.collect_garbage(dry_run=True)
    did = house.housekeeping.collect_garbage()
    assert (would.purged_versions, would.manifests, would.blobs, would.bytes) == (
        did.purged_versions,
        did.manifests,
        did.blobs,
        did.bytes,
    )
    assert (did.purged_versions, did.manifests, did.blobs) == (1, 1, 2)
    assert (would.kept_blobs, would.kept_bytes) == (did.kept_blobs, did.kept_bytes)
    with pytest.raises(NotFound):
        house.catalog.restore_version("m", 1)
    assert house.artifacts.missing([sha256_hex(b"one"), sha256_hex(b"two")]) == {sha256_hex(b"one")}
    assert house.catalog.history("m").items[0].kind == "version.purged"
    house.catalog.verify_history("m")


def test_a_blob_shared_with_another_model_stays(house: House) -> None:
    push(house, "a", b"shared")
    push(house, "b", b"shared")
    house.catalog.delete_model("a")
    house.clock.forward(days=40)
    report = house.housekeeping.collect_garbage()
    assert (report.purged_versions, report.blobs) == (1, 0)
    assert b"".join(house.artifacts.read("b", 1, "m.bin")) == b"shared"


def test_a_purged_model_can_not_be_restored(house: House) -> None:
    push(house, "m", b"one")
    deleted = house.catalog.delete_model("m")
    house.clock.forward(days=40)
    assert house.housekeeping.collect_garbage().blobs == 2
    with pytest.raises(Conflict, match="gone for good"):
        house.catalog.restore_model(deleted.id)
    assert push(house, "m", b"new") == 1


def test_uploads_in_progress_are_left_alone(house: House) -> None:
    house.store(b"uploaded, not committed yet")
    begun = house.artifacts.begin_upload(digest="0" * 64, size=10)
    assert begun is not None
    assert house.housekeeping.collect_garbage().blobs == 0
    house.clock.forward(days=2)
    assert house.housekeeping.collect_garbage(dry_run=True).blobs == 1
    assert house.housekeeping.collect_garbage().blobs == 1
    assert house.artifacts.upload(begun.id).offset == 0
    house.clock.forward(days=7)
    assert house.housekeeping.collect_garbage(dry_run=True).uploads == 1
    assert house.housekeeping.collect_garbage().uploads == 1
    with pytest.raises(NotFound):
        house.artifacts.upload(begun.id)


def test_bytes_that_the_metadata_does_not_know_are_swept(house: House) -> None:
    with house.ports.blobs.create_writer("0" * 32) as writer:
        writer.write(b"stray")
        writer.commit(writer.digest())
    assert house.housekeeping.collect_garbage().blobs == 0
    house.clock.forward(days=2)
    assert house.housekeeping.collect_garbage().bytes == 5
    assert list(house.ports.blobs.list()) == []


@pytest.mark.embedded
def test_bytes_from_before_the_metadata_began_are_left_alone(house: House, tmp_path: Path) -> None:
    """They belong to metadata that were lost; who restores those will need them."""
    with house.ports.blobs.create_writer("0" * 32) as writer:
        writer.write(b"older")
        digest = writer.commit(writer.digest()).digest
    path = house.ports.blobs.local_path(digest)
    assert path is not None
    os.utime(path, (0, 0))
    house.clock.forward(days=2)
    assert house.housekeeping.collect_garbage(dry_run=True).blobs == 0
    assert house.housekeeping.collect_garbage(grace=0).blobs == 0
    assert house.ports.blobs.stat(digest) is not None


def test_a_registry_whose_database_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    backend = open_local(tmp_path)
    backend.artifacts.put(sha256_hex(b"x"), 1, lambda _: iter([b"x"]))
    backend.close()
    for file in tmp_path.glob("muniment.db*"):
        file.unlink()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="gone or empty"):
            open_local(tmp_path)
        (tmp_path / "muniment.db").touch()


def test_an_explicit_grace_is_also_that_of_unfinished_uploads(house: House) -> None:
    house.artifacts.begin_upload(digest="0" * 64, size=10)
    assert house.housekeeping.collect_garbage(grace=0).uploads == 0  # somebody may be at it
    house.clock.forward(minutes=2)
    assert house.housekeeping.collect_garbage(grace=0).uploads == 1
    assert list(house.ports.blobs.writers()) == []


def test_no_version_ever_loses_a_blob_to_a_collection_at_the_same_time(house: House) -> None:
    """Without any grace, a commit either finds its bytes or says that they are missing."""
    done = threading.Event()

    def collect() -> None:
        while not done.is_set():
            house.housekeeping.collect_garbage(grace=0, restore_window=0)

    collector = threading.Thread(target=collect)
    collector.start()
    made, lost = [], 0
    try:
        for n in range(150):
            try:
                made.append((push(house, "m", b"%d" % (n % 5)), n % 5))
            except MissingBlobs:
                lost += 1
            if n % 3 == 0 and made:
                number, _ = made.pop()
                house.catalog.delete_version("m", number)
    finally:
        done.set()
        collector.join()
    assert len(made) + lost > 0
    for number, content in made:
        assert b"".join(house.artifacts.read("m", number, "m.bin")) == b"%d" % content


def test_windows_must_make_sense(house: House) -> None:
    for bad in (-1.0, float("inf"), float("nan")):
        with pytest.raises(InvalidInput):
            house.housekeeping.collect_garbage(grace=bad)


def test_two_registries_do_not_share_a_store_of_blobs(tmp_path: Path) -> None:
    shared = str(tmp_path / "blobs")
    first, second = (Place.of(sqlite_url(tmp_path / name), shared) for name in ("1.db", "2.db"))
    open_local(first).close()
    open_local(first).close()
    with pytest.raises(ConfigurationError, match="belong to another registry"):
        open_local(second)
