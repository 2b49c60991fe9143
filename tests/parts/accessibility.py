"""axe-core, which looks for what keeps people from using a page: fetched once, by npm, by hash.

    .parts/axe/node_modules/axe-core/axe.min.js      as tests/parts/axe/package-lock.json names it

It is put into pages by the debugger that drives the browser: their policy stays in force.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_NAMED: Final = Path(__file__).parent / "axe"
_FOLDER: Final = Path(__file__).parents[2] / ".parts" / "axe"
_SERIOUS: Final = frozenset({"serious", "critical"})
_RUN: Final = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def faults_of(page: Page) -> list[str]:
    """Return the serious faults of a page, one a line. Without npm the test is skipped."""
    page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:300]} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in _SERIOUS
        for node in fault["nodes"]
    ]


@cache
def _source() -> str:
    try:
        return fetched().read_text("utf-8")
    except LookupError as missing:
        pytest.skip(str(missing))


def fetched() -> Path:
    """Return the script, fetched unless it is there.

    Raises:
        LookupError: there is no npm on this machine; says what to do.
        RuntimeError: it cannot be fetched, with what npm said.
    """
    lock_file = (_NAMED / "package-lock.json").read_bytes()
    script, kept = _FOLDER / "node_modules/axe-core/axe.min.js", _FOLDER / "package-lock.json"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "fetching").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (script.exists() and kept.read_bytes() == lock_file):
            _fetch()
    return script


def _fetch() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise LookupError("`npm` is not on the PATH: it fetches axe-core, which looks at pages")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_NAMED / name, _FOLDER)
    fetched = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=_FOLDER,
        env={**os.environ, "npm_config_update_notifier": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if fetched.returncode:
        raise RuntimeError(f"axe-core cannot be fetched:\n{fetched.stderr}")
