"""How long `import muniment` takes, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

from bench import row

RUNS, QUICK_RUNS = 15, 3
STATEMENTS = {
    "import muniment": "target 0.15 s",
    "import muniment; muniment.connect": "",
    "import muniment; muniment.connect('http://…')": "",
}
TIMED = "import time; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"


def seconds(statement: str, folder: Path) -> float:
    command = [sys.executable, "-c", TIMED.format(statement.replace("…", "127.0.0.1:1"))]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def run(scratch: Path, *, quick: bool) -> None:
    row("", "best", "median")
    for statement, note in STATEMENTS.items():
        taken = [seconds(statement, scratch) for _ in range(QUICK_RUNS if quick else RUNS)]
        row(statement, f"{min(taken):.3f} s", f"{median(taken):.3f} s", note=note)
