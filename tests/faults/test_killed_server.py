"""kill -9 at any time: what was acknowledged is whole; what was not is invisible, or whole too."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import muniment
from muniment.domain.values import sha256_hex
from muniment.errors import Unreachable

from .serving import ServerProcess

PUSHES, MODELS, THREADS, KILLS = 200, 4, 8, 5


def content_of(push: int) -> bytes:
    return random.Random(push).randbytes(1 + push * 997 % 300_000)


def test_pushes_survive_a_server_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """Clients go on against the restarted server; a push that was cut off is made again."""
    home = tmp_path / "home"
    server = ServerProcess(home)
    url, port = server.url, server.port
    done: dict[int, tuple[str, int]] = {}
    progress = threading.Condition()

    registry = muniment.connect(url, cache=tmp_path / "cache", progress=False)

    def push(number: int) -> None:
        while True:
            try:
                version = registry.push(
                    f"m{number % MODELS}", content_of(number), tags={"push": number}
                )
                break
            except Unreachable:
                time.sleep(0.1)  # it takes longer to start again than a client waits
        with progress:
            done[number] = (version.model, version.version)
            progress.notify_all()

    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(push, number) for number in range(PUSHES)]
        for kill in range(1, KILLS + 1):
            enough = kill * PUSHES // (KILLS + 1)
            with progress:
                assert progress.wait_for(lambda enough=enough: len(done) >= enough, timeout=120)
            server.kill()
            server = ServerProcess(home, port)
        for job in jobs:
            job.result()

    with server, registry:
        visible = {(v.model, v.version): v for v in registry.versions()}
        # A commit whose answer was lost is visible without being acknowledged; it is whole, too.
        assert visible.keys() >= set(done.values())
        assert len(visible) <= PUSHES + KILLS * THREADS
        for number, place in done.items():
            assert visible[place].tags["push"] == number
        for version in visible.values():
            assert registry.verify(version.ref).ok
            (file,) = version.manifest().files
            assert version.read(file.path) == content_of(int(str(version.tags["push"])))
        for n in range(MODELS):
            numbers = sorted(number for name, number in visible if name == f"m{n}")
            assert numbers == list(range(1, len(numbers) + 1))

        # What the killed uploads left behind is garbage, and only that.
        needed = {v.digest for v in visible.values()} | {content_of(n) for n in range(PUSHES)}
        report = registry.collect_garbage(grace=0)
        assert report.kept_blobs == len(needed)
        assert registry.collect_garbage(grace=0).blobs == 0
        assert all(registry.verify(f"{name}/{version}").ok for name, version in visible)


def test_a_push_that_was_cut_off_and_given_up_is_invisible(tmp_path: Path) -> None:
    """A client that dies with the server leaves bytes, but no version; they are collected."""
    home = tmp_path / "home"
    with ServerProcess(home) as server:
        with muniment.connect(server.url, progress=False) as registry:
            registry.create_model("m")
            put = registry.backend.artifacts
            content = content_of(1)
            digest = sha256_hex(content)
            put.put(digest, len(content), lambda at: iter([content[at:]]))
        server.kill()
    with ServerProcess(home) as server, muniment.connect(server.url, progress=False) as registry:
        assert list(registry.versions()) == []
        assert registry.collect_garbage(grace=0).blobs == 1
