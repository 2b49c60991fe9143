"""A real server in a process of its own, that tests may kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType


class ServerProcess:
    """`muniment serve` over `home`, on a loopback port (0: any that is free).

    Args:
        variables: settings, beside those of this process.
        workers: how many processes serve.
    """

    def __init__(
        self,
        home: Path,
        port: int = 0,
        *,
        variables: Mapping[str, str] | None = None,
        workers: int = 1,
    ) -> None:
        command = [sys.executable, "-m", "muniment", "serve", "--port", str(port)]
        self.process = subprocess.Popen(
            [*command, "--home", str(home), "--workers", str(workers)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(variables or {})},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not found:
            self.kill()
            raise AssertionError(f"the server did not start: {line!r}")
        self.url = found[0]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self) -> int:
        """End it in order; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self._close()
        return code

    def peak_memory(self) -> int:
        """The most memory it ever had resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()
