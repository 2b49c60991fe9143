"""From the command `muniment serve` to its first answer, and its memory.

On a fresh home (the database is made) and on one that holds models. Each start is a process of its
own, its bytecode compiled before; the address is tried every two milliseconds from the moment the
command is given. Memory is what is resident: idle, after both paths have answered and a second of
rest; and after a load of requests and of bytes up and down. A list of models waits for the stores,
whose libraries are loaded when `/health` answers already.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import muniment
from bench import Figure, Finding, Notebook
from bench.bytes_over_http import Sample, connect, fetch, send

MODELS, QUICK_MODELS = 200, 20
PATHS = ("/health", "/api/v1/models")
PATIENCE = 60.0  # seconds
REST = 1.0  # seconds without a request, before memory is read
TARGET_S, TARGET_MIB = 1.0, 90.0
REQUESTS, QUICK_REQUESTS = 5_000, 100
LOAD_MIB, QUICK_LOAD_MIB = 256, 16
DIRECTLY = build_opener(ProxyHandler({}))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Lend a server as soon as its command is given."""
    port = free_port()
    compiled = {**os.environ, "PYTHONPYCACHEPREFIX": str(home.parent / "pyc")}
    compiled.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "muniment", "serve", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, cwd=home.parent, env=compiled, stdout=subprocess.DEVNULL)
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


def resident(process: subprocess.Popen[bytes]) -> float:
    """Return the resident MiB of a process, once it is at rest."""
    time.sleep(REST)
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def memory(home: Path, requests: int, sample: Sample) -> tuple[float, float]:
    """Return the resident MiB of a server: idle, and after a load."""
    with serving(home) as (process, url):
        for path in PATHS:
            wait_for(url + path)
        idle = resident(process)
        connection = connect(url)
        for _ in range(requests):
            ask(connection, PATHS[1])
        sample.renew()
        stored = f"/api/v1/blobs/{sample.digest}"
        send(connection, "PUT", stored, sample)
        fetch(connection, stored)
        return idle, resident(process)


def ask(connection: HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answers {answer.status}")


def fill(home: Path, models: int) -> None:
    with muniment.connect(home, cache=home.parent / "cache", progress=False) as registry:
        for number in range(models):
            registry.push(f"model-{number}", {"number": number}, tags={"n": number}, alias="best")


def run(notebook: Notebook) -> None:
    models = QUICK_MODELS if notebook.quick else MODELS
    filled, fresh = notebook.scratch / "filled", count()
    fill(filled, models)
    seconds_to_answer(filled, PATHS[1])  # compiles

    def on_fresh(path: str) -> float:
        return seconds_to_answer(notebook.scratch / f"fresh-{next(fresh)}", path)

    measures = {}
    for path in PATHS:
        measures[f"{path}, a fresh home"] = lambda path=path: on_fresh(path)
        measures[f"{path}, {models} models"] = lambda path=path: seconds_to_answer(filled, path)
    for what, taken in notebook.in_turn(measures).items():
        figure = Figure(taken, "s")
        notebook.note(Finding("First answer", what, figure, more_is_better=False, target=TARGET_S))
    if not Path("/proc/self/status").exists():
        return
    sample = Sample.create(
        notebook.scratch / "sample", QUICK_LOAD_MIB if notebook.quick else LOAD_MIB
    )
    requests = QUICK_REQUESTS if notebook.quick else REQUESTS
    rounds = [memory(filled, requests, sample) for _ in range(min(3, notebook.rounds))]
    idle, loaded = (Figure(each, "MiB") for each in zip(*rounds, strict=True))
    group = f"Resident memory, {models} models"
    notebook.note(Finding(group, "idle", idle, more_is_better=False, target=TARGET_MIB))
    load = f"after {requests:,} lists and {sample.mib} MiB up and down"
    notebook.note(Finding(group, load, loaded, more_is_better=False))
