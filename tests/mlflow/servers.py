"""The two servers that are compared, each in processes of its own: MLflow's and ours."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

PATIENCE_S = 300
"""How long a server may take to start; importing MLflow alone takes long on a busy machine."""


@dataclass
class Server:
    """A server that answers: where, and the process that leads its group."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it in order, with its children."""
        end(self.process.pid)
        self.process.wait(timeout=60)

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


def end(pid: int) -> None:
    """End the process group that `pid` leads."""
    os.killpg(pid, signal.SIGTERM)


def official(home: Path, **environment: str) -> Server:
    """Start `mlflow server` over a SQLite store and an artifact folder in `home`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = ["mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{home}/mlflow.db"]
    command += ["--artifacts-destination", str(home / "artifacts"), "--serve-artifacts"]
    quietly = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = _start(command, home, quietly | environment)

    def answers() -> str | None:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.HTTPError:
            return None
        return url

    return _when(answers, process, home)


def ours(home: Path, **environment: str) -> Server:
    """Start `muniment serve` over `home`."""
    process = _start(
        ["muniment", "serve", "--port", "0", "--home", str(home / "home")], home, environment
    )

    def answers() -> str | None:
        found = re.search(r"http://127\.0\.0\.1:\d+", _log(home).read_text())
        return found and found[0]

    return _when(answers, process, home)


def _start(command: list[str], home: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    home.mkdir(parents=True, exist_ok=True)
    with _log(home).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **environment},
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _when(
    answers: Callable[[], str | None], process: subprocess.Popen[bytes], home: Path
) -> Server:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if url := answers():
            return Server(url, process)
        time.sleep(0.1)
    if process.poll() is None:
        end(process.pid)
    raise AssertionError(f"{process.args!r} did not start:\n{_log(home).read_text()}")


def _log(home: Path) -> Path:
    return home / "log"
