"""Versions by the client: pushed to the server and pulled from it, hashed on both sides.

One file of 1 GiB, and 2,000 files of 50 KiB. The yardstick of the machine copies the same files in
one thread, each hashed on the way and made durable.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import muniment
from bench import Figure, Finding, Notebook
from bench import servers as serving
from bench.bytes_over_http import STAMP, Sample
from bench.yardsticks import hash_and_write
from muniment.client.registry import Registry

FILES, QUICK_FILES, FILE_SIZE = 2_000, 100, 50 * 1024
LARGE_MIB, QUICK_MIB = 1024, 64
COPY, PEER = "copy and SHA-256, fsync", "MLflow's client and proxy"
PUSH, AGAIN, PULL, CACHED = "push", "push of known bytes", "pull", "pull from the cache"
TARGETS = {PUSH: 2.0, PULL: 2.0}
PEERS = {PUSH: "log_artifacts", PULL: "download_artifacts"}
BY_PEER = """
import sys, time
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
url, action, run, folder = sys.argv[1:]
client = MlflowClient(url)
if action == "create":
    print(client.create_run("0").info.run_id)
    raise SystemExit
begun = time.perf_counter()
if action == "log_artifacts":
    client.log_artifacts(run, folder)
else:
    download_artifacts(run_id=run, dst_path=folder, tracking_uri=url)
print(time.perf_counter() - begun)
"""


def write_files(folder: Path, count: int) -> None:
    """Make so many files of random bytes."""
    folder.mkdir()
    for n in range(count):
        (folder / f"part-{n:05}").write_bytes(os.urandom(FILE_SIZE))


def renew(folder: Path) -> None:
    """Make every file one that nobody has seen."""
    for path in folder.iterdir():
        with path.open("r+b") as file:
            file.write(os.urandom(STAMP))
    os.sync()


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Rounds:
    """Pushes and pulls of one folder: ours, by the yardstick, and by the peer."""

    def __init__(
        self, notebook: Notebook, folder: Path, registry: Registry, peer: serving.Server | None
    ) -> None:
        self._notebook = notebook
        self._folder = folder
        self._registry = registry
        self._peer = peer
        self._scratch = notebook.scratch
        self._version = ""  # pushed last
        self._run = "" if peer is None else self._ask_peer("create", "-", folder).strip()

    def note(self, what: str) -> None:
        """Measure, and note."""
        said = self._notebook.in_turn(self._measures())
        for action in (PUSH, AGAIN, PULL, CACHED):
            ours = Figure(said[action], "s")
            if action in PEERS and self._peer is not None:
                theirs = Figure([1 / s for s in said[PEERS[action]]], "1/s")
                speed = Figure([1 / s for s in ours.rounds], "1/s")
                target = TARGETS[action]
                self._notebook.note(Finding(what, action, speed, theirs, PEER, target=target))
            copied = Figure(said[COPY], "s")
            self._notebook.note(Finding(what, action, ours, copied, COPY, more_is_better=False))

    def _measures(self) -> dict[str, Callable[[], float]]:
        measures: dict[str, Callable[[], float]] = {
            PUSH: self._push_new,
            AGAIN: lambda: seconds(self._push),
            PULL: self._pull_cold,
            CACHED: lambda: seconds(self._pull),
            COPY: self._copy,
        }
        if self._peer is not None:
            measures[PEERS[PUSH]] = self._log
            measures[PEERS[PULL]] = self._download
        return measures

    def _push(self) -> None:
        self._version = self._registry.push("model", self._folder).ref

    def _pull(self) -> None:
        self._registry.pull(self._version)

    def _push_new(self) -> float:
        renew(self._folder)
        return seconds(self._push)

    def _pull_cold(self) -> float:
        shutil.rmtree(self._scratch / "cache", ignore_errors=True)
        os.sync()
        return seconds(self._pull)

    def _copy(self) -> float:
        target = self._scratch / "copy"
        target.mkdir()

        def copy() -> None:
            for path in self._folder.iterdir():
                hash_and_write(path, target / path.name)

        taken = seconds(copy)
        shutil.rmtree(target)
        return taken

    def _log(self) -> float:
        return float(self._ask_peer(PEERS[PUSH], self._run, self._folder))

    def _download(self) -> float:
        target = self._scratch / "downloaded"
        target.mkdir()
        taken = float(self._ask_peer(PEERS[PULL], self._run, target))
        shutil.rmtree(target)
        return taken

    def _ask_peer(self, action: str, run: str, folder: Path) -> str:
        assert self._peer is not None
        command = [sys.executable, "-c", BY_PEER, self._peer.url, action, run, str(folder)]
        quietly = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "TQDM_DISABLE": "1"}
        ran = subprocess.run(command, env=quietly, capture_output=True, text=True, check=True)
        return ran.stdout.splitlines()[-1]


def run(notebook: Notebook) -> None:
    many = QUICK_FILES if notebook.quick else FILES
    mib = QUICK_MIB if notebook.quick else LARGE_MIB
    large, small = notebook.scratch / "large", notebook.scratch / "small"
    large.mkdir()
    Sample.create(large / "weights", mib)
    write_files(small, many)
    with ExitStack() as stack:
        peer = (
            stack.enter_context(serving.mlflow(notebook.scratch / "peer"))
            if notebook.peer
            else None
        )
        for folder, what in (
            (small, f"{many:,} files of {FILE_SIZE // 1024} KiB"),
            (large, f"one file of {mib:,} MiB"),
        ):
            with (
                serving.muniment(notebook.scratch / f"home-{folder.name}") as server,
                muniment.connect(
                    server.url, cache=notebook.scratch / "cache", progress=False
                ) as registry,
            ):
                Rounds(notebook, folder, registry, peer).note(what)
            shutil.rmtree(notebook.scratch / f"home-{folder.name}")
