"""One server for all processes of a test run: the first to need it starts it, the last one ends it.

    a test process                        the keeper (this module, run)
    shared lock on `users`, till it ends
    first: spawns the keeper              starts the server, writes `url`
    reads `url`                           waits for an exclusive lock on `users`
    ends, or is killed: lock released ──> stops the server, removes its folder

Locks go with the process that holds them, however it ends, so that no server is left behind.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree

_READY_SECONDS = 60.0
# Inherited by every process that a test starts: they use the servers of the same run.
_RUN = os.environ.setdefault("MUNIMENT_TEST_RUN", f"{os.getpid()}-{time.time_ns()}")
_held: dict[str, int] = {}  # descriptors of the locks that this process holds
_keepers: list[subprocess.Popen[bytes]] = []  # theirs to end; who drops one that runs is warned


def shared(name: str, keeper: Sequence[str]) -> str:
    """Return the URL of the server `name` of this test run.

    Args:
        name: the kind of server: one of each in a test run.
        keeper: the module (and arguments) to run if there is none yet; it calls `keep`.
    """
    folder = Path(tempfile.gettempdir(), f"muniment-{name}-{_RUN}")
    if name not in _held:
        _held[name] = _use(folder)
    url = folder / "url"
    starting = _open(folder / "starting")
    fcntl.flock(starting, fcntl.LOCK_EX)
    try:
        if not url.exists():
            _start(folder, keeper)
    finally:
        os.close(starting)
    return url.read_text()


def keep(
    folder: Path,
    start: Callable[[Path], tuple[subprocess.Popen[bytes], str]],
    *,
    end_by: signal.Signals = signal.SIGKILL,
) -> None:
    """Run a server in `folder` until nobody uses it any more.

    Args:
        folder: where its data and the files of `shared` are.
        start: starts it, with its data in a folder that it makes; returns it and its URL, once it
            answers.
        end_by: the signal that ends it quickest without leaving anything behind.
    """
    server, url = start(folder / "data")
    try:
        written = folder / "url.new"
        written.write_text(url)
        written.rename(folder / "url")
        users = _open(folder / "users")
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / "url").unlink()
    finally:
        server.send_signal(end_by)
        server.wait()
        rmtree(folder, ignore_errors=True)


def _start(folder: Path, keeper: Sequence[str]) -> None:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *keeper, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupted test run still needs its server to clean up
        )
    _keepers.append(process)
    deadline = time.monotonic() + _READY_SECONDS
    while not (folder / "url").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = (folder / "log").read_text(errors="replace")
            raise RuntimeError(f"{keeper[0]} did not start:\n{said}")
        time.sleep(0.05)


def _use(folder: Path) -> int:
    """Return a shared lock on the `users` that the next keeper will look at."""
    while True:
        folder.mkdir(mode=0o755, exist_ok=True)
        try:
            users = _open(folder / "users")
        except FileNotFoundError:  # a keeper that ends has just removed the folder
            continue
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if os.path.samestat(os.fstat(users), (folder / "users").stat()):
                return users
        except FileNotFoundError:
            pass
        os.close(users)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
