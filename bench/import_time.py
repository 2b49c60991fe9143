"""How long `import muniment` takes, in fresh processes whose bytecode is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from bench import Figure, Finding, Notebook

STATEMENTS = {
    "import muniment": 0.15,
    "import muniment; muniment.connect": None,
    "import muniment; muniment.connect('http://127.0.0.1:1')": None,
}
"""With the most seconds that each may take."""
YARDSTICK = "import http.client, json"
TIMED = "import time; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"


def seconds(statement: str, folder: Path) -> float:
    """Return how long a fresh process takes for a statement."""
    compiled = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
    compiled.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", TIMED.format(statement)]
    ran = subprocess.run(
        command, cwd=folder, env=compiled, capture_output=True, text=True, check=True
    )
    return float(ran.stdout)


def run(notebook: Notebook) -> None:
    statements = (*STATEMENTS, YARDSTICK)
    for statement in statements:  # compiles
        seconds(statement, notebook.scratch)
    said: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(1 if notebook.quick else 3):
        again = notebook.in_turn({s: partial(seconds, s, notebook.scratch) for s in statements})
        for statement, taken in again.items():
            said[statement] += taken
    yardstick = Figure(said[YARDSTICK], "s")
    for statement, target in STATEMENTS.items():
        ours = Figure(said[statement], "s")
        if target is not None:
            finding = Finding("", statement, ours, more_is_better=False, target=target)
        else:
            finding = Finding("", statement, ours, yardstick, YARDSTICK, more_is_better=False)
        notebook.note(finding)
