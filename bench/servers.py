"""The servers that are measured, each in processes of its own, on a free port of the loopback.

Ended by their process group, so that no worker is left behind; what they log is in `home/log`.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.request import ProxyHandler, build_opener

READY_S: Final = 300
"""How long a server may take to start; MLflow's imports alone take long on a busy machine."""
END_S: Final = 20
SETTINGS: Final = ("MUNIMENT_", "MLFLOW_", "REGISTRY_", "MONGODB_", "MINIO_")
"""Variables of the shell that change what is measured, and are left out."""
WORKERS_OF_MLFLOW: Final = 4
"""As many as it starts by default."""

_directly = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """A server that answers: where, and the process that leads its group."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it in order, with all its processes; by force if it doesn't."""
        leader = self.process.pid
        os.killpg(leader, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        with suppress(ProcessLookupError):  # nobody is left
            os.killpg(leader, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()


def muniment(home: Path, *, workers: int = 1, settings: Mapping[str, str] | None = None) -> Server:
    """Start `muniment serve` over SQLite and a folder in `home`.

    Args:
        home: the folder of its data and its log; made if it is not there.
        workers: how many processes.
        settings: more environment variables.
    """
    command = ["muniment", "serve", "--port", "0", "--home", str(home)]
    process = _start([*command, "--workers", str(workers)], home, settings or {})

    def address() -> str | None:
        found = re.search(r"http://127\.0\.0\.1:\d+", _log(home).read_text())
        return found and found[0]

    return _when_it_answers(process, home, address, "/health")


def mlflow(home: Path, *, as_installed: bool = False) -> Server:
    """Start MLflow's server over SQLite and a folder in `home`, its artifact proxy included.

    Args:
        home: the folder of its data and its log; made if it is not there.
        as_installed: on what `pip install mlflow` brings, plain asyncio and h11, and with the
            processes of its job queue, as it is by default. Else at its best: on uvloop and
            httptools, which it uses where they happen to be installed, without a job queue.
    """
    port = _free_port()
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS_OF_MLFLOW)]
    command += ["--backend-store-uri", f"sqlite:///{home}/mlflow.db"]
    command += ["--artifacts-destination", str(home / "artifacts")]
    loop = "--loop asyncio --http h11" if as_installed else "--loop uvloop --http httptools"
    command += ["--uvicorn-opts", f"{loop} --log-level warning"]
    quietly = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": str(as_installed).lower(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    url = f"http://127.0.0.1:{port}"
    server = _when_it_answers(_start(command, home, quietly), home, lambda: url, "/health")
    # Each of its processes opens its database at the first request that it gets, for seconds.
    first = f"{url}/api/2.0/mlflow/registered-models/search?max_results=1"
    with ThreadPoolExecutor(2 * WORKERS_OF_MLFLOW) as threads:
        list(threads.map(_answers, [first] * 16 * WORKERS_OF_MLFLOW))
    return server


def bare_route(home: Path, *, committing: bool = False) -> Server:
    """Start the least that answers JSON in Python: one route of Starlette's on uvicorn.

    Args:
        home: the folder of its log, and of its database.
        committing: whether each answer stands for a row that was committed.
    """
    port, app = _free_port(), "committing" if committing else "app"
    command = ["uvicorn", f"bench.bare_route:{app}", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    checkout = {"PYTHONPATH": str(Path(__file__).parents[1])}
    url = f"http://127.0.0.1:{port}"
    return _when_it_answers(_start(command, home, checkout), home, lambda: url, "/")


def _start(
    module: list[str], home: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    home.mkdir(parents=True, exist_ok=True)
    around = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    with _log(home).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *module],
            env={**around, **environment},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _when_it_answers(
    process: subprocess.Popen[bytes], home: Path, address: Callable[[], str | None], path: str
) -> Server:
    until = time.monotonic() + READY_S
    while process.poll() is None:
        if (url := address()) and _answers(url + path):
            return Server(url, process)
        if time.monotonic() > until:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start:\n{_log(home).read_text()}")


def _answers(url: str) -> bool:
    try:
        with _directly.open(url, timeout=READY_S):
            return True
    except OSError:  # nobody listens yet, or no longer
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _log(home: Path) -> Path:
    return home / "log"
