"""How long `import muniment` takes, in fresh processes: the best and the median of many.

python bench/import_time.py            target: 0.15 s for the import itself
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

RUNS = 15
TARGET = 0.15
STATEMENTS = (
    "import muniment",
    "import muniment; muniment.connect",
    "import muniment; muniment.connect('http://127.0.0.1:1')",
)
TIMED = "import time; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"


def seconds(statement: str) -> float:
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    print(f"{'':60} best    median")
    worst = 0.0
    for statement in STATEMENTS:
        taken = [seconds(statement) for _ in range(RUNS)]
        print(f"{statement:60} {min(taken):.3f} s {median(taken):.3f} s")
        if statement == STATEMENTS[0]:
            worst = median(taken)
    return 0 if worst < TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
