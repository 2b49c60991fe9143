"""`muniment://` opens wherever fsspec does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from muniment import Registry, Unreachable
from muniment.client import http
from muniment.client.fsspec import MunimentFileSystem


@pytest.fixture
def filled(
    registry: Registry, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A version `name/1`, alias `champion`, with two files, one of them in a folder."""
    monkeypatch.setenv("MUNIMENT_REGISTRY", registry.address)
    folder = tmp_path / "model"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "model.pkl").write_bytes(bytes(range(256)) * 100)
    (folder / "data" / "deep" / "table.csv").write_text("a,b\n1,2\n")
    registry.push(name, folder, alias="champion").move_to_stage("Production")
    yield name
    if MunimentFileSystem.current()._connected is not None:
        MunimentFileSystem.current().registry.close()
    MunimentFileSystem.clear_instance_cache()


@pytest.fixture
def fs(filled: str, registry: Registry) -> Iterator[MunimentFileSystem]:
    fs = MunimentFileSystem(registry=registry.address, skip_instance_cache=True)
    yield fs
    fs.registry.close()


@pytest.mark.parametrize("ref", ["{}@champion", "{}/1", "{}/Production"])
def test_every_reference_opens(filled: str, ref: str) -> None:
    url = f"muniment://{ref.format(filled)}/model.pkl"

    with fsspec.open(url) as stream:
        assert stream.read() == bytes(range(256)) * 100


def test_a_digest_opens(filled: str, registry: Registry) -> None:
    digest = registry.version(filled).digest

    with fsspec.open(f"muniment://{filled}@sha256:{digest}/data/deep/table.csv", "rt") as stream:
        assert stream.readlines() == ["a,b\n", "1,2\n"]


def test_a_registry_can_be_named(filled: str, registry: Registry, tmp_path: Path) -> None:
    with fsspec.open(f"muniment://{filled}/1/model.pkl", registry=registry.address) as stream:
        assert stream.seek(-1, io.SEEK_END) == 25_599
        assert stream.read() == b"\xff"


def test_libraries_read_through_it(filled: str) -> None:
    with fsspec.open(f"muniment://{filled}@champion/data/deep/table.csv") as stream:
        assert np.loadtxt(stream, delimiter=",", skiprows=1).tolist() == [1.0, 2.0]


def test_every_level_can_be_listed(fs: MunimentFileSystem, filled: str) -> None:
    assert filled in fs.ls("", detail=False)
    assert fs.ls(filled, detail=False) == [f"{filled}/1"]
    assert fs.ls(f"muniment://{filled}/1", detail=False) == [
        f"{filled}/1/data",
        f"{filled}/1/model.pkl",
    ]
    assert fs.ls(f"{filled}@champion/data/deep", detail=False) == [
        f"{filled}@champion/data/deep/table.csv"
    ]
    assert fs.find(f"{filled}/1") == [f"{filled}/1/data/deep/table.csv", f"{filled}/1/model.pkl"]
    assert fs.glob(f"{filled}/1/**/*.csv") == [f"{filled}/1/data/deep/table.csv"]


def test_files_are_described(fs: MunimentFileSystem, filled: str, registry: Registry) -> None:
    info = fs.info(f"{filled}/1/model.pkl")

    assert (info["size"], info["type"]) == (25_600, "file")
    assert info["sha256"] == fs.ukey(f"{filled}@champion/model.pkl")
    assert fs.created(f"{filled}/1/model.pkl") == registry.version(filled).created_at
    for folder in ("", filled, f"{filled}/1", f"{filled}/1/data"):
        assert fs.isdir(folder)
    assert fs.exists(f"{filled}/1/model.pkl")
    assert not fs.exists(f"{filled}/1/data/dee")
    assert not fs.exists(f"{filled}/2")


def test_a_version_without_files_is_an_empty_folder(
    fs: MunimentFileSystem, filled: str, registry: Registry
) -> None:
    registry.push(filled, source_uri="s3://bucket/model")

    assert fs.ls(f"{filled}/2") == []
    assert fs.find(filled) == [f"{filled}/1/data/deep/table.csv", f"{filled}/1/model.pkl"]
    assert not fs.exists(f"{filled}/2/model.pkl")


def test_a_server_that_does_not_answer_is_not_taken_for_a_missing_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http.connection, "PAUSES", ())
    fs = MunimentFileSystem(registry="http://127.0.0.1:1", skip_instance_cache=True)

    with pytest.raises(Unreachable):
        fs.exists("fraud/1/model.pkl")
    fs.registry.close()


def test_parts_of_files_are_read(fs: MunimentFileSystem, filled: str) -> None:
    path = f"{filled}/1/model.pkl"

    assert fs.cat_file(path, 254, 258) == b"\xfe\xff\x00\x01"
    assert fs.cat_file(path, -2) == b"\xfe\xff"
    assert fs.cat_ranges([path] * 2, [0, 2], [1, 3]) == [b"\x00", b"\x02"]
    both = [path, f"{filled}/1/data/deep/table.csv"]
    assert fs.cat(both)[both[1]] == b"a,b\n1,2\n"


def test_folders_are_downloaded(fs: MunimentFileSystem, filled: str, tmp_path: Path) -> None:
    fs.get(f"{filled}@champion/", str(tmp_path / "copy"), recursive=True)

    assert (tmp_path / "copy" / "data" / "deep" / "table.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "path", ["{}/1/nope", "{}/9/model.pkl", "{}@nope/model.pkl", "no-such-model/1/a"]
)
def test_what_is_not_there_is_a_file_not_found(filled: str, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        fsspec.open(f"muniment://{path.format(filled)}").open()


def test_a_folder_does_not_open(fs: MunimentFileSystem, filled: str) -> None:
    for path in (filled, f"{filled}/1"):
        with pytest.raises(IsADirectoryError):
            fs.open(path)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("open", ["x/1/a", "wb"]),
        ("pipe_file", ["x/1/a", b""]),
        ("touch", ["x/1/a"]),
        ("mkdir", ["x/1"]),
        ("makedirs", ["x/1"]),
        ("rmdir", ["x/1"]),
        ("rm_file", ["x/1/a"]),
        ("cp_file", ["x/1/a", "x/1/b"]),
    ],
)
def test_writing_is_refused(fs: MunimentFileSystem, method: str, arguments: list[Any]) -> None:
    with pytest.raises(OSError, match=r"read-only; add a version with .*push"):
        getattr(fs, method)(*arguments)


def test_the_environment_is_followed_when_it_changes(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = MunimentFileSystem()
    assert fs.exists(f"{filled}/1/model.pkl")

    monkeypatch.setenv("MUNIMENT_REGISTRY", str(tmp_path / "another"))

    assert MunimentFileSystem().ls("") == []
    MunimentFileSystem().registry.close()
