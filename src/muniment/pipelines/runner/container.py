"""Where a step's command runs: its own folders, environment, log and time limit.

The folder `opt/ml` is what the command sees as /opt/ml, in a mount namespace of its own. Where the
system does not allow these, paths in the command are replaced, and MUNIMENT_OPT_ML says where
/opt/ml is; our scripts heed that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.runner import launch

OPT_ML: Final = PurePosixPath("/opt/ml")
TAIL: Final = 20
"""Lines of a log that are shown where a step fails."""

_INHERITED: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
    "MUNIMENT_TOKEN",
    "MUNIMENT_USERNAME",
    "MUNIMENT_PASSWORD",
    "SSL_CERT_FILE",
    "NO_PROXY",
)
"""What a step gets of the caller's environment, beside AWS_ENDPOINT_URL and its kin."""


class StepFailed(Exception):
    """A command ended badly, or did not end in time."""


class Container:
    """The folders of one step, below `folder`, which is emptied first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        self.opt_ml = folder / "opt" / "ml"
        self.opt_ml.mkdir(parents=True)

    def path(self, inside: str) -> Path:
        """Return the folder that a path in the container is.

        Raises:
            InvalidPipeline: it does not lie below /opt/ml.
        """
        pure = PurePosixPath(inside)
        if not pure.is_relative_to(OPT_ML) or ".." in pure.parts:
            raise InvalidPipeline(f"{inside!r:.200} must lie under {OPT_ML}, where steps work.")
        return self.opt_ml / pure.relative_to(OPT_ML)

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, seconds: float
    ) -> None:
        """Run a command to its end.

        Raises:
            StepFailed: it ended with another code than 0, or ran longer than `seconds`.
        """
        if not command:
            raise InvalidPipeline("The step has no ContainerEntrypoint; it must have one.")
        given = {**inherited(), **environment}
        if Path(command[0]).name in ("python", "python3"):
            command = [sys.executable, *command[1:]]
        if namespaces_are_allowed():
            command = [sys.executable, "-I", launch.__file__, str(self.opt_ml), *command]
        else:
            command = [command[0], *(self._replaced(part) for part in command[1:])]
            given["MUNIMENT_OPT_ML"] = str(self.opt_ml)
        given |= {
            "PATH": os.pathsep.join(
                filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH")))
            ),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
        }
        with self.log.open("wb") as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - what the definition says
                    command,
                    cwd=self.folder / "tmp",
                    env=given,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise StepFailed(f"{command[0]} can't be run: {error.strerror}.") from error
            try:
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise StepFailed(f"It ran longer than {seconds:g} seconds.") from None
            finally:
                _end(process)
        if code < 0:
            raise StepFailed(f"It was ended by the signal {signal.Signals(-code).name}.")
        if code:
            raise StepFailed(f"It ended with exit code {code}.")

    def tail(self) -> str:
        """Return the last lines of the log."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 64 * 1024))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-TAIL:])

    def _replaced(self, part: str) -> str:
        pure = PurePosixPath(part)
        return str(self.path(part)) if pure.is_relative_to(OPT_ML) else part


def inherited() -> dict[str, str]:
    """Return what steps get of this process's environment."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith("AWS_ENDPOINT_URL")
    }
    return {"LANG": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", **passed}


@cache
def namespaces_are_allowed() -> bool:
    """Say whether a folder can be mounted as /opt/ml here; tried once."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder, "opt", "ml")
        inside.mkdir(parents=True)
        (inside / "seen").touch()
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-I", launch.__file__, str(inside), "test", "-e", f"{OPT_ML}/seen"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
