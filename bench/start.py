"""How long `muniment serve` takes from the command to its first answer, and its memory at rest.

On a fresh home (the database is made) and on one that holds models. Each figure is a process of its
own; the address is tried every two milliseconds from the moment the command is given.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import muniment
from bench import row

RUNS, QUICK_RUNS = 10, 3
MODELS, QUICK_MODELS = 200, 20
PATHS = ("/health", "/api/v1/models")
PATIENCE = 60.0  # seconds
REST = 1.0  # seconds without a request, before memory is read
DIRECTLY = build_opener(ProxyHandler({}))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "muniment", "serve", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, cwd=home.parent, stdout=subprocess.DEVNULL)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str) -> None:
    """Return when `address` answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with DIRECTLY.open(address, timeout=PATIENCE):
                return
        except URLError:  # nobody listens yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def seconds_to_answer(home: Path, path: str) -> float:
    begun = time.perf_counter()
    with serving(home) as (_, url):
        wait_for(url + path)
        return time.perf_counter() - begun


def resident(home: Path) -> str:
    """The memory of a server that has answered and is at rest, where the system tells."""
    with serving(home) as (process, url):
        for path in PATHS:
            wait_for(url + path)
        time.sleep(REST)
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():
            return "unknown"
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        assert found
        return f"{int(found[1]) / 1024:.0f} MiB"


def fill(home: Path, models: int) -> None:
    with muniment.connect(home, cache=home.parent / "cache", progress=False) as registry:
        for number in range(models):
            registry.push(f"model-{number}", {"number": number}, tags={"n": number}, alias="best")


def run(scratch: Path, *, quick: bool) -> None:
    runs, models = (QUICK_RUNS, QUICK_MODELS) if quick else (RUNS, MODELS)
    fresh, filled = scratch / "fresh", scratch / "filled"
    fill(filled, models)
    row("first answer, on", "best", "median")
    for path in PATHS:
        on_fresh = [seconds_to_answer(scratch / f"{path[1:4]}-{n}", path) for n in range(runs)]
        on_filled = [seconds_to_answer(filled, path) for _ in range(runs)]
        for home, taken in (("a fresh home", on_fresh), (f"{models} models", on_filled)):
            best, middle = f"{min(taken):.3f} s", f"{median(taken):.3f} s"
            row(f"{path}, {home}", best, middle, note="target 1 s")
    row("memory at rest, on")
    row("a fresh home", resident(fresh))
    row(f"{models} models", resident(filled))
