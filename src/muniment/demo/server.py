"""The demo's server: `muniment serve` in a process of its own, started, awaited, ended."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from muniment.errors import Unavailable

_PATIENCE = 60.0  # seconds until it answers; on a quiet machine that takes well under one
_GRACE = 10.0  # seconds for an orderly end
_LOG_LINES = 15
_ANNOUNCED = re.compile(r" serves .* at (http://\S+)")


class ServerProcess:
    """A server on loopback over the data in `home`; as a context manager it ends with the block.

    Port 0 picks a free one. The server lives in a session of its own, so that Ctrl-C reaches only
    the demo, which then ends it. What it says goes to the file `log`.
    """

    def __init__(self, home: Path, log: Path, port: int = 0) -> None:
        started = time.perf_counter()
        self._log = log
        command = [sys.executable, "-m", "muniment", "serve", "--host", "127.0.0.1"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [*command, "--port", str(port), "--home", str(home)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.url = self._announced()
        except BaseException:
            self.stop()
            raise
        self.seconds_to_answer = time.perf_counter() - started

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def wait(self) -> None:
        """Return when the server ends by itself, which it should not.

        Raises:
            Unavailable: it ended.
        """
        self._process.wait()
        raise self._ended()

    def stop(self) -> None:
        """End it, in order if it does so in time."""
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except BaseException:  # too slow, or Ctrl-C once more: never leave it behind
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _announced(self) -> str:
        """Return the address as soon as the server says that it answers there."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if found := _ANNOUNCED.search(self._said()):
                return found[1]
            if self._process.poll() is not None:
                raise self._ended()
            time.sleep(0.01)
        raise Unavailable(f"The server did not answer within {_PATIENCE:.0f} s.", hint=self._tail())

    def _ended(self) -> Unavailable:
        return Unavailable(
            f"The server ended with code {self._process.returncode}.", hint=self._tail()
        )

    def _said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def _tail(self) -> str:
        lines = self._said().splitlines()[-_LOG_LINES:]
        return "\n".join(["It said:", *lines]) if lines else "It said nothing."
