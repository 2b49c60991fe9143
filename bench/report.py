"""The report: a page with a table and a picture of each benchmark that has results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from bench import Figure, Finding, shown
from bench.charts import by_group, chart, factor_shown
from bench.results import Results, read

HEAD: Final = """\
# Benchmarks

How fast Muniment is, and how large. `make bench` measures everything but what needs another
registry's server; `make bench-peer` measures beside MLflow's, which takes much longer. Each writes
its results here: a JSON file with all rounds, and this page with its pictures. Some of them:
`make bench ARGS="protocol start"`. `make bench-quick` only sees that all of it runs.

A figure counts by its ratio to a yardstick that was measured in turn with it, in the same run, on
the same machine: what else the machine does hits both. Figures are medians of the rounds, with the
least and the greatest in brackets. A ratio is Muniment's figure by the yardstick's: of rates, more
is better, of times and sizes, less. In the pictures, longer is always better, and the mark is the
target. Nothing is left out that was measured: what is slower than its yardstick or misses its
target says so.

CPUs are those of the machine that a server kept busy, with all its processes. One process of
Python uses little more than one of them: near 1, its own code bounds it. Where all shares together
come to what the machine has, that bounds them; where they are small, somebody waits, most often for
the disk.
"""

TABLE: Final = "| | Muniment | Yardstick | | Ratio | Target | |\n|---|--:|--:|---|--:|--:|---|"


def write(folder: Path, names: Iterable[str]) -> None:
    """Write README.md and the pictures, of all results in `folder` that are among `names`."""
    results = read(folder, names)
    for each in results:
        picture = chart(each.title, each.findings)
        if picture is None:
            picture_of(folder, each).unlink(missing_ok=True)
        else:
            picture_of(folder, each).write_text(picture, "utf-8")
    drawn = {each.name for each in results if picture_of(folder, each).exists()}
    (folder / "README.md").write_text(page(results, drawn), "utf-8")


def picture_of(folder: Path, results: Results) -> Path:
    """Return where the picture of results is."""
    return folder / f"{results.name}.svg"


def page(results: Sequence[Results], drawn: Iterable[str]) -> str:
    """Return the report; `drawn`: the names of those that have a picture."""
    machines: list[Mapping[str, str]] = []
    for each in results:
        if each.machine not in machines:
            machines.append(each.machine)
    parts = [HEAD, *filter(None, [_targets(results)])]
    for number, machine in enumerate(machines, 1):
        parts.append(f"## {_named(number, machines)}\n")
        rows = [f"| {what} | {_cell(words)} |" for what, words in machine.items()]
        parts.append("\n".join(["| | |", "|---|---|", *rows]) + "\n")
    for each in results:
        where = _named(machines.index(each.machine) + 1, machines).lower()
        parts.append(_section(each, where, pictured=each.name in drawn))
    return "\n".join(parts)


def _named(number: int, machines: Sequence[Mapping[str, str]]) -> str:
    return "The machine" if len(machines) == 1 else f"Machine {number}"


def _targets(results: Sequence[Results]) -> str:
    """Return how many targets are met, and which aren't."""
    aimed = [(each, f) for each in results for f in each.findings if f.met is not None]
    if not aimed:
        return ""
    missed = [(each, finding) for each, finding in aimed if not finding.met]
    parts = [f"Of {len(aimed)} targets, {len(aimed) - len(missed)} are met"]
    if not missed:
        return parts[0] + ".\n"
    parts[0] += f", and {len(missed)} missed:\n"
    for each, finding in missed:
        reached = shown(finding.ours) if finding.ratio is None else factor_shown(finding.ratio)
        bound = f"{'at least' if finding.more_is_better else 'at most'} {_target(finding)}"
        where = f"{each.title}: {finding.group}, {finding.what}" if finding.group else finding.what
        parts.append(f"- {where}: {reached} instead of {bound}")
    return "\n".join(parts) + "\n"


def _section(results: Results, machine: str, *, pictured: bool) -> str:
    measured = results.measured_at.strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    rough = " This was a quick and rough run." if results.quick else ""
    parts = [f"## {results.title}\n", results.about, "" if results.about else None]
    parts.append(
        f"Measured on {machine}, {measured}.{rough} All rounds: [{results.name}.json]"
        f"({results.name}.json)\n"
    )
    if pictured:
        parts.append(f"![{results.title}, as ratios]({results.name}.svg)\n")
    for group, findings in groupby(by_group(results.findings), key=lambda found: found.group):
        parts += [f"### {group}\n"] if group else []
        parts += [TABLE, *(_row(finding) for finding in findings), ""]
    return "\n".join(part for part in parts if part is not None)


def _row(finding: Finding) -> str:
    verdict = {True: "met", False: "**missed**", None: ""}[finding.met]
    other, ratio = finding.yardstick, finding.ratio
    bound = "≥" if finding.more_is_better else "≤"
    cells = [
        finding.what,
        _spread(finding.ours),
        "" if other is None else _spread(other),
        finding.yardstick_name,
        "" if ratio is None else factor_shown(ratio),
        "" if finding.target is None else f"{bound} {_target(finding)}",
        ". ".join(filter(None, (verdict, finding.note))),
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _spread(figure: Figure) -> str:
    """Return the median, with the least and the greatest if there are several rounds."""
    if len(figure.rounds) < 2:
        return shown(figure)
    ends = (Figure([end(figure.rounds)], "") for end in (min, max))
    return f"{shown(figure)} ({'–'.join(map(shown, ends))})"


def _target(finding: Finding) -> str:
    assert finding.target is not None
    if finding.yardstick is None:
        return shown(Figure([finding.target], finding.ours.unit))
    return f"{finding.target:g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
