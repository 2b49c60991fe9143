"""The folder passes the suite, and what only a folder can get wrong."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import (
    ConfigurationError,
    Corrupt,
    NotFound,
    Unavailable,
    UploadConflict,
)
from muniment.storage.blobs import CHUNK
from muniment.storage.conformance.blobs import BlobStoreSuite, content, new_id, put, sweep
from muniment.storage.objects import staging
from muniment.storage.objects.folder import FolderBlobStore


class TestFolder(BlobStoreSuite):
    make_store = FolderBlobStore
    local_files = True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> Iterator[FolderBlobStore]:
    store = FolderBlobStore(root)
    yield store
    store.close()


def path_of(root: Path, digest: str) -> Path:
    return root / "sha256" / digest[:2] / digest


def run_python(script: str, *args: object, under: tuple[str, ...] = ()) -> str:
    """Run a script in a process of its own and return what it prints."""
    command = [*under, sys.executable, "-W", "error", "-c", script, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- the layout ----------------------------------------------------------------------------------


def test_a_blob_is_a_read_only_file_named_by_its_digest(store: FolderBlobStore, root: Path) -> None:
    digest = put(store, b"weights").digest
    path = path_of(root, digest)
    assert store.local_path(digest) == path
    assert path.read_bytes() == b"weights"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_bytes_on_their_way_in_are_private(store: FolderBlobStore, root: Path) -> None:
    with store.create_writer(new_id()) as writer:
        writer.write(b"weights")
        staged = root / "staging" / writer.id
        assert staged.read_bytes() == b"weights"
        assert stat.S_IMODE(staged.stat().st_mode) == 0o600


def test_a_relative_root_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FolderBlobStore(Path("here/blobs"))
    digest = put(store, b"weights").digest
    monkeypatch.chdir("/")
    assert store.read_all(digest) == b"weights"
    store.close()


def test_foreign_files_are_neither_blobs_nor_uploads(store: FolderBlobStore, root: Path) -> None:
    stored = put(store, b"weights")
    shard = path_of(root, stored.digest).parent
    for path in (
        root / "README",
        root / "staging" / "notes.txt",
        root / "staging" / ("a" * 31),
        root / "sha256" / "notes",
        shard / f"{stored.digest}.tmp",
        shard / ("0" * 64 if shard.name != "00" else "1" * 64),  # in the wrong shard
    ):
        path.write_bytes(b"foreign")
    (root / "sha256" / "AA").mkdir()
    (root / "staging" / ("f" * 32)).mkdir()
    assert list(store.list()) == [stored]
    assert list(store.writers()) == []


def test_a_folder_that_can_not_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="file"):
        FolderBlobStore(tmp_path / "file")
    with pytest.raises(ConfigurationError):
        FolderBlobStore(tmp_path / "file" / "blobs")


# -- damage --------------------------------------------------------------------------------------


def test_a_blob_of_the_wrong_size_is_replaced_when_its_bytes_come_again(
    store: FolderBlobStore, root: Path
) -> None:
    digest = put(store, b"weights").digest
    path = path_of(root, digest)
    path.chmod(0o600)
    path.write_bytes(b"wei")
    assert put(store, b"weights").size == 7
    assert store.read_all(digest) == b"weights"


def test_a_blob_that_shrinks_while_it_is_read_is_an_error(
    store: FolderBlobStore, root: Path
) -> None:
    digest = put(store, content(2 * CHUNK)).digest
    pieces = store.read(digest)
    next(pieces)
    path_of(root, digest).chmod(0o600)
    os.truncate(path_of(root, digest), CHUNK + 5)
    with pytest.raises(Corrupt, match=digest):
        list(pieces)


def test_what_was_deleted_when_the_process_died_is_freed_at_the_next_opening(
    root: Path, store: FolderBlobStore
) -> None:
    (root / "trash" / ("a" * 32)).write_bytes(b"large")
    again = FolderBlobStore(root)
    again.close()
    assert list((root / "trash").iterdir()) == []


def test_an_emptied_shard_folder_may_be_removed_by_others(
    store: FolderBlobStore, root: Path
) -> None:
    digest = put(store, b"weights").digest
    store.delete(digest)
    path_of(root, digest).parent.rmdir()
    assert list(store.list()) == []
    put(store, b"weights")
    assert store.read_all(digest) == b"weights"


def test_a_store_whose_folder_is_gone_does_not_answer_a_ping(
    store: FolderBlobStore, root: Path
) -> None:
    store.ping()
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Unavailable):
        store.ping()
    with pytest.raises(Unavailable) as caught:
        store.create_writer(new_id())
    assert str(root) not in str(caught.value)


def test_after_a_failed_fsync_the_bytes_are_dropped(
    store: FolderBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def fail_for_files(fd: int) -> None:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(fd)

    monkeypatch.setattr(os, "fsync", fail_for_files)
    with store.create_writer(new_id()) as writer:
        writer.write(b"weights")
        with pytest.raises(Unavailable, match=os.strerror(errno.EIO)):
            writer.commit(writer.digest())
    assert list(store.writers()) == []
    assert list(store.list()) == []


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "close"])
def test_after_a_failed_sync_in_the_background_the_bytes_are_dropped(
    root: Path, monkeypatch: pytest.MonkeyPatch, commits: bool
) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(staging, "_sync_data", fail)
    store = FolderBlobStore(root)
    with store.create_writer(new_id()) as writer:
        for _ in range(40):
            writer.write(bytes(CHUNK))
        if commits:
            with pytest.raises(Unavailable, match=os.strerror(errno.EIO)):
                writer.commit(writer.digest())
    assert list(store.writers()) == []
    assert list(store.list()) == []
    store.close()


# -- links and pipes -----------------------------------------------------------------------------


def test_a_link_in_the_place_of_an_upload_is_not_followed(
    store: FolderBlobStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    link = root / "staging" / ("a" * 32)
    for target in (outside, tmp_path / "absent"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(UploadConflict):
            store.create_writer("a" * 32)
        with pytest.raises(NotFound):
            store.resume_writer("a" * 32)
        assert store.offset("a" * 32) is None
        assert list(store.writers()) == []
    assert outside.read_bytes() == b"precious"
    assert not (tmp_path / "absent").exists()


def test_a_link_in_the_place_of_a_blob_is_not_followed(
    store: FolderBlobStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"secrets")
    digest = sha256_hex(b"weights")
    path = path_of(root, digest)
    path.parent.mkdir()
    path.symlink_to(outside)
    assert store.stat(digest) is None
    assert store.local_path(digest) is None
    assert list(store.list()) == []
    with pytest.raises(NotFound):
        store.read(digest)
    store.delete(digest)
    put(store, b"weights")
    assert store.read_all(digest) == b"weights"
    assert not path.is_symlink()
    assert outside.read_bytes() == b"secrets"


def test_a_link_in_the_place_of_a_folder_is_not_followed(
    store: FolderBlobStore, root: Path, tmp_path: Path
) -> None:
    digest = sha256_hex(b"weights")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / digest).write_bytes(b"weights")
    path_of(root, digest).parent.symlink_to(outside)
    assert store.stat(digest) is None
    assert list(store.list()) == []
    with pytest.raises(NotFound):
        store.read(digest)
    store.delete(digest)
    with pytest.raises(Unavailable, match="symbolic link"):
        put(store, b"weights")
    assert [path.name for path in outside.iterdir()] == [digest]
    sweep(store)

    (root / "staging").rmdir()
    (root / "staging").symlink_to(outside)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        FolderBlobStore(root)


def test_a_pipe_in_the_place_of_a_blob_does_not_stop_a_reader(
    store: FolderBlobStore, root: Path
) -> None:
    digest = sha256_hex(b"weights")
    path_of(root, digest).parent.mkdir()
    os.mkfifo(path_of(root, digest))
    with pytest.raises(NotFound):
        store.read(digest)


# -- several writers -----------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from muniment.storage.objects.folder import FolderBlobStore
writer = FolderBlobStore(Path(sys.argv[1])).create_writer(sys.argv[2])
writer.write(b"wei")
print("ready", flush=True)
time.sleep(600)
"""


