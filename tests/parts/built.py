"""Programs in Go that tests start: built once, into `.parts/` at the top of the checkout.

    .parts/ferretdb/3f9a…/ferretdb      one folder for each state of tests/parts/ferretdb/

Go keeps what it downloads and compiles in its own caches.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from shutil import rmtree

PARTS = Path(__file__).parent


def built(name: str, package: str = ".") -> Path:
    """Return the program of the Go module `tests/parts/<name>/`, built unless it is there.

    It is made of `package`, which may be one that the module only depends on.
    Test processes that ask at the same time wait for the one that builds. What an older state of
    the module made is removed.

    Raises:
        LookupError: there is no Go on this machine; says what to do.
        RuntimeError: it cannot be built, with what the compiler said.
    """
    module, folder = PARTS / name, PARTS.parent.parent / ".parts" / name
    program = folder / _state(module) / name
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise LookupError(f"`go` is not on the PATH: {name} is built from its Go module")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            for older in folder.iterdir():
                if older.is_dir():
                    rmtree(older)
            program.parent.mkdir()
            _build(go, module, package, program)
    return program


def _build(go: str, module: Path, package: str, program: Path) -> None:
    unfinished = program.with_suffix(".new")
    made = subprocess.run(
        [go, "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", unfinished, package],
        cwd=module,
        env={**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"{program.name} cannot be built:\n{made.stderr}")
    unfinished.rename(program)


def _state(module: Path) -> str:
    """Return what tells one state of the sources from another."""
    digest = hashlib.sha256()
    for file in sorted(file for file in module.iterdir() if file.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
