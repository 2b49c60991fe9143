"""A Python that has PyTorch: this one, or an environment on top of the system's.

PyPI's builds of PyTorch are gigabytes; distributions have small ones for the system's Python. With
one of those, an environment that sees it is made once, in `.parts/torch/` at the top of the
checkout, with what Muniment needs beside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEM = Path("/usr/bin/python3")
BESIDE = ("safetensors", "polars")


def torch_python() -> str:
    """Return the path of a Python with PyTorch and Muniment; skips if this machine has none."""
    if find_spec("torch") is not None:
        return sys.executable
    if not SYSTEM.exists() or not _runs("import torch, sys; assert sys.version_info >= (3, 11)"):
        pytest.skip("needs PyTorch: apt-get install python3-torch (Python 3.11 or newer)")
    return str(_environment())


def _environment() -> Path:
    state = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + repr(BESIDE).encode())
    folder = ROOT / ".parts" / "torch" / state.hexdigest()[:12]
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = str(Path(sys.executable).parent / "uv")
            options = ["--quiet", "--system-site-packages", "--python", str(SYSTEM)]
            subprocess.run([uv, "venv", *options, str(folder)], check=True)
            install = [uv, "pip", "install", "--quiet", "--python", str(python)]
            subprocess.run([*install, *BESIDE, "--editable", str(ROOT)], check=True)
            (folder / "ready").touch()
    return python


def _runs(code: str) -> bool:
    ran = subprocess.run([str(SYSTEM), "-c", code], capture_output=True, check=False)
    return ran.returncode == 0
