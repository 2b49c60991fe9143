"""How fast, and how large: all benchmarks, or those that are named.

    python -m bench [NAME …] [--quick | --peer] [--folder DIR] [--into DIR]

Run them on a quiet machine; what else it does shows in the figures. It ends with 1 if a benchmark
fails, but not if a figure misses its target.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from bench import Benchmark, Notebook, report
from bench.machine import described
from bench.results import Results, title_of

NAMES: Final = (
    "protocol",
    "native",
    "bulk",
    "pushes",
    "scale",
    "pages",
    "databases",
    "start",
    "import_time",
    "cached_load",
    "sqlite_store",
    "blob_store",
)
BESIDE_PEER: Final = ("protocol", "native", "bulk", "pushes")
REPORT: Final = Path(__file__).parents[1] / "docs" / "benchmarks"


def main() -> int:
    options = _options()
    failed = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o711)  # PostgreSQL runs as somebody else where we are root
        into = options.into or (scratch / "report" if options.quick else REPORT)
        into.mkdir(parents=True, exist_ok=True)
        machine = described(scratch)
        print("\n".join(f"{what}: {words}" for what, words in machine.items()))
        for name in options.names or (BESIDE_PEER if options.peer else NAMES):
            notebook = Notebook(scratch / name, quick=options.quick, peer=options.peer)
            try:
                _measure(name, notebook, machine).write(into)
            except Exception:
                traceback.print_exc()
                failed.append(name)
        report.write(into, [each for name in NAMES for each in (f"{name}-peer", name)])
    if failed:
        print(f"\nFailed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _measure(name: str, notebook: Notebook, machine: Mapping[str, str]) -> Results:
    begun = time.monotonic()
    benchmark = cast(Benchmark, import_module(f"bench.{name}"))
    print(f"\n{name}: {title_of(benchmark)}", flush=True)
    notebook.scratch.mkdir()
    benchmark.run(notebook)
    print(f"  took {time.monotonic() - begun:.0f} s", flush=True)
    return Results.of(name, benchmark, notebook, machine, datetime.now(UTC))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small and rough; keeps no report")
    parser.add_argument(
        "--peer", action="store_true", help=f"beside MLflow's server: {', '.join(BESIDE_PEER)}"
    )
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder")
    parser.add_argument("--into", type=Path, metavar="DIR", help="of the report; docs/benchmarks")
    options = parser.parse_args()
    if unknown := sorted({*options.names} - {*NAMES}):
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    if options.peer and (alone := sorted({*options.names} - {*BESIDE_PEER})):
        parser.error(f"{alone[0]} has no peer; {', '.join(BESIDE_PEER)} have")
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the servers, too
    sys.exit(main())
