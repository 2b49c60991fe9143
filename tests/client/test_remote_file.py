"""A file that is read over the wire behaves like one on disk."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator

import pytest

from muniment import Corrupt, NotFound, Registry
from muniment.client.remote_file import FIRST_WINDOW, LARGEST_WINDOW, RemoteFile
from muniment.domain.manifest import FileEntry

DATA = os.urandom(5_000_000)


class Remote:
    """Some bytes, and which ranges of them were asked for."""

    def __init__(self, data: bytes = DATA, *, digest: str | None = None, size: int = 0) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self.entry = FileEntry("a", digest or hashlib.sha256(data).hexdigest(), size or len(data))

    def read(self, start: int, end: int) -> Iterator[bytes]:
        self.asked.append((start, end))
        for at in range(start, min(end, len(self.data)), 65_536):
            yield self.data[at : min(at + 65_536, end)]

    def open(self) -> io.BufferedReader:
        return io.BufferedReader(RemoteFile(self.entry, self.read, "fraud/1/a"), 8_192)


def test_it_reads_like_a_local_file() -> None:
    local = io.BytesIO(DATA)
    with Remote().open() as stream:
        assert (stream.readable(), stream.seekable(), stream.writable()) == (True, True, False)
        for move, whence, count in (
            (0, io.SEEK_SET, 10),
            (100, io.SEEK_CUR, 100_000),
            (-5, io.SEEK_END, 100),
            (3_000_000, io.SEEK_SET, 2_500_000),
            (-1_000, io.SEEK_CUR, 500),
            (10, io.SEEK_END, 5),
            (0, io.SEEK_SET, -1),
        ):
            assert stream.seek(move, whence) == local.seek(move, whence)
            assert stream.read(count) == local.read(count)
            assert stream.tell() == local.tell()


def test_reading_on_asks_for_ever_larger_pieces() -> None:
    remote = Remote(bytes(80 * 2**20))
    with remote.open() as stream:
        while stream.read(2**20):
            pass

    sizes = [end - start for start, end in remote.asked]
    assert sizes[:3] == [FIRST_WINDOW, 2 * FIRST_WINDOW, 4 * FIRST_WINDOW]
    assert max(sizes) == LARGEST_WINDOW
    assert sum(sizes) == 80 * 2**20


def test_reading_the_end_leaves_the_rest_alone() -> None:
    remote = Remote()
    with remote.open() as stream:
        stream.seek(-100, io.SEEK_END)
        assert stream.read() == DATA[-100:]

    assert remote.asked == [(4_999_900, 5_000_000)]


def test_an_empty_file_is_at_its_end() -> None:
    with Remote(b"").open() as stream:
        assert stream.read() == b""


def test_wrong_bytes_are_noticed_at_the_end() -> None:
    with Remote(digest="0" * 64).open() as stream:
        assert stream.read(1_000) == DATA[:1_000]
        with pytest.raises(Corrupt, match="its manifest says 0000"):
            stream.read()


def test_missing_bytes_are_noticed() -> None:
    with Remote(size=6_000_000).open() as stream, pytest.raises(Corrupt, match="fewer bytes"):
        stream.read()


def test_positions_before_the_file_and_after_closing_are_errors() -> None:
    stream = Remote().open()
    with pytest.raises(ValueError, match="before the file"):
        stream.seek(-1)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read()


def test_a_version_opens_its_files(registry: Registry, name: str) -> None:
    version = registry.push(name, DATA)

    with version.open("model.bin") as stream:
        stream.seek(2_000_000)
        assert stream.read(100) == DATA[2_000_000:2_000_100]
        stream.seek(0)
        assert stream.read() == DATA
    with pytest.raises(NotFound, match=r"no file 'nope'"):
        version.open("nope")


def test_a_cached_file_is_opened_here(registry: Registry, name: str) -> None:
    version = registry.push(name, b"cached")
    version.pull()

    with version.open("model.bin") as stream:
        assert isinstance(stream.raw, io.FileIO)
        assert stream.read() == b"cached"
