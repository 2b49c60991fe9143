"""What a benchmark found, as a JSON document: all rounds, when, and on what machine.

One file each (`protocol.json`; beside MLflow's server `protocol-peer.json`), so that a run of some
leaves the others' as they are.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import Benchmark, Figure, Finding, Notebook


@dataclass(frozen=True)
class Results:
    """The findings of one benchmark in one run."""

    name: str
    title: str
    about: str  # how it is measured, in paragraphs
    measured_at: datetime
    quick: bool
    machine: Mapping[str, str]
    findings: tuple[Finding, ...]

    @classmethod
    def of(
        cls,
        name: str,
        benchmark: Benchmark,
        notebook: Notebook,
        machine: Mapping[str, str],
        now: datetime,
    ) -> Results:
        """Return what a notebook holds after a run."""
        title, about = title_of(benchmark), inspect.getdoc(benchmark) or ""
        if notebook.peer:
            name, title = f"{name}-peer", f"{title}, beside MLflow's server"
        return cls(
            name,
            title,
            about.partition("\n")[2].strip(),
            now.replace(microsecond=0),
            notebook.quick,
            machine,
            tuple(notebook.findings),
        )

    def write(self, folder: Path) -> None:
        """Write the document, in place of an older one."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=2)
        (folder / f"{self.name}.json").write_text(text + "\n", "utf-8")

    def to_json(self) -> dict[str, Any]:
        """Return the document."""
        return {
            "name": self.name,
            "title": self.title,
            "about": self.about,
            "measured_at": self.measured_at.isoformat(),
            "quick": self.quick,
            "machine": dict(self.machine),
            "findings": [_finding(finding) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Results:
        """Return what a document holds."""
        return cls(
            document["name"],
            document["title"],
            document["about"],
            datetime.fromisoformat(document["measured_at"]),
            document["quick"],
            document["machine"],
            tuple(_read(each) for each in document["findings"]),
        )


def read(folder: Path, names: Iterable[str]) -> list[Results]:
    """Return the results that a folder holds, in the order of `names`."""
    files = [folder / f"{name}.json" for name in names]
    return [
        Results.from_json(json.loads(file.read_text("utf-8"))) for file in files if file.exists()
    ]


def title_of(benchmark: Benchmark) -> str:
    """Return the first line of a benchmark's docstring, without its full stop."""
    return (benchmark.__doc__ or "").partition("\n")[0].rstrip(".")


def _finding(finding: Finding) -> dict[str, Any]:
    other = finding.yardstick
    return {
        "group": finding.group,
        "what": finding.what,
        "unit": finding.ours.unit,
        "more_is_better": finding.more_is_better,
        "rounds": [*finding.ours.rounds],
        "yardstick": None
        if other is None
        else {"name": finding.yardstick_name, "unit": other.unit, "rounds": [*other.rounds]},
        "ratio": finding.ratio,
        "target": finding.target,
        "met": finding.met,
        "note": finding.note,
    }


def _read(found: Mapping[str, Any]) -> Finding:
    other = found["yardstick"]
    return Finding(
        found["group"],
        found["what"],
        Figure(found["rounds"], found["unit"]),
        None if other is None else Figure(other["rounds"], other["unit"]),
        "" if other is None else other["name"],
        found["more_is_better"],
        found["target"],
        found["note"],
    )
