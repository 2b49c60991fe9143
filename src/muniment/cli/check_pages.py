"""What people see of checks and scans."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Facts, Paragraph, Styled, Table
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import Verdict
from muniment.scanning import FileReport

_NAME = "bold"
_DIM = "dim"
_VERDICTS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNKNOWN: "yellow"}


def available_checks(names: Sequence[str], chosen: Sequence[str]) -> list[Block]:
    """The checks that can be run, and which of them are."""
    rows: list[list[Cell]] = [
        [name, Styled("when sealed", "green") if name in chosen else "when asked for"]
        for name in names
    ]
    return [Table([Column("CHECK", style=_NAME), Column("RUNS")], rows)]


def check_configuration(settled: CheckConfiguration) -> list[Block]:
    """Which checks are run on a version when it is sealed."""
    chosen = ", ".join(settled.checks) or Styled("none", _DIM)
    facts: list[tuple[str, Cell]] = [
        ("checks", chosen),
        ("each takes at most", f"{settled.seconds} s"),
        ("of memory", words.size(settled.memory)),
    ]
    return [Facts(facts)]


def scanned(found: Sequence[FileReport]) -> list[Block]:
    """What files are, and what was found in them."""
    rows: list[list[Cell]] = [
        [report.name, report.format, Styled(report.verdict.value, _VERDICTS[report.verdict])]
        for report in found
    ]
    blocks: list[Block] = [
        Table(
            [Column("FILE", style=_NAME, flexible=True), Column("FORMAT"), Column("VERDICT")], rows
        )
    ]
    for report in found:
        blocks += [
            Paragraph(Styled(f"{finding}.", _VERDICTS[finding.verdict]))
            for finding in report.findings
        ]
    return blocks
