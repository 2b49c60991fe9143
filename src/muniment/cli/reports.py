"""What people see of what was done: differences, verdicts, counts, settings, sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.cli import provenance_pages, words
from muniment.cli.draw import Block, Cell, Column, Heading, Paragraph, Styled, Table
from muniment.domain.entities import ModelVersion
from muniment.domain.garbage import GarbageReport
from muniment.domain.manifest import FileEntry
from muniment.domain.values import JsonObject

if TYPE_CHECKING:
    from muniment.client.difference import Change, Diff
    from muniment.client.verification import VerifyReport
    from muniment.ml.doctor import Report
    from muniment.server.settings import Setting

_NAME = "bold"
_VERDICTS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def diff(found: Diff) -> list[Block]:
    """What two versions differ in, side by side."""
    title = Heading([Styled(found.a.ref, "red"), "→", Styled(found.b.ref, "green")])
    if not found:
        return [title, Paragraph("No difference.")]
    rows: list[list[str]] = []
    for group, change in changes(found):
        delta = "" if change.delta is None else f"{change.delta:+.4g}"
        sides = [words.value(change.before), words.value(change.after)]
        rows.append([group, change.name, *sides, delta])
    for file in found.files:
        before, after = (
            "-" if side is None else f"{words.digest(side.digest)} {words.size(side.size)}"
            for side in (file.before, file.after)
        )
        rows.append(["files", file.path, before, after, ""])
    for row, above in reversed(list(pairwise(rows))):
        above[0] = "" if row[0] == above[0] else above[0]
    columns = [
        Column("", style="dim"),
        Column("NAME", style=_NAME, flexible=True),
        Column(found.a.ref, flexible=True, style="red"),
        Column(found.b.ref, flexible=True, style="green"),
        Column("CHANGE", right=True),
    ]
    new = found.b.size - found.bytes_in_common
    if not found.has_files:
        shared = "Neither has files."
    elif found.same_content:
        shared = "The files are the same."
    else:
        shared = f"{words.size(new)} of {words.size(found.b.size)} are new in {found.b.ref}."
    table = Table(columns, rows).without_empty("CHANGE")
    return [title, table, Paragraph(Styled(shared, "dim"))]


def changes(found: Diff) -> Iterator[tuple[str, Change]]:
    """Yield every change but those of files, with the group that it belongs to."""
    groups = {
        "facts": found.facts,
        "metrics": found.metrics,
        "params": found.params,
        "tags": found.tags,
        "signature": found.signature,
    }
    for group, members in groups.items():
        for change in members:
            yield group, change


def verified(found: Sequence[VerifyReport]) -> list[Block]:
    """What was verified, and what is not sound."""
    if not found:
        return [Paragraph(Styled("There is nothing to verify.", "dim"))]
    columns = [
        Column(""),
        Column("VERSION", style=_NAME, flexible=True),
        Column("FILES", right=True),
        Column("BYTES", right=True),
        Column("HISTORY", right=True),
        Column("SIGNED"),
    ]
    rows: list[list[Cell]] = [
        [
            Styled("sound", "green") if report.ok else Styled("NOT SOUND", "bold red"),
            report.ref,
            f"{report.files:,}",
            words.size(report.bytes),
            words.count(report.activities, "entry", "entries"),
            provenance_pages.signed(report.signatures),
        ]
        for report in found
    ]
    blocks: list[Block] = [Table(columns, rows)]
    for report in found:
        blocks += [
            Paragraph(Styled(f"{report.ref}: {problem}", "red")) for problem in report.problems
        ]
    return blocks


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of entries: a model's history, or the audit log (`model` None), as it was verified.

    `entries` is None if it could not be counted, or is not the caller's to read.
    """

    model: str | None
    entries: int | None
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems

    def to_json(self) -> JsonObject:
        """Return all of it, for programs."""
        return {
            "model": self.model,
            "entries": self.entries,
            "ok": self.ok,
            "problems": list(self.problems),
        }


