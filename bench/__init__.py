"""Measurements of speed and memory; `python -m bench` runs them.

A benchmark measures in one run, on one machine, in turn (ours, the other, ours, …), and keeps the
median of the rounds; what it finds goes to a `Notebook`, which the table, the JSON file and the
report are made from. A figure counts by its ratio to a yardstick of the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """What was measured, once per round, in `unit` ("1/s", "ms", "s", "MiB/s", "MiB")."""

    rounds: Sequence[float]
    unit: str

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)


@dataclass(frozen=True)
class Finding:
    """One line of a table: ours beside a yardstick of the same run, if there is one.

    `more_is_better` is of the unit; `target` is a bound on `ratio` (ours / yardstick), or, without
    a yardstick, on the figure itself; it is met from the better side. `note`: what bounds the
    figure, or why the target is missed.
    """

    group: str
    what: str
    ours: Figure
    yardstick: Figure | None = None
    yardstick_name: str = ""
    more_is_better: bool = True
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the yardstick's."""
        return None if self.yardstick is None else self.ours.value / self.yardstick.value

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        reached = self.ours.value if self.ratio is None else self.ratio
        return reached >= self.target if self.more_is_better else reached <= self.target


@dataclass
class Notebook:
    """How to measure, and what was found."""

    scratch: Path  # an empty folder on the disk to measure; the run's benchmarks share its parent
    quick: bool = False  # small and rough: does it run at all?
    peer: bool = False  # beside MLflow's server, which takes longer
    findings: list[Finding] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """How often each thing is measured."""
        return 1 if self.quick else 5

    def in_turn(self, measures: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Run all measures, and all again, once per round; return what each said."""
        said: dict[str, list[T]] = {name: [] for name in measures}
        for _ in range(self.rounds):
            for name, measure in measures.items():
                said[name].append(measure())
        return said

    def note(self, finding: Finding) -> None:
        """Keep a finding, and print its line, below its group's name."""
        if not self.findings or self.findings[-1].group != finding.group:
            print(f" {finding.group}" if finding.group else "")
        self.findings.append(finding)
        print(line(finding), flush=True)


class Benchmark(Protocol):
    """A module of this package. The first line of its docstring is the title of its table."""

    __doc__: str

    def run(self, notebook: Notebook) -> None:
        """Measure, and note what is found."""


def shown(figure: Figure) -> str:
    """Return a figure with three significant digits and its unit."""
    value = figure.value
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    unit = "/s" if figure.unit == "1/s" else f" {figure.unit}"
    return f"{value:,.{digits}f}{unit}".rstrip()


def line(finding: Finding) -> str:
    """Return a finding as a line of a table in a terminal."""
    verdict = {True: "met", False: "MISSED", None: ""}[finding.met]
    other = "" if finding.yardstick is None else shown(finding.yardstick)
    ratio = "" if finding.ratio is None else f"{finding.ratio:.2f}x"
    name = finding.yardstick_name
    return (
        f"  {finding.what:44}{shown(finding.ours):>16}{other:>16}{ratio:>9} {verdict:7}{name}"
    ).rstrip()
