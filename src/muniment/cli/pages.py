"""What people see: each result of the registry as blocks to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Paragraph, Styled, Table
from muniment.domain.activities import Activity
from muniment.domain.entities import (
    NO_STAGE,
    ModelVersion,
    Reference,
    RegisteredModel,
    Signature,
    Status,
)
from muniment.domain.garbage import GarbageReport
from muniment.domain.manifest import FileEntry
from muniment.domain.values import Value, utcnow

if TYPE_CHECKING:
    from muniment.client.difference import Change, Diff
    from muniment.client.verification import VerifyReport
    from muniment.server.settings import Setting

_STATUS = {Status.READY: "green", Status.PENDING: "yellow", Status.FAILED: "red"}
_METRIC_COLUMNS = 4
_NAME = "bold"
_ALIAS = "cyan"


def models(found: Sequence[RegisteredModel]) -> list[Block]:
    """A list of models, one a line."""
    if not found:
        return [Paragraph(Styled("No models.", "dim"))]
    deleted = any(model.deleted_at for model in found)
    now = utcnow()
    columns = [
        Column("NAME", style=_NAME, flexible=True),
        Column("LATEST", right=True),
        Column("VERSIONS", right=True),
        Column("DELETED" if deleted else "UPDATED"),
        Column("ALIASES", style=_ALIAS, flexible=True),
        Column("TAGS", flexible=True),
    ]
    rows = [
        [
            model.name,
            "-" if model.latest is None else str(model.latest),
            str(model.version_count),
            words.age(model.deleted_at or model.updated_at, now),
            ", ".join(f"{alias}→{version}" for alias, version in sorted(model.aliases.items())),
            _values_in_line(model.tags),
        ]
        for model in found
    ]
    if deleted:
        columns.insert(1, Column("ID", right=True))
        rows = [[row[0], str(m.id), *row[1:]] for row, m in zip(rows, found, strict=True)]
    return [_without_empty(Table(columns, rows), {"ALIASES", "TAGS"})]


def versions(found: Sequence[ModelVersion], *, of_one_model: bool = False) -> list[Block]:
    """A list of versions, one a line; of one model, metrics have columns of their own."""
    if not found:
        return [Paragraph(Styled("No versions.", "dim"))]
    now = utcnow()
    deleted = any(version.deleted_at for version in found)
    columns = [
        Column("VERSION", right=of_one_model, style=_NAME, flexible=not of_one_model),
        Column("LABEL"),
        Column("STATUS"),
        Column("STAGE"),
        Column("ALIASES", style=_ALIAS, flexible=True),
        Column("SIZE", right=True),
        Column("DELETED" if deleted else "CREATED"),
    ]
    rows: list[list[Cell]] = [
        [
            str(version.version) if of_one_model else version.ref,
            version.label or "",
            Styled(version.status.value, _STATUS[version.status]),
            "" if version.stage == NO_STAGE else version.stage,
            ", ".join(version.aliases),
            words.size(version.size) if version.digest else "-",
            words.age(version.deleted_at or version.created_at, now),
        ]
        for version in found
    ]
    if all(version.status is Status.READY for version in found):
        columns[2] = Column("")  # nothing to tell
        for row in rows:
            row[2] = ""
    _add_metrics(columns, rows, found)
    droppable = {"LABEL", "", "STAGE", "ALIASES"}
    return [_without_empty(Table(columns, rows), droppable)]


def _add_metrics(
    columns: list[Column], rows: list[list[Cell]], found: Sequence[ModelVersion]
) -> None:
    """Give the most common metrics columns of their own, numbers aligned at the point."""
    common = Counter(name for version in found for name in version.metrics)
    shown = [name for name, _ in common.most_common(_METRIC_COLUMNS)]
    for name in shown:
        columns.append(Column(name, right=True, flexible=True))
        texts = words.aligned([version.metrics.get(name) for version in found])
        for row, text in zip(rows, texts, strict=True):
            row.append(text)
    if len(common) > len(shown):
        columns.append(Column("MORE METRICS", flexible=True))
        for row, version in zip(rows, found, strict=True):
            rest = {k: v for k, v in sorted(version.metrics.items()) if k not in shown}
            row.append(_values_in_line(rest))


def model(found: RegisteredModel, newest: Sequence[ModelVersion]) -> list[Block]:
    """One model with its newest versions."""
    now = utcnow()
    blocks: list[Block] = [
        Heading(
            [Styled(found.name, _NAME), Styled(words.count(found.version_count, "version"), "")]
        )
    ]
    if found.description:
        blocks.append(Paragraph(found.description))
    facts: list[tuple[str, Cell]] = [
        ("latest", "none" if found.latest is None else f"{found.name}/{found.latest}"),
        ("slug", found.slug),
        ("created", f"{_when(found.created_at, now)} by {found.created_by}"),
        ("updated", _when(found.updated_at, now)),
        ("history", f"{words.count(found.activity_count, 'entry', 'entries')}, chained"),
    ]
    blocks += [Facts(facts), *_section("Tags", found.tags)]
    if found.aliases:
        pairs = [
            (alias, Styled(f"{found.name}/{number}", _ALIAS))
            for alias, number in sorted(found.aliases.items())
        ]
        blocks += [Heading([Styled("Aliases", _NAME)]), Facts(pairs)]
    if newest:
        blocks += [Heading([Styled("Versions", _NAME)]), *versions(newest, of_one_model=True)]
        if len(newest) < found.version_count:
            more = found.version_count - len(newest)
            blocks.append(Paragraph(Styled(f"… and {more:,} older", "dim")))
    return blocks


def version(found: ModelVersion, files: Sequence[FileEntry]) -> list[Block]:
    """One version: what it is, what it measured, what it is made of."""
    now = utcnow()
    title: list[Cell] = [Styled(found.ref, _NAME)]
    if found.label:
        title.append(found.label)
    title.append(Styled(found.status.value, _STATUS[found.status]))
    if found.stage != NO_STAGE:
        title.append(Styled(found.stage, "magenta"))
    title += [Styled(f"@{alias}", _ALIAS) for alias in found.aliases]
    blocks: list[Block] = [Heading(title)]
    if found.description:
        blocks.append(Paragraph(found.description))
    known: list[tuple[str, Cell]] = [
        ("problem", Styled(found.status_message, "red")),
        ("digest", f"sha256:{found.digest}" if found.digest else "none: it only points elsewhere"),
        ("size", f"{words.size(found.size)} in {words.count(found.file_count, 'file')}"),
        ("framework", found.framework),
        ("source", found.source_uri),
        ("run", found.run_id),
        ("run link", found.run_link),
        ("signature", _signature(found.signature)),
        ("created", f"{_when(found.created_at, now)} by {found.created_by}"),
    ]
    if found.updated_at != found.created_at:
        known.append(("updated", _when(found.updated_at, now)))
    if found.deleted_at is not None:
        known.append(("deleted", Styled(_when(found.deleted_at, now), "red")))
    if not found.digest:
        known = [(name, value) for name, value in known if name != "size"]
    blocks.append(Facts([(n, v) for n, v in known if v and v != Styled("", "red")]))
    if found.metrics:
        names = sorted(found.metrics)
        texts = words.aligned([found.metrics[name] for name in names])
        blocks += [Heading([Styled("Metrics", _NAME)]), Facts(list(zip(names, texts, strict=True)))]
    blocks += [*_section("Params", found.params), *_section("Tags", found.tags)]
    if files:
        rows = [[file.path, words.size(file.size), words.digest(file.digest)] for file in files]
        table = Table(
            [Column("PATH", flexible=True), Column("SIZE", right=True), Column("SHA-256")], rows
        )
        blocks += [Heading([Styled("Files", _NAME)]), table]
    return blocks


def activities(found: Sequence[Activity]) -> list[Block]:
    """A piece of a model's history."""
    now = utcnow()
    columns = [
        Column("#", right=True),
        Column("WHEN"),
        Column("WHO", flexible=True),
        Column("WHAT", style=_NAME),
        Column("VERSION", right=True),
        Column("DETAILS", flexible=True),
    ]
    rows = [
        [
            str(entry.sequence),
            words.age(entry.at, now),
            entry.actor,
            entry.kind,
            "" if entry.version is None else str(entry.version),
            _details(entry),
        ]
        for entry in found
    ]
    return [Table(columns, rows)]


