"""Everything read back and hashed here, taking nothing on trust."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import muniment
from muniment import Registry


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


def test_a_pointer_has_only_a_history_to_verify(local: Registry) -> None:
    local.push("fraud", source_uri="s3://bucket/model")

    report = local.verify("fraud")

    assert report.ok
    assert (report.files, report.digest) == (0, None)