def test_a_writer_is_free_once_the_process_that_held_it_is_killed(
    store: FolderBlobStore, root: Path
) -> None:
    writer_id = new_id()
    command = [sys.executable, "-c", HOLD, str(root), writer_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(UploadConflict) as caught:
            store.resume_writer(writer_id)
        assert caught.value.details["offset"] == store.offset(writer_id) == 3
        other.send_signal(signal.SIGKILL)
    with store.resume_writer(writer_id) as writer:
        writer.write(b"ghts")
        assert writer.commit(sha256_hex(b"weights")).size == 7


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "cancel"])
def test_a_writer_that_ends_while_another_resumes_it_is_not_written_to(
    store: FolderBlobStore, monkeypatch: pytest.MonkeyPatch, commits: bool
) -> None:
    writer = store.create_writer(new_id())
    writer.write(b"weights")
    lock = staging.try_lock

    def end_then_lock(fd: int) -> bool:
        if commits:
            writer.commit(writer.digest())
        else:
            writer.cancel()
        return lock(fd)

    monkeypatch.setattr(staging, "try_lock", end_then_lock)
    with pytest.raises(NotFound):
        store.resume_writer(writer.id)


def test_the_hash_of_an_upload_counts_what_another_process_has_added(
    store: FolderBlobStore, root: Path
) -> None:
    other, writer_id = FolderBlobStore(root), new_id()
    with store.create_writer(writer_id) as writer:
        writer.write(b"we")
    with other.resume_writer(writer_id) as writer:
        writer.write(b"igh")
    with store.resume_writer(writer_id) as writer:
        writer.write(b"ts")
        assert writer.digest() == sha256_hex(b"weights")
        writer.cancel()
    other.close()