def aliases(found: Sequence[Reference]) -> list[Block]:
    """A model's aliases."""
    if not found:
        return [Paragraph(Styled("No aliases.", "dim"))]
    now = utcnow()
    columns = [
        Column("ALIAS", style=_ALIAS),
        Column("VERSION", right=True),
        Column("PROTECTED"),
        Column("MOVED"),
        Column("BY", flexible=True),
    ]
    rows = [
        [
            alias.name,
            str(alias.version),
            "yes" if alias.protected else "",
            words.age(alias.updated_at, now),
            alias.updated_by,
        ]
        for alias in found
    ]
    return [_without_empty(Table(columns, rows), {"PROTECTED"})]


def values(found: Mapping[str, Value]) -> list[Block]:
    """Tags, one a line."""
    if not found:
        return [Paragraph(Styled("No tags.", "dim"))]
    return [Facts([(key, words.value(found[key])) for key in sorted(found)])]


def diff(found: Diff) -> list[Block]:
    """What two versions differ in, side by side."""
    title = Heading([Styled(found.a.ref, "red"), "→", Styled(found.b.ref, "green")])
    if not found:
        return [title, Paragraph("No difference.")]
    rows: list[list[Cell]] = []
    for group, change in changes(found):
        delta = "" if change.delta is None else f"{change.delta:+.4g}"
        sides = [words.value(change.before), words.value(change.after)]
        rows.append([Styled(group, "dim"), change.name, *sides, delta])
    for file in found.files:
        before, after = (
            "-" if side is None else f"{words.digest(side.digest)} {words.size(side.size)}"
            for side in (file.before, file.after)
        )
        rows.append([Styled("files", "dim"), file.path, before, after, ""])
    columns = [
        Column(""),
        Column("NAME", style=_NAME, flexible=True),
        Column(found.a.ref, flexible=True, style="red"),
        Column(found.b.ref, flexible=True, style="green"),
        Column("CHANGE", right=True),
    ]
    if found.same_content:
        shared = "The files are the same."
    else:
        shared = f"{found.share:.0%} of the bytes of {found.b.ref} are in {found.a.ref}, too."
    table = _without_empty(Table(columns, rows), {"CHANGE"})
    return [title, table, Paragraph(Styled(shared, "dim"))]


