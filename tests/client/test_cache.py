"""The local cache: verified when written, shared by processes, put right when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment import ConfigurationError, DigestMismatch
from muniment.client.cache import FORGOTTEN, Cache, default_cache
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import sha256_hex


@pytest.fixture
def cache(cache_folder: Path) -> Cache:
    return Cache(cache_folder)


def manifest_of(files: dict[str, bytes]) -> Manifest:
    return Manifest.of(FileEntry(path, sha256_hex(data), len(data)) for path, data in files.items())


def filled(cache: Cache, files: dict[str, bytes]) -> Manifest:
    for data in files.values():
        cache.keep(data)
    return manifest_of(files)


class Source:
    """Gives `data` from an offset on, in pieces of ten bytes; breaks off after `until`."""

    def __init__(self, data: bytes, until: int | None = None) -> None:
        self.data = data
        self.until = until
        self.offsets: list[int] = []

    def __call__(self, offset: int) -> Iterator[bytes]:
        self.offsets.append(offset)
        for start in range(offset, len(self.data), 10):
            if self.until is not None and start >= self.until:
                raise ConnectionError("the line is dead")
            yield self.data[start : start + 10]


def test_it_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_cache() == tmp_path / "cache"
    monkeypatch.delenv("MUNIMENT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "muniment"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "muniment"


def test_nothing_is_written_before_it_is_used(cache: Cache, cache_folder: Path) -> None:
    assert cache.blob("0" * 64) is None
    assert cache.size() == 0
    assert not cache_folder.exists()


def test_what_was_fetched_is_read_only_and_found_again(cache: Cache) -> None:
    data = b"x" * 95
    file = cache.fetch(sha256_hex(data), 95, Source(data))

    assert file.read_bytes() == data
    assert file.stat().st_mode & 0o777 == 0o444
    assert cache.blob(sha256_hex(data), 95) == file
    assert cache.fetch(sha256_hex(data), 95, Source(b"never asked", until=0)) == file


def test_an_empty_blob_needs_no_bytes(cache: Cache) -> None:
    assert cache.fetch(sha256_hex(b""), 0, Source(b"", until=0)).read_bytes() == b""


def test_a_download_goes_on_where_it_stopped(cache: Cache) -> None:
    data = os.urandom(1_000)
    told: list[int] = []
    with pytest.raises(ConnectionError):
        cache.fetch(sha256_hex(data), 1_000, Source(data, until=400), told.append)
    assert cache.blob(sha256_hex(data)) is None

    source = Source(data)
    file = cache.fetch(sha256_hex(data), 1_000, source, told.append)

    assert file.read_bytes() == data
    assert source.offsets == [400]
    assert sum(told) == 400 + 1_000, "each try tells all that it has"


def test_a_partial_file_of_other_bytes_is_begun_anew(cache: Cache, cache_folder: Path) -> None:
    data = os.urandom(1_000)
    (cache_folder / "staging").mkdir(parents=True)
    (cache_folder / "staging" / f"{sha256_hex(data)}.part").write_bytes(b"?" * 300)

    source = Source(data)
    told: list[int] = []
    file = cache.fetch(sha256_hex(data), 1_000, source, told.append)

    assert file.read_bytes() == data
    assert source.offsets == [300, 0]
    assert sum(told) == 1_000


@pytest.mark.parametrize("came", [b"x" * 100, b"y" * 99, b"y" * 101, b""])
def test_wrong_bytes_never_land(cache: Cache, cache_folder: Path, came: bytes) -> None:
    digest = sha256_hex(b"y" * 100)

    with pytest.raises(DigestMismatch, match="not kept"):
        cache.fetch(digest, 100, Source(came))

    assert cache.blob(digest) is None
    assert [file for file in cache_folder.rglob("*") if file.is_file()] == []


def test_a_blob_that_was_damaged_is_fetched_again(cache: Cache) -> None:
    data = b"x" * 100
    file = cache.fetch(sha256_hex(data), 100, Source(data))
    file.chmod(0o644)
    file.write_bytes(b"cut")

    assert cache.blob(sha256_hex(data), 100) is None
    assert cache.fetch(sha256_hex(data), 100, Source(data)).read_bytes() == data


def test_a_file_of_this_machine_is_copied_and_verified(cache: Cache, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"data")
    file.chmod(0o444)

    adopted = cache.adopt(sha256_hex(b"data"), 4, file)

    assert adopted.read_bytes() == b"data"
    assert not adopted.samefile(file), "who writes to the cache must not damage a registry"
    assert adopted.stat().st_mode & 0o777 == 0o444
    with pytest.raises(DigestMismatch):
        cache.adopt(sha256_hex(b"what"), 4, file)


def test_a_tree_is_links_to_blobs(cache: Cache) -> None:
    manifest = filled(cache, {"a": b"one", "sub/b": b"two", "sub/c": b"one"})

    folder = cache.tree(manifest)

    assert (folder / "a").read_bytes() == (folder / "sub/c").read_bytes() == b"one"
    assert (folder / "sub/b").read_bytes() == b"two"
    assert (folder / "a").samefile(folder / "sub/c")
    assert cache.tree(manifest) == folder
    assert cache.size() == len(b"one") + len(b"two") + len(manifest.content)


def test_a_tree_is_copied_where_files_can_not_be_linked(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)  # as on exFAT and some network drives
    folder = cache.tree(filled(cache, {"a": b"one"}))

    assert (folder / "a").read_bytes() == b"one"
    assert (folder / "a").stat().st_nlink == 1


def test_a_tree_that_was_damaged_is_put_right(cache: Cache) -> None:
    manifest = filled(cache, {"a": b"one", "b": b"two", "c": b"three"})
    folder = cache.tree(manifest)
    (folder / "a").unlink()
    (folder / "b").unlink()
    (folder / "b").write_bytes(b"longer than before")
    (folder / "c").unlink()
    (folder / "c").symlink_to("/etc/hostname")

    cache.tree(manifest)

    assert [(folder / name).read_bytes() for name in "abc"] == [b"one", b"two", b"three"]


def test_what_was_used_longest_ago_is_pruned_first(cache: Cache, cache_folder: Path) -> None:
    old = filled(cache, {"model": b"o" * 10_000})
    new = filled(cache, {"model": b"n" * 10_000})
    folders = cache.tree(old), cache.tree(new)
    for manifest, age in ((old, 9_000), (new, 5)):
        for digest in (manifest.digest, *manifest.digests):
            used = time.time() - age
            os.utime(cache_folder / "blobs" / "sha256" / digest[:2] / digest, (used, used))

    freed = cache.prune(15_000)

    assert freed > 10_000
    assert cache.size() <= 15_000
    assert not folders[0].exists()
    assert (folders[1] / "model").read_bytes() == b"n" * 10_000
    assert cache.prune(0) > 0
    assert cache.size() == 0


def test_a_linked_folder_belongs_to_whoever_asked_for_it(cache: Cache) -> None:
    tree = cache.tree(filled(cache, {"a": b"a" * 10_000, "d/b": b"b"}))
    before = cache.size()
    mine, yours = cache.linked(tree), cache.linked(tree)
    assert (mine / "a").samefile(tree / "a")
    assert cache.size() == before  # it takes no room
    (mine / "note").write_text("mine")
    (mine / "d" / "b").unlink()
    assert (yours / "d" / "b").read_bytes() == (tree / "d" / "b").read_bytes() == b"b"
    assert not (tree / "note").exists()


def test_linked_folders_go_before_anything_that_is_of_use_again(cache: Cache) -> None:
    manifest = filled(cache, {"a": b"a" * 10_000})
    folder = cache.linked(cache.tree(manifest))
    (folder / "note").write_bytes(b"n" * 5_000)
    cache.prune(20_000)
    assert folder.exists()  # there is room for all
    cache.prune(12_000)
    assert not folder.exists()
    assert (cache.tree(manifest) / "a").read_bytes() == b"a" * 10_000


def test_a_download_that_was_given_up_is_swept(cache: Cache, cache_folder: Path) -> None:
    staging = cache_folder / "staging"
    staging.mkdir(parents=True)
    for name, age in (("old.part", FORGOTTEN + 60), ("young.part", 60)):
        (staging / name).write_bytes(b"x")
        used = time.time() - age
        os.utime(staging / name, (used, used))

    cache.keep(b"anything")

    assert [file.name for file in staging.iterdir()] == ["young.part"]


def test_a_folder_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="MUNIMENT_CACHE"):
        Cache(tmp_path / "file" / "cache").keep(b"x")


def test_many_processes_write_one_cache(cache_folder: Path) -> None:
    code = (
        "import hashlib, sys\n"
        "from pathlib import Path\n"
        "from muniment.client.cache import Cache\n"
        "from muniment.domain.manifest import FileEntry, Manifest\n"
        "cache = Cache(Path(sys.argv[1]))\n"
        "blobs = [bytes([n]) * 100_000 for n in range(30)]\n"
        "entries = []\n"
        "for n, blob in enumerate(blobs):\n"
        "    digest = hashlib.sha256(blob).hexdigest()\n"
        "    cache.fetch(digest, len(blob), lambda at, blob=blob: iter([blob[at:]]))\n"
        "    entries.append(FileEntry(str(n), digest, len(blob)))\n"
        "folder = cache.tree(Manifest.of(entries))\n"
        "print(sum(f.read_bytes() == blobs[int(f.name)] for f in folder.iterdir()))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(cache_folder)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]

    assert [process.communicate()[0].strip() for process in processes] == ["30"] * 4
    assert list((cache_folder / "staging").iterdir()) == []
