"""The same kind of request at several servers in turn, and what is noted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import Final

from bench import Figure, Finding, Notebook
from bench.filling import Size
from bench.load import WRK, Call, Load, ask, measure
from bench.servers import Server

MANY, ONE = 8, 1  # connections
RATE: Final = f"Requests per second, {MANY} connections"
TAIL: Final = f"p99 of latency, {MANY} connections"
MEDIAN: Final = "Median latency, 1 connection"
APART: Final = 1_000_000
"""More than the requests of one measurement, so that no two measurements send the same."""


@dataclass(frozen=True)
class Side:
    """A server, as it is named in tables, and what is sent to it."""

    name: str
    server: Server
    call: Call
    behind: Mapping[str, int] = field(default_factory=dict)  # processes that work for the server


class Comparison:
    """Measures one kind of request after the other at servers of the same content.

    Args:
        notebook: to note findings in.
        size: of the registry.
        prefix: what the names of groups begin with.
    """

    def __init__(self, notebook: Notebook, size: Size, prefix: str = "") -> None:
        self._notebook = notebook
        self._size = size
        self._prefix = prefix
        slow = notebook.peer  # MLflow's searches take a tenth of a second, and more under load
        self._seconds = (1.0 if slow else 0.1) if notebook.quick else 2.0 if slow else 1.0
        self._warming = 0.0 if notebook.quick else 0.5
        self._starts = count(APART, APART)

    def rates(self, calls: Sequence[Sequence[Side]], targets: Sequence[float | None]) -> None:
        """Note requests per second, and then p99: of each call the first side beside the others.

        `targets`: the least ratios of the rates.
        """
        tails: list[list[Figure]] = []
        for sides, target in zip(calls, targets, strict=True):
            loads = self.in_turn(sides, MANY)
            rates = [Figure([load.rate for load in each], "1/s") for each in loads]
            tails.append([Figure([load.p99 for load in each], "ms") for each in loads])
            self._note(RATE, sides, rates, target=target, note=cpu_of(sides, loads))
        for sides, figures in zip(calls, tails, strict=True):
            self._note(TAIL, sides, figures, more_is_better=False)

    def medians(self, calls: Sequence[Sequence[Side]], target: float | None = None) -> None:
        """Note the median latency of one connection.

        `target`: the greatest ratio.
        """
        for sides in calls:
            loads = self.in_turn(sides, ONE)
            figures = [Figure([load.p50 for load in each], "ms") for each in loads]
            note = cpu_of(sides, loads)
            self._note(MEDIAN, sides, figures, more_is_better=False, target=target, note=note)

    def in_turn(self, sides: Sequence[Side], connections: int) -> list[list[Load]]:
        """Measure a call at each server, and again, once per round; return the rounds of each."""
        loads: list[list[Load]] = [[] for _ in sides]
        for side in sides:
            ask(side.server.url, side.call, self._size, next(self._starts))
            if self._warming:
                self._load(side, connections, self._warming, next(self._starts))
        for _ in range(self._notebook.rounds):
            start = next(self._starts)
            for n, side in enumerate(sides):
                loads[n].append(self._load(side, connections, self._seconds, start))
        return loads

    def _load(self, side: Side, connections: int, seconds: float, start: int) -> Load:
        return measure(
            side.server.url,
            side.call,
            self._size,
            connections=connections,
            seconds=seconds,
            start=start,
            watched={side.name: side.server.process.pid, **side.behind},
            scratch=self._notebook.scratch,
        )

    def _note(
        self,
        group: str,
        sides: Sequence[Side],
        figures: Sequence[Figure],
        *,
        more_is_better: bool = True,
        target: float | None = None,
        note: str = "",
    ) -> None:
        what, group = sides[0].call.what, self._prefix + group
        if len(sides) == 1:
            finding = Finding(group, what, figures[0], more_is_better=more_is_better, note=note)
            self._notebook.note(finding)
        for side, figure in zip(sides[1:], figures[1:], strict=True):
            self._notebook.note(
                Finding(group, what, figures[0], figure, side.name, more_is_better, target, note)
            )


def cpu_of(sides: Sequence[Side], loads: Sequence[Sequence[Load]]) -> str:
    """Return how many CPUs each server used, and what worked for it, and wrk."""
    shares: dict[str, float] = {}
    for side, each in zip(sides, loads, strict=True):
        for name in (side.name, *side.behind, *([WRK] if side is sides[0] else ())):
            shares.setdefault(name, median(load.cpus[name] for load in each))
    return f"CPUs: {', '.join(f'{name} {share:.2f}' for name, share in shares.items())}"
