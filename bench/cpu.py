"""How busy processes are, from /proc: zero where there is none."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(leader: int) -> float:
    """Return the seconds of CPU that a process and its descendants, living now, have used."""
    used: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
            continue
        pid, parent, user, system = int(stat.parent.name), fields[1], fields[11], fields[12]
        children[int(parent)].append(pid)
        used[pid] = int(user) + int(system)
    ticks, waiting = 0, [leader]
    while waiting:
        pid = waiting.pop()
        ticks += used.get(pid, 0)
        waiting += children[pid]
    return ticks / _TICKS