RESUME_SEALED = """
import os, sys
from pathlib import Path
from muniment.storage.objects.folder import FolderBlobStore
if os.geteuid() == 0:  # whom no mode stops
    os.setgid(65534)
    os.setuid(65534)
store = FolderBlobStore(Path(sys.argv[1]))
writer = store.create_writer("a" * 32)
writer.write(b"wei")
writer._staged.seal()
writer.close()
with store.resume_writer("a" * 32) as writer:
    writer.write(b"ghts")
    print(writer.commit(writer.digest()).size)
store.close()
"""


def test_a_file_that_was_sealed_by_an_interrupted_commit_is_written_to_again() -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o777)
        assert run_python(RESUME_SEALED, Path(open_to_all) / "blobs") == "7\n"


def test_a_reader_that_is_dropped_closes_its_file(store: FolderBlobStore) -> None:
    digest = put(store, content(3 * CHUNK)).digest

    def next_fd() -> int:
        fd = os.open(os.devnull, os.O_RDONLY)
        os.close(fd)
        return fd

    before = next_fd()
    unread = store.read(digest)
    begun = store.read(digest)
    next(begun)
    del unread, begun
    assert next_fd() == before


# -- no room -------------------------------------------------------------------------------------

FILL = """
import sys
from pathlib import Path
from muniment.domain.values import sha256_hex
from muniment.errors import MunimentError
from muniment.storage.blobs import CHUNK
from muniment.storage.objects.folder import FolderBlobStore

{setup}

root = Path(sys.argv[1])
store = FolderBlobStore(root)
old = store.create_writer("a" * 32)
old.write(bytes(CHUNK))
old = old.commit(old.digest())
writer, pieces = store.create_writer("b" * 32), 0
try:
    while pieces < 64:
        writer.write(bytes([pieces]) * (CHUNK // 2 + 1))
        pieces += 1
except MunimentError as error:
    print(type(error).__name__)
    assert str(root) not in str(error), error
here = b"".join(bytes([n]) * (CHUNK // 2 + 1) for n in range(pieces))
assert writer.offset == store.offset(writer.id) == len(here) > 0
assert writer.digest() == sha256_hex(here)
writer.close()

{make_room}

writer = store.resume_writer("b" * 32)
writer.write(b"the rest")
assert writer.commit(sha256_hex(here + b"the rest")).size == len(here) + 8
assert store.read_all(sha256_hex(here + b"the rest")) == here + b"the rest"
store.close()
"""
FREE_A_BLOB = """
store.delete(old.digest)
store.close()
store = FolderBlobStore(root)
"""
FAULT = """
import errno, os
left, whole_write = 3 * CHUNK, os.write
def write(fd, data):
    global left
    if left == 0:
        raise OSError(errno.{code}, os.strerror(errno.{code}))
    written = whole_write(fd, data[:left])
    left -= written
    return written
os.write = write
"""
IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def test_a_full_disk_is_an_error_that_keeps_what_was_written(tmp_path: Path) -> None:
    """On a real disk of 4 MiB, where the system lets a user mount one."""
    mount = f"mount -t tmpfs -o size=4m tmpfs '{tmp_path}'"
    try:
        allowed = subprocess.run([*IN_A_NAMESPACE, mount], capture_output=True, check=False)
    except FileNotFoundError:
        tiny = False
    else:
        tiny = allowed.returncode == 0
    under = (*IN_A_NAMESPACE, f'{mount} && exec "$0" "$@"') if tiny else ()
    setup = "" if tiny else FAULT.format(code="ENOSPC")
    make_room = FREE_A_BLOB if tiny else "left = 3 * CHUNK"
    script = FILL.format(setup=setup, make_room=make_room)
    assert run_python(script, tmp_path / "blobs", under=under) == "StorageFull\n"


def test_a_used_up_quota_is_a_full_disk(tmp_path: Path) -> None:
    script = FILL.format(setup=FAULT.format(code="EDQUOT"), make_room="left = 3 * CHUNK")
    assert run_python(script, tmp_path / "blobs") == "StorageFull\n"


def test_a_file_too_large_for_its_file_system_is_over_a_limit(tmp_path: Path) -> None:
    setup = """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (5 * CHUNK, hard))
"""
    make_room = "resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))"
    script = FILL.format(setup=setup, make_room=make_room)
    assert run_python(script, tmp_path / "blobs") == "LimitExceeded\n"