def changes(found: Diff) -> Iterator[tuple[str, Change]]:
    """Yield every change but those of files, with the group that it belongs to."""
    groups = {
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
    ]
    rows: list[list[Cell]] = [
        [
            Styled("sound", "green") if report.ok else Styled("NOT SOUND", "bold red"),
            report.ref,
            f"{report.files:,}",
            words.size(report.bytes),
            words.count(report.activities, "entry", "entries"),
        ]
        for report in found
    ]
    blocks: list[Block] = [Table(columns, rows)]
    for report in found:
        blocks += [
            Paragraph(Styled(f"{report.ref}: {problem}", "red")) for problem in report.problems
        ]
    return blocks


def garbage(report: GarbageReport) -> list[Block]:
    """What a garbage collection did, or would do."""
    title = "What would be removed (nothing was):" if report.dry_run else "Removed:"
    columns = [Column("", style=_NAME), Column("COUNT", right=True), Column("BYTES", right=True)]
    rows = [
        ["versions deleted long ago", f"{report.purged_versions:,}", ""],
        ["manifests", f"{report.manifests:,}", ""],
        ["uploads never finished", f"{report.uploads:,}", ""],
        ["blobs nobody needs", f"{report.blobs:,}", words.size(report.bytes)],
        ["blobs kept", f"{report.kept_blobs:,}", words.size(report.kept_bytes)],
    ]
    return [Heading([title]), Table(columns, rows)]


def settings(found: Sequence[Setting]) -> list[Block]:
    """Settings in force, and where they come from."""
    columns = [
        Column("SETTING", style=_NAME),
        Column("VALUE", flexible=True),
        Column("FROM", flexible=True, style="dim"),
    ]
    return [Table(columns, [[one.variable, one.value, one.source] for one in found])]


def pushed(version: ModelVersion, seconds: float) -> list[Block]:
    """A new version, and how long that took."""
    if not version.digest:
        return [Paragraph(f"Registered {version.ref}, which points at {version.source_uri}.")]
    content = f"{words.count(version.file_count, 'file')}, {words.size(version.size)}"
    done = f"Pushed {version.ref}: {content} in {words.seconds(seconds)}."
    return [Paragraph(done), Paragraph(Styled(f"sha256:{version.digest}", "dim"))]


def pulled(version: ModelVersion, folder: Path, files: Sequence[FileEntry]) -> list[Block]:
    """The files of a version that are in `folder` now."""
    total = words.size(sum(file.size for file in files))
    done = f"Pulled {version.ref}: {words.count(len(files), 'file')}, {total}, verified."
    return [Paragraph(done), Paragraph(Styled(str(folder), _NAME))]


def sentence(text: str) -> list[Block]:
    """One sentence."""
    return [Paragraph(text)]


def _section(title: str, found: Mapping[str, Value]) -> list[Block]:
    return [Heading([Styled(title, _NAME)]), *values(found)] if found else []


def _values_in_line(found: Mapping[str, Value]) -> str:
    return " ".join(f"{key}={words.value(found[key])}" for key in sorted(found))


def _when(at: datetime, now: datetime) -> str:
    return f"{words.age(at, now)} ({words.moment(at)})"


def _signature(signature: Signature | None) -> str:
    if signature is None:
        return ""
    inputs, outputs = len(signature.inputs), len(signature.outputs)
    return f"{words.count(inputs, 'input')}, {words.count(outputs, 'output')}"


def _details(entry: Activity) -> str:
    parts = [entry.comment] if entry.comment else []
    parts += [
        f"{key}={detail}" for key, detail in entry.details.items() if detail not in (None, "")
    ]
    return " ".join(parts)


def _without_empty(table: Table, droppable: set[str]) -> Table:
    """Leave out those of the columns that say nothing in any row."""
    kept = [
        n
        for n, column in enumerate(table.columns)
        if column.header not in droppable or any(row[n] for row in table.rows)
    ]
    return Table([table.columns[n] for n in kept], [[row[n] for n in kept] for row in table.rows])
