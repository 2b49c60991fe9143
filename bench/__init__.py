"""Measurements of speed and memory; `python -m bench` runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Benchmark(Protocol):
    """A module of this package."""

    __doc__: str

    def run(self, scratch: Path, *, quick: bool) -> None:
        """Measure, in the folder `scratch`, and print rows; `quick`: small and rough."""


def row(what: str, *figures: str, note: str = "") -> None:
    """Print one line of a benchmark's table."""
    columns = "".join(f"{figure:>14}" for figure in figures)
    print(f"  {what:44}{columns}   {note}".rstrip())
