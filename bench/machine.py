"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from typing import Final

LIBRARIES: Final = (
    "muniment",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "orjson",
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "pymongo",
    "httpx",
    "mlflow",
)


def described(scratch: Path) -> dict[str, str]:
    """Return the machine in words, by what it is that they describe.

    Args:
        scratch: a folder on the disk that is measured.
    """
    return {
        "processor": f"{_processor()}, {os.cpu_count()} CPUs",
        "memory": _memory(),
        "disk": _file_system(scratch),
        "system": f"{_system()}, Linux {platform.release()}"
        if platform.system() == "Linux"
        else platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "libraries": ", ".join(_libraries()),
        "programs": ", ".join(_programs()),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _file_system(folder: Path) -> str:
    """Return the kind of file system, and its device, as far as the system tells."""
    number = folder.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    mounts = re.findall(r"^\d+ \d+ (\S+) .* - (\S+) \S+ \S+$", _text("/proc/self/mountinfo"), re.M)
    kind = dict(mounts).get(device, "unknown file system")
    disk = Path("/sys/dev/block", device)
    return f"{kind} on {disk.resolve().name}" if disk.exists() else kind


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.system()


def _libraries() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _programs() -> list[str]:
    """Return the programs that load and yardsticks come from, with their versions."""
    asked = {"wrk": ["-v"], "nginx": ["-v"], "curl": ["--version"]}
    found = []
    for name, options in asked.items():
        path = which(name) or which(name, path="/usr/sbin")
        if path is None:
            continue
        ran = subprocess.run([path, *options], capture_output=True, text=True, check=False)
        number = re.search(r"\d+(\.\d+)+", ran.stdout + ran.stderr)
        found.append(f"{name} {number[0]}" if number else name)
    return found


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
