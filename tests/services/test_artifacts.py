"""Bytes in and out, interrupted and resumed."""

from __future__ import annotations

import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import DigestMismatch, InvalidInput, LimitExceeded, NotFound, UploadConflict

from .conftest import House

CONTENT = bytes(range(256)) * 4096  # 1 MiB
DIGEST = sha256_hex(CONTENT)


def test_only_missing_blobs_are_asked_for(house: House) -> None:
    house.store(b"here")
    here, absent = sha256_hex(b"here"), sha256_hex(b"absent")
    assert house.artifacts.missing([here, absent, f"sha256:{absent}"]) == {absent}
    for bad in ("..", here.upper(), here + "\n", here[:-1], "sha256:" + here + "0"):
        with pytest.raises(InvalidInput):
            house.artifacts.missing([bad])


def test_an_interrupted_upload_goes_on_where_it_stopped(house: House) -> None:
    begun = house.artifacts.begin_upload(digest=DIGEST, size=len(CONTENT))
    assert begun is not None
    with pytest.raises(RuntimeError), house.artifacts.resume_upload(begun.id, 0) as intake:
        intake.write(CONTENT[:400_000])
        raise RuntimeError("connection lost")
    assert house.artifacts.missing([DIGEST]) == {DIGEST}

    again = house.artifacts.begin_upload(digest=DIGEST, size=len(CONTENT))
    assert again is not None
    assert (again.id, again.offset) == (begun.id, 400_000)
    with pytest.raises(UploadConflict) as caught:
        house.artifacts.finish_upload(again.id)
    assert caught.value.details["offset"] == 400_000
    with pytest.raises(UploadConflict):
        house.artifacts.resume_upload(again.id, 0)
    with house.artifacts.resume_upload(again.id, again.offset) as intake:
        intake.write(CONTENT[400_000:])
        assert intake.complete
    assert house.artifacts.finish_upload(again.id).digest == DIGEST
    assert b"".join(house.artifacts.read_blob(DIGEST)) == CONTENT
    with pytest.raises(NotFound):
        house.artifacts.upload(again.id)
    assert house.artifacts.begin_upload(digest=DIGEST, size=len(CONTENT)) is None


def test_an_upload_belongs_to_whoever_began_it(house: House) -> None:
    begun = house.artifacts.begin_upload(digest=DIGEST, size=len(CONTENT))
    assert begun is not None
    eve = house.acting_as("eve").artifacts
    for call in (eve.upload, eve.finish_upload, eve.cancel_upload):
        with pytest.raises(NotFound):
            call(begun.id)
    other = eve.begin_upload(digest=DIGEST, size=len(CONTENT))
    assert other is not None
    assert other.id != begun.id


def test_wrong_bytes_are_never_kept(house: House) -> None:
    with house.artifacts.receive(digest=DIGEST, size=4) as intake:
        intake.write(b"evil")
        with pytest.raises(DigestMismatch, match="not " + DIGEST):
            intake.finish()
    with house.artifacts.receive(size=4) as intake, pytest.raises(DigestMismatch):
        intake.write(b"too long")
    with house.artifacts.receive(size=4) as intake:
        intake.write(b"no")
        with pytest.raises(DigestMismatch, match="2 bytes came"):
            intake.finish()
    begun = house.artifacts.begin_upload(digest=DIGEST, size=4)
    assert begun is not None
    with house.artifacts.resume_upload(begun.id, 0) as intake:
        intake.write(b"evil")
    with pytest.raises(DigestMismatch):
        house.artifacts.finish_upload(begun.id)
    with pytest.raises(NotFound):
        house.artifacts.upload(begun.id)
    assert list(house.ports.blobs.list()) == []
    assert list(house.ports.blobs.writers()) == []


def test_a_one_shot_upload_that_stops_leaves_nothing(house: House) -> None:
    with pytest.raises(RuntimeError), house.artifacts.receive() as intake:
        intake.write(CONTENT)
        raise RuntimeError("connection lost")
    assert list(house.ports.blobs.writers()) == []


@pytest.mark.embedded
def test_a_truncated_blob_is_missing_until_it_is_uploaded_again(house: House) -> None:
    house.store(CONTENT)
    path = house.ports.blobs.local_path(DIGEST)
    assert path is not None
    path.chmod(0o600)
    with path.open("r+b") as blob:
        blob.truncate(10)
    assert house.artifacts.missing([DIGEST]) == {DIGEST}
    house.store(CONTENT)
    assert b"".join(house.artifacts.read_blob(DIGEST)) == CONTENT


def test_a_cancelled_upload_leaves_nothing(house: House) -> None:
    begun = house.artifacts.begin_upload()
    assert begun is not None
    house.artifacts.cancel_upload(begun.id)
    assert list(house.ports.blobs.writers()) == []
    with pytest.raises(NotFound):
        house.artifacts.cancel_upload(begun.id)


def test_an_empty_blob_is_a_blob(house: House) -> None:
    assert b"".join(house.artifacts.read_blob(house.store(b"").digest)) == b""


def test_impossible_sizes_are_refused(house: House) -> None:
    with pytest.raises(InvalidInput):
        house.artifacts.begin_upload(size=-1)
    with pytest.raises(LimitExceeded):
        house.artifacts.begin_upload(size=2**60)