def chains(found: Sequence[Chain]) -> list[Block]:
    """Which chains hold, and what is wrong with the others."""
    columns = [
        Column(""),
        Column("CHAIN", style=_NAME, flexible=True),
        Column("ENTRIES", right=True),
    ]
    rows: list[list[Cell]] = []
    for chain in found:
        verdict = Styled("sound", "green") if chain.ok else Styled("NOT SOUND", "bold red")
        if chain.ok and chain.entries is None:
            verdict = Styled("not read", "dim")
        entries = "" if chain.entries is None else f"{chain.entries:,}"
        rows.append([verdict, chain_name(chain), entries])
    blocks: list[Block] = [Table(columns, rows)]
    for chain in found:
        blocks += [
            Paragraph(Styled(f"{chain_name(chain)}: {problem}", "red"))
            for problem in chain.problems
        ]
    return blocks


def chain_name(chain: Chain) -> str:
    """Return what people call a chain."""
    return "the audit log" if chain.model is None else chain.model


def examined(report: Report) -> list[Block]:
    """A checklist, with what to do below each line that is not as it should be."""
    columns = [Column("", style="bold"), Column("CHECK", style=_NAME), Column("", flexible=True)]
    rows: list[list[Cell]] = []
    for finding in report.findings:
        verdict = Styled(finding.verdict.value, _VERDICTS[finding.verdict.value])
        rows.append([verdict, finding.check, finding.message])
        if finding.hint:
            rows.append(["", "", Styled(f"→ {finding.hint}", "cyan")])
    counts = [
        f"{sum(finding.verdict == name for finding in report.findings)} {name}"
        for name in _VERDICTS
    ]
    return [
        Heading([f"MLflow with {report.address}"], section=True),
        Table(columns, rows),
        Paragraph(", ".join(counts) + "."),
    ]


def garbage(report: GarbageReport) -> list[Block]:
    """What a garbage collection did, or would do."""
    title = "What would be removed (nothing was):" if report.dry_run else "Removed:"
    columns = [Column("", style=_NAME), Column("COUNT", right=True), Column("BYTES", right=True)]
    rows = [
        ["versions deleted long ago", f"{report.purged_versions:,}", ""],
        ["manifests", f"{report.manifests:,}", ""],
        ["uploads never finished", f"{report.uploads:,}", ""],
        ["blobs nobody needs", f"{report.blobs:,}", words.size(report.bytes)],
    ]
    kept = f"Kept: {words.count(report.kept_blobs, 'blob')}, {words.size(report.kept_bytes)}."
    return [Heading([title], section=True), Table(columns, rows), Paragraph(kept)]


def settings(found: Sequence[Setting]) -> list[Block]:
    """Settings in force, and where they come from."""
    columns = [
        Column("SETTING", style=_NAME),
        Column("VALUE", flexible=True),
        Column("FROM", flexible=True, style="dim"),
    ]
    rows = [[one.variable, one.value, one.source.removesuffix(f" {one.variable}")] for one in found]
    return [Table(columns, rows)]


def pushed(version: ModelVersion, seconds: float) -> list[Block]:
    """A new version, and how long that took."""
    if not version.digest:
        return [Paragraph(f"Registered {version.ref}, which points at {version.source_uri}.")]
    content = f"{words.count(version.file_count, 'file')}, {words.size(version.size)}"
    done = f"Pushed {version.ref}: {content} in {words.seconds(seconds)}."
    return [Heading([done]), Heading([Styled(f"sha256:{version.digest}", "dim")])]


def pulled(version: ModelVersion, folder: Path, files: Sequence[FileEntry]) -> list[Block]:
    """The files of a version that are in `folder` now."""
    total = words.size(sum(file.size for file in files))
    done = f"Pulled {version.ref}: {words.count(len(files), 'file')}, {total}, verified."
    return [Heading([done]), Heading([Styled(str(folder), _NAME)])]


def sentence(text: str) -> list[Block]:
    """One sentence."""
    return [Paragraph(text)]
