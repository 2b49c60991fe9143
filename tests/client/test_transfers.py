"""Bytes on the way: resumed, deduplicated, verified; whatever happens, nothing wrong lands."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import muniment
from muniment import DigestMismatch, InvalidInput, Registry
from muniment.client import http
from muniment.client.progress import ProgressEvent
from muniment.domain.entities import ModelVersion, Status
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import utcnow
from tests.client.servers import Answer, Request, Server, Wire, scripted

MIB = 1024 * 1024
CONNECT = "import muniment, sys\nr = muniment.connect(sys.argv[1])\n"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.connection, "PAUSES", (0.01, 0.05, 0.1, 0.2))


@pytest.fixture
def wire(server: Server) -> Wire:
    return Wire(server.port)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """24 MiB that nobody has pushed before."""
    file = tmp_path / "big.bin"
    file.write_bytes(os.urandom(24 * MIB))
    return file


def process(url: str, code: str, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONNECT + code, url, *args],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# -- up ----------------------------------------------------------------------------------------


def test_an_upload_goes_on_after_a_lost_connection(wire: Wire, big: Path, name: str) -> None:
    wire.cut_up = [10 * MIB, 6 * MIB]

    with wire.listening() as url, muniment.connect(url) as registry:
        version = registry.push(name, big)
        stored = version.manifest().files[0].digest

    assert stored == hashlib.sha256(big.read_bytes()).hexdigest()
    assert wire.cut_up == [], "both cuts have happened"
    # What was on its way when the connection broke is lost, and is as much as buffers hold.
    assert wire.up < 24 * MIB + 12 * MIB, "what had arrived was not sent again"


def test_a_push_goes_on_where_a_killed_process_stopped(
    server: Server, wire: Wire, big: Path, name: str
) -> None:
    wire.hold_up = 12 * MIB
    with wire.listening() as url:
        pushing = process(url, "r.push(sys.argv[2], sys.argv[3])", name, str(big))
        assert wire.held.wait(60)
        pushing.kill()
        pushing.communicate()
        wire.release.set()

    again = Wire(server.port)
    with again.listening() as url, muniment.connect(url) as registry:
        registry.push(name, big)
        assert registry.verify(name).ok

    assert again.up < 24 * MIB - 8 * MIB


def test_an_unchanged_model_is_pushed_without_its_bytes(
    wire: Wire, big: Path, name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    big.rename(folder / "big.bin")
    (folder / "config.json").write_text("{}")
    with wire.listening() as url, muniment.connect(url) as registry:
        registry.push(name, folder)
        before = wire.up
        (folder / "config.json").write_text('{"changed": true}')
        registry.push(name, folder)

        assert wire.up - before < 20_000
        assert registry.diff(f"{name}/1", f"{name}/2").files[0].path == "config.json"


def test_equal_files_of_a_folder_are_sent_once(
    wire: Wire, big: Path, name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for copy in ("a", "b", "c"):
        (folder / copy).hardlink_to(big)

    with wire.listening() as url, muniment.connect(url) as registry:
        version = registry.push(name, folder)

    assert version.file_count == 3
    assert wire.up < 25 * MIB


def test_several_clients_push_the_same_bytes_at_once(
    server: Server, big: Path, name: str, tmp_path: Path
) -> None:
    def push(number: int) -> int:
        with muniment.connect(server.url) as registry:
            return registry.push(name, big).version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(push, range(4))) == [1, 2, 3, 4]
    with muniment.connect(server.url, cache=tmp_path / "another") as registry:
        assert registry.verify(name).ok


def test_a_file_that_changes_while_it_is_pushed_is_named(
    registry: Registry, name: str, tmp_path: Path, events: list[ProgressEvent]
) -> None:
    file = tmp_path / "growing.log"
    file.write_bytes(b"x" * 3 * MIB)

    def grow(event: ProgressEvent) -> None:
        if event.phase == "hash" and not events:
            events.append(event)
            with file.open("ab") as stream:
                stream.write(b"more")

    pushing = Registry(registry.backend, progress=grow)
    with pytest.raises(DigestMismatch, match=r"growing\.log' changed while it was being pushed"):
        pushing.push(name, file)

    assert registry.models(f"name = '{name}'").all() == []


def test_bytes_that_were_collected_before_the_commit_are_sent_again(
    local: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, tries = local.backend.catalog.create_version, []

    def commit_after_garbage(*args: Any, **kwargs: Any) -> ModelVersion:
        tries.append(1)
        if len(tries) == 1:  # the most eager collection, at the worst moment
            assert local.collect_garbage(grace=0).blobs == 1
        return commit(*args, **kwargs)

    monkeypatch.setattr(local.backend.catalog, "create_version", commit_after_garbage)

    assert local.push("fraud", b"x" * 1_000).read("model.bin") == b"x" * 1_000
    assert len(tries) == 2


# -- down --------------------------------------------------------------------------------------


def test_a_download_goes_on_after_a_lost_connection(
    remote: Registry, wire: Wire, big: Path, name: str
) -> None:
    remote.push(name, big)
    wire.cut_down = [5 * MIB, 7 * MIB]

    with wire.listening() as url, muniment.connect(url) as registry:
        assert (registry.pull(name) / "big.bin").read_bytes() == big.read_bytes()

    assert wire.cut_down == []
    assert wire.down < 24 * MIB + 8 * MIB


def test_a_pull_goes_on_where_an_earlier_one_stopped(
    remote: Registry, wire: Wire, big: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.push(name, big)
    with wire.listening() as url, muniment.connect(url) as registry:
        version = registry.version(name)
        registry.manifest(version)
        monkeypatch.setattr(http.connection, "PAUSES", ())
        wire.cut_down = [14 * MIB, 14 * MIB]
        with pytest.raises(muniment.Unreachable, match="lost"):
            registry.pull(version)
        wire.cut_down, before = [], wire.down
        assert (registry.pull(version) / "big.bin").read_bytes() == big.read_bytes()

    assert wire.down - before < 24 * MIB - 8 * MIB


def test_a_second_pull_or_load_transfers_and_copies_nothing(
    wire: Wire, name: str, cache_folder: Path
) -> None:
    with wire.listening() as url, muniment.connect(url) as registry:
        registry.push(name, {"weights": list(range(100_000))})
        first = registry.pull(name)
        blocks = registry.cache.size()
        before = wire.down
        second = registry.pull(name)
        loaded = registry.load(name)

    assert first == second
    assert loaded["weights"][-1] == 99_999
    assert wire.down - before < 10_000
    assert (first / "model.json").stat().st_nlink == 2, "a link to the blob, not a copy"
    assert sum(1 for file in cache_folder.rglob("*") if file.is_file()) == 5  # 2 + 2 + manifest
    assert blocks < 1.2 * (first / "model.json").stat().st_size


def test_two_processes_fetch_a_blob_once(
    remote: Registry, wire: Wire, big: Path, name: str
) -> None:
    remote.push(name, big)

    with wire.listening() as url:
        code = "print(r.pull(sys.argv[2]))"
        pulling = [process(url, code, name) for _ in range(3)]
        printed = {one.communicate(timeout=120)[0] for one in pulling}

    assert [one.returncode for one in pulling] == [0, 0, 0]
    assert len(printed) == 1
    assert (Path(printed.pop().strip()) / "big.bin").read_bytes() == big.read_bytes()
    assert wire.down < 30 * MIB


def test_bytes_that_rotted_in_the_registry_never_land(
    own_server: Server, cache_folder: Path, tmp_path: Path
) -> None:
    with muniment.connect(own_server.url) as registry:
        version = registry.push("fraud", b"x" * 1_000)
        (digest,) = version.manifest().digests
        (blob,) = own_server.home.rglob(f"*{digest}")
        blob.chmod(0o644)
        blob.write_bytes(b"y" * 1_000)

        with pytest.raises(DigestMismatch, match=r"'model\.bin' of fraud/1.*not kept"):
            registry.pull("fraud", tmp_path / "target")
        with pytest.raises(muniment.Corrupt, match="its manifest says"):
            registry.read("fraud", "model.bin")
        report = registry.verify("fraud")

    assert not (tmp_path / "target").exists()
    assert not list(cache_folder.rglob(f"*{digest}*"))
    assert not report.ok
    assert "model.bin: its digest is" in report.problems[0]


def test_a_full_disk_is_a_clear_error(remote: Registry, big: Path, name: str) -> None:
    remote.push(name, big)
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        "try: r.pull(sys.argv[2])\n"
        "except muniment.MunimentError as e: print(type(e).__name__, e)"
    )

    printed, complaints = process(remote.address, code, name).communicate(timeout=60)

    assert printed.startswith("StorageFull There is no room in"), complaints
    assert "MUNIMENT_CACHE" in printed


def test_memory_stays_flat_for_a_large_file(remote: Registry, name: str, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as stream:
        stream.truncate(256 * MIB)
    code = (
        "import resource\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "r.models().first(); before = peak()\n"
        "r.push(sys.argv[2], sys.argv[3]); r.pull(sys.argv[2]); print(peak() - before)"
    )

    printed, complaints = process(remote.address, code, name, str(file)).communicate(timeout=120)

    assert complaints == ""
    assert int(printed) < 48, "MiB more than before"


# -- a server that means ill -------------------------------------------------------------------


def evil_version(manifest: bytes, size: int) -> ModelVersion:
    return ModelVersion(
        id=1,
        uuid="0" * 32,
        workspace="default",
        model="fraud",
        version=1,
        created_at=utcnow(),
        updated_at=utcnow(),
        created_by="mallory",
        status=Status.READY,
        digest=hashlib.sha256(manifest).hexdigest(),
        size=size,
        file_count=1,
    )


@pytest.mark.parametrize(
    "path",
    ["../escaped", "a/../../escaped", "/tmp/escaped", "..\\escaped", "a//b", "C:/escaped", "a\0b"],
)
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    content = b"evil"
    digest = hashlib.sha256(content).hexdigest()
    entry = {"media_type": "a/b", "path": path, "sha256": digest, "size": len(content)}
    manifest = json.dumps(
        {"files": [entry], "schema": "muniment.manifest/1"},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()

    def script(request: Request) -> Answer:
        if "/resolve" in request.path:
            return Answer.of(evil_version(manifest, len(content)).to_json())
        return Answer(body=manifest if request.path.endswith("/manifest") else content)

    with (
        scripted(script) as (url, _),
        muniment.connect(url, cache=tmp_path / "inner" / "cache") as registry,
    ):
        for target in (None, tmp_path / "inner" / "target"):
            with pytest.raises(InvalidInput, match="can't be the path of a file"):
                registry.pull("fraud", target)

    assert not list(tmp_path.rglob("*escaped*"))


def test_a_manifest_other_than_the_version_names_is_refused(tmp_path: Path) -> None:
    manifest = Manifest.of([FileEntry("a", "0" * 64, 1)]).content

    def script(request: Request) -> Answer:
        if "/resolve" in request.path:
            return Answer.of(evil_version(b"another", 1).to_json())
        return Answer(body=manifest)

    with (
        scripted(script) as (url, _),
        muniment.connect(url) as registry,
        pytest.raises(muniment.Corrupt, match="but the version names"),
    ):
        registry.pull("fraud")


def test_bytes_without_end_are_cut_off(cache_folder: Path) -> None:
    manifest = Manifest.of([FileEntry("a", "0" * 64, 10)]).content

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    def script(request: Request) -> Answer:
        if "/resolve" in request.path:
            return Answer.of(evil_version(manifest, 10).to_json())
        return Answer(body=manifest if request.path.endswith("/manifest") else endless())

    with scripted(script) as (url, _), muniment.connect(url) as registry:
        with pytest.raises(DigestMismatch, match="More bytes came"):
            registry.pull("fraud")
        with pytest.raises(muniment.Corrupt):
            registry.read("fraud", "a")

    assert not list(cache_folder.rglob("*.part"))
