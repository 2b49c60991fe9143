"""Everything read back and hashed here, taking nothing on trust."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import muniment
from muniment import Registry, Unreachable


def test_a_sound_version_is_found_sound(registry: Registry, name: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for path in ("a", "b"):
        (tmp_path / "model" / path).write_bytes(path.encode() * 1_000)
    version = registry.push(name, tmp_path / "model", alias="champion")

    report = registry.verify(f"{name}@champion")

    assert report.ok
    assert (report.files, report.bytes, report.digest) == (2, 2_000, version.digest)
    assert report.activities == len(registry.history(name).all())
    assert "sound" in repr(report)
    assert report.to_json()["ok"] is True


def blob_of(home: Path, digest: str) -> Path:
    (blob,) = home.rglob(f"*{digest}")
    blob.chmod(0o644)
    return blob


@pytest.mark.parametrize(
    ("how", "problem"),
    [("changed", "its digest is"), ("cut", "bytes"), ("gone", "gone")],
)
def test_a_damaged_file_is_named(local: Registry, tmp_path: Path, how: str, problem: str) -> None:
    version = local.push("fraud", b"x" * 1_000)
    blob = blob_of(tmp_path / "registry", version.manifest().files[0].digest)
    if how == "changed":
        blob.write_bytes(b"y" * 1_000)
    elif how == "cut":
        blob.write_bytes(b"x" * 900)
    else:
        blob.unlink()

    report = local.verify("fraud")

    assert not report.ok
    assert report.problems[0].startswith("model.bin: ")
    assert problem in report.problems[0]
    assert "NOT SOUND" in repr(report)


def test_a_damaged_manifest_is_noticed(local: Registry, tmp_path: Path) -> None:
    version = local.push("fraud", b"x")
    assert version.digest is not None
    blob_of(tmp_path / "registry", version.digest).write_bytes(b"{}")

    report = local.verify("fraud")

    assert any("manifest" in problem for problem in report.problems)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activities SET actor = 'nobody' WHERE sequence = 1",
        "DELETE FROM activities WHERE sequence = 2",
        "DELETE FROM activities WHERE sequence = (SELECT max(sequence) FROM activities)",
    ],
)
def test_a_history_that_was_tampered_with_is_noticed(tmp_path: Path, statement: str) -> None:
    with muniment.connect(tmp_path / "registry") as registry:
        registry.push("fraud", b"one", alias="champion")
    (database,) = [
        file for file in (tmp_path / "registry").rglob("*") if file.suffix in (".db", ".sqlite")
    ]
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(statement)
    connection.close()

    with muniment.connect(tmp_path / "registry") as registry:
        report = registry.verify("fraud/1")

    assert not report.ok
    assert "History" in report.problems[0]


def changed(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "muniment.db")
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE versions SET digest = (SELECT digest FROM versions WHERE number = 2)"
            " WHERE number = 1",
            "digest: it is ",
        ),
        ("UPDATE versions SET snapshot = NULL WHERE number = 1", "snapshot: it is missing"),
        ("UPDATE refs SET number = 2", "alias champion: it points at 2, the history says 1"),
        ("DELETE FROM refs", "alias champion: it points at nothing, the history says 1"),
    ],
)
def test_what_the_history_does_not_tell_of_is_noticed(
    tmp_path: Path, statement: str, problem: str
) -> None:
    with muniment.connect(tmp_path / "registry") as registry:
        registry.push("fraud", b"one", alias="champion")
        registry.push("fraud", b"two")
    changed(tmp_path / "registry", statement)

    with muniment.connect(tmp_path / "registry") as registry:
        report = registry.verify("fraud/1")

    assert [found[: len(problem)] for found in report.problems] == [problem]


def test_every_version_of_a_model_is_verified_against_one_reading_of_its_history(
    registry: Registry, name: str
) -> None:
    for data in (b"one", b"two"):
        registry.push(name, data, alias="champion")
    registry.push(name, b"three", alias=["gone", "moved"])
    registry.set_alias(f"{name}/1", "moved")
    registry.delete_version(f"{name}/3")
    registry.push(name, source_uri="s3://bucket/model", alias="dropped")
    registry.delete_alias(name, "dropped")

    reports = list(registry.verify_model(name))

    assert [report.problems for report in reports] == [()] * 3
    assert [report.ref for report in reports] == [f"{name}/{n}" for n in (4, 2, 1)]


def test_one_file_that_can_not_be_read_does_not_hide_the_others(
    local: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    for path in ("a", "b"):
        (tmp_path / "model" / path).write_text(path)
    local.push("fraud", tmp_path / "model")
    read = local.backend.artifacts.read

    def break_off(model: str, number: int, path: str) -> Iterator[bytes]:
        if path == "a":
            raise Unreachable("The connection was lost.")
        return read(model, number, path)

    monkeypatch.setattr(local.backend.artifacts, "read", break_off)  # as a network may

    assert local.verify("fraud").problems == ("a: The connection was lost.",)


def test_a_pointer_has_only_a_history_to_verify(local: Registry) -> None:
    local.push("fraud", source_uri="s3://bucket/model")

    report = local.verify("fraud")

    assert report.ok
    assert (report.files, report.digest) == (0, None)
