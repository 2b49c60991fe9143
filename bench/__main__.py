"""How fast, and how large: all benchmarks, or those that are named.

    python -m bench [NAME …] [--quick] [--folder DIR]

Run them on a quiet machine; what else it does shows in the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from importlib import import_module
from pathlib import Path
from typing import cast

from bench import Benchmark

NAMES = ("import_time", "start", "sqlite_store", "blob_store")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder")
    options = parser.parse_args()
    if unknown := sorted({*options.names} - {*NAMES}):
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for name in options.names or NAMES:
        benchmark = cast(Benchmark, import_module(f"bench.{name}"))
        print(f"\n{name}: {benchmark.__doc__.splitlines()[0]}")
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-") as scratch:
            benchmark.run(Path(scratch), quick=options.quick)


if __name__ == "__main__":
    main()
