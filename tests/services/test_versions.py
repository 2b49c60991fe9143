"""Model versions, as a caller of the services sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from muniment.domain.changes import NewVersion, VersionChanges
from muniment.domain.entities import Signature, Status, Variable, VariableType
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.refs import parse_ref
from muniment.errors import (
    AlreadyExists,
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    MissingBlobs,
    NotFound,
    NotReady,
    PreconditionFailed,
)

from .conftest import House


def test_a_version_is_its_files_and_what_was_said_of_it(house: House) -> None:
    files = house.files(model=b"weights", config=b"{}")
    signature = Signature(inputs=(Variable("x", VariableType.NUMERIC, dtype="float64"),))
    made = house.catalog.create_version(
        "fraud",
        NewVersion(
            files=files,
            label="1.0.0",
            description="first",
            tags={"data": "2026-11"},
            params={"depth": 3},
            metrics={"auc": 1},
            framework="scikit-learn",
            signature=signature,
        ),
        create_model=True,
    )
    read = house.catalog.version("fraud", 1)
    assert read == made
    assert (read.status, read.digest, read.size, read.file_count) == (
        Status.READY,
        files.digest,
        9,
        2,
    )
    assert read.metrics == {"auc": 1.0}
    assert read.signature == signature
    assert read.snapshot is not None
    assert len(read.snapshot) == 40
    assert house.artifacts.manifest("fraud", 1) == files
    assert b"".join(house.artifacts.read("fraud", 1, "model.bin")) == b"weights"
    assert b"".join(house.artifacts.read("fraud", 1, "model.bin", 2, 4)) == b"ig"


def test_a_version_with_missing_bytes_is_not_made(house: House) -> None:
    absent = FileEntry("model.bin", "0" * 64, 3)
    with pytest.raises(MissingBlobs) as caught:
        house.catalog.create_version(
            "fraud", NewVersion(files=Manifest.of([absent])), create_model=True
        )
    assert caught.value.details["missing"] == ["0" * 64]
    with pytest.raises(NotFound):
        house.catalog.model("fraud")


def test_a_manifest_that_lies_about_a_size_is_refused(house: House) -> None:
    entry = house.store(b"weights")
    lie = FileEntry("model.bin", entry.digest, 99)
    with pytest.raises(InvalidInput, match="99"):
        house.catalog.create_version("m", NewVersion(files=Manifest.of([lie])), create_model=True)


def test_numbers_are_never_used_again(house: House) -> None:
    for n in range(3):
        house.catalog.create_version(
            "m", NewVersion(files=house.files(m=b"%d" % n)), create_model=True
        )
    house.catalog.delete_version("m", 3)
    assert house.catalog.model("m").latest == 2
    assert house.catalog.create_version("m", NewVersion(files=house.files(m=b"x"))).version == 4
    assert house.catalog.model("m").last_number == 4


def test_sixteen_threads_get_one_to_n_without_gap_or_duplicate(house: House) -> None:
    house.catalog.create_model("m")

    def create(n: int) -> int:
        files = house.files(m=b"%d" % n)
        return house.catalog.create_version("m", NewVersion(files=files)).version

    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(create, range(160)))
    assert sorted(numbers) == list(range(1, 161))
    assert house.catalog.verify_history("m") == 161


def test_a_pending_version_is_sealed_once_by_one_commit(house: House) -> None:
    house.catalog.create_version("m", NewVersion(pending=True), create_model=True)
    assert house.catalog.model("m").latest is None
    with pytest.raises(NotFound):
        house.catalog.resolve(parse_ref("m"))
    with pytest.raises(NotReady):
        house.catalog.set_alias("m", "champion", 1)
    with pytest.raises(NotReady, match="PENDING"):
        house.artifacts.manifest("m", 1)
    files = house.files(m=b"1")
    sealed = house.catalog.seal_version("m", 1, files)
    assert (sealed.status, sealed.digest) == (Status.READY, files.digest)
    assert house.catalog.seal_version("m", 1, files) == sealed
    with pytest.raises(Conflict):
        house.catalog.seal_version("m", 1, house.files(m=b"2"))
    assert house.catalog.resolve(parse_ref("m")) == sealed


def test_a_pending_version_may_fail(house: House) -> None:
    house.catalog.create_version("m", NewVersion(pending=True), create_model=True)
    failed = house.catalog.fail_version("m", 1, "out of memory")
    assert (failed.status, failed.status_message) == (Status.FAILED, "out of memory")
    with pytest.raises(Conflict):
        house.catalog.seal_version("m", 1, house.files(m=b"1"))


def test_a_pointer_is_ready_without_files_and_can_be_ingested_later(house: House) -> None:
    pointer = house.catalog.create_version(
        "m", NewVersion(source_uri="s3://bucket/model"), create_model=True
    )
    assert (pointer.status, pointer.digest, pointer.snapshot) == (Status.READY, None, None)
    assert house.catalog.resolve(parse_ref("m")).version == 1
    with pytest.raises(NotReady, match="s3://bucket/model"):
        house.artifacts.manifest("m", 1)
    sealed = house.catalog.seal_version("m", 1, house.files(m=b"1"))
    assert sealed.source_uri == "s3://bucket/model"
    assert sealed.digest is not None


def test_snapshots_form_a_chain(house: House) -> None:
    same = house.files(m=b"same")
    first = house.catalog.create_version("m", NewVersion(files=same), create_model=True)
    second = house.catalog.create_version("m", NewVersion(files=same))
    assert first.digest == second.digest
    assert (first.parent, second.parent) == (None, first.snapshot)
    assert first.snapshot != second.snapshot


def test_a_version_needs_content_or_a_place_or_to_be_pending(house: House) -> None:
    with pytest.raises(InvalidInput, match="source_uri"):
        house.catalog.create_version("m", NewVersion(), create_model=True)
    with pytest.raises(InvalidInput):
        house.catalog.create_version(
            "m", NewVersion(files=house.files(m=b"1"), pending=True), create_model=True
        )


def test_labels_are_unique_among_live_versions(house: House) -> None:
    new = NewVersion(source_uri="x:y", label="1.0.0")
    house.catalog.create_version("m", new, create_model=True)
    with pytest.raises(AlreadyExists, match=r"1\.0\.0"):
        house.catalog.create_version("m", new)
    house.catalog.delete_version("m", 1)
    house.catalog.create_version("m", new)
    with pytest.raises(AlreadyExists):
        house.catalog.restore_version("m", 1)
    house.catalog.update_version("m", 2, VersionChanges(label=""))
    assert house.catalog.restore_version("m", 1).label == "1.0.0"
    with pytest.raises(AlreadyExists):
        house.catalog.update_version("m", 2, VersionChanges(label="1.0.0"))


def test_references_find_what_they_mean(house: House) -> None:
    for n in (1, 2, 3):
        house.catalog.create_version(
            "m", NewVersion(files=house.files(m=b"%d" % (n % 2)), label=f"1.{n}"), create_model=True
        )
    house.catalog.set_alias("m", "champion", 1)
    house.lifecycle.move_to_stage("m", 2, "production")
    digest = house.catalog.version("m", 1).digest
    found = {
        ref: house.catalog.resolve(parse_ref(ref)).version
        for ref in (
            "m",
            "m@latest",
            "m@champion",
            "m/2",
            "m/Production",
            "m/PRODUCTION",
            "m/None",
            "m/1.3",
            f"m@sha256:{digest}",
        )
    }
    assert list(found.values()) == [3, 3, 1, 2, 2, 2, 3, 3, 3]
    for ref in ("nope", "m/9", "m@nope", "m/Archived", "m/nope", "m@sha256:" + "0" * 64):
        with pytest.raises(NotFound):
            house.catalog.resolve(parse_ref(ref))


def test_a_patch_changes_only_what_it_names(house: House) -> None:
    new = NewVersion(source_uri="x:y", tags={"a": 1}, metrics={"auc": 0.5, "f1": 0.1})
    before = house.catalog.create_version("m", new, create_model=True)
    house.clock.forward(seconds=5)
    tagged = house.catalog.update_version("m", 1, VersionChanges(tags={"b": 2}))
    assert (dict(tagged.tags), tagged.updated_at) == ({"a": 1, "b": 2}, before.updated_at)
    changed = house.catalog.update_version(
        "m", 1, VersionChanges(description="d", metrics={"auc": 0.9, "f1": None})
    )
    assert (changed.metrics, changed.source_uri) == ({"auc": 0.9}, "x:y")
    assert changed.updated_at > before.updated_at
    with pytest.raises(PreconditionFailed):
        house.catalog.update_version("m", 1, VersionChanges(description="e"), if_match=1)


def test_a_change_that_changes_nothing_leaves_no_trace(house: House) -> None:
    version = house.catalog.create_version(
        "m", NewVersion(source_uri="x:y", tags={"a": 1}), create_model=True
    )
    assert house.catalog.update_version("m", 1, VersionChanges(tags={"a": 1})) == version
    assert house.catalog.verify_history("m") == 2


def test_an_integer_tag_that_becomes_a_float_or_boolean_is_a_change(house: House) -> None:
    house.catalog.create_version(
        "m", NewVersion(source_uri="x:y", tags={"a": 1}), create_model=True
    )
    for value in (1.0, True):
        changed = house.catalog.update_version("m", 1, VersionChanges(tags={"a": value}))
        assert type(changed.tags["a"]) is type(value)


def test_archive_existing_archives_the_others_in_one_step(house: House) -> None:
    for _ in range(3):
        house.catalog.create_version("m", NewVersion(source_uri="x:y"), create_model=True)
    house.lifecycle.move_to_stage("m", 1, "Production")
    house.lifecycle.move_to_stage("m", 2, "Production")
    house.lifecycle.move_to_stage("m", 3, "Production", archive_existing=True, comment="better")
    assert [house.catalog.version("m", n).stage for n in (1, 2, 3)] == [
        "Archived",
        "Archived",
        "Production",
    ]
    with pytest.raises(InvalidInput, match="Produktion"):
        house.lifecycle.move_to_stage("m", 1, "Produktion")
    newest = house.catalog.history("m").items[:3]
    assert {a.version for a in newest} == {1, 2, 3}
    assert {a.comment for a in newest} == {"better", "replaced by version 3"}


def test_idempotency_keys_on_versions(house: House) -> None:
    new = NewVersion(source_uri="x:y")
    first = house.catalog.create_version("m", new, create_model=True, idempotency_key="k")
    assert house.catalog.create_version("m", new, create_model=True, idempotency_key="k") == first
    assert house.catalog.model("m").last_number == 1
    with pytest.raises(IdempotencyKeyReused):
        house.catalog.create_version("m", NewVersion(source_uri="x:z"), idempotency_key="k")
