"""What people see: each result of the registry as blocks to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from muniment.cli import provenance_pages, words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Paragraph, Styled, Table
from muniment.domain.activities import Activity
from muniment.domain.checks import CheckState
from muniment.domain.entities import (
    NO_STAGE,
    ModelVersion,
    Reference,
    RegisteredModel,
    Signature,
    Status,
)
from muniment.domain.manifest import FileEntry
from muniment.domain.names import DIGEST
from muniment.domain.signatures import Signatures
from muniment.domain.values import Json, Value, utcnow

_STATUS = {Status.READY: "green", Status.PENDING: "yellow", Status.FAILED: "red"}
_CHECKS = {CheckState.PASSED: "green", CheckState.WAITING: "yellow", CheckState.FAILED: "red"}
_METRIC_COLUMNS = 4
_FILES = 50
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
    return [Table(columns, rows).without_empty("ALIASES", "TAGS")]


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
    return [Table(columns, rows).without_empty("LABEL", "", "STAGE", "ALIASES")]


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
    ]
    blocks += [Facts(facts), *_section("Tags", found.tags)]
    if found.aliases:
        pairs = [
            (alias, Styled(f"{found.name}/{number}", _ALIAS))
            for alias, number in sorted(found.aliases.items())
        ]
        blocks += [_titled("Aliases"), Facts(pairs)]
    if newest:
        blocks += [
            _titled("Versions"),
            *versions(newest, of_one_model=True),
        ]
        if len(newest) < found.version_count:
            more = found.version_count - len(newest)
            blocks.append(Paragraph(Styled(f"… and {more:,} older", "dim")))
    return blocks


def version(found: ModelVersion, files: Sequence[FileEntry], signatures: Signatures) -> list[Block]:
    """One version: what it is, what it measured, what it is made of."""
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
    blocks.append(Facts([*_facts(found), ("signed", provenance_pages.signed(signatures))]))
    if found.metrics:
        names = sorted(found.metrics)
        texts = words.aligned([found.metrics[name] for name in names])
        blocks += [_titled("Metrics"), Facts(list(zip(names, texts, strict=True)))]
    blocks += [*_section("Params", found.params), *_section("Tags", found.tags)]
    if files:
        columns = [Column("PATH", flexible=True), Column("SIZE", right=True), Column("SHA-256")]
        rows = [[file.path, words.size(file.size), words.digest(file.digest)] for file in files]
        blocks += [_titled("Files"), Table(columns, rows[:_FILES])]
        if len(rows) > _FILES:
            more = f"… and {len(rows) - _FILES:,} more; -o json lists all"
            blocks.append(Paragraph(Styled(more, "dim")))
    return blocks


def _facts(found: ModelVersion) -> list[tuple[str, Cell]]:
    """What is known of a version, in the order in which people ask for it."""
    now = utcnow()
    facts: list[tuple[str, Cell]] = []
    if found.status_message:
        facts.append(("problem", Styled(found.status_message, "red")))
    if found.digest:
        files = words.count(found.file_count, "file")
        facts.append(("digest", f"sha256:{found.digest}"))
        facts.append(("size", f"{words.size(found.size)} in {files}"))
    elif found.status is Status.READY:
        facts.append(("content", "not here: it points elsewhere"))
    if found.checks:
        facts.append(("checks", Styled(found.checks.value, _CHECKS[found.checks])))
    told = {
        "framework": found.framework,
        "source": found.source_uri,
        "location": found.location,
        "run": found.run_id,
        "run link": found.run_link,
        "signature": _signature(found.signature),
    }
    facts += [(name, text) for name, text in told.items() if text]
    facts.append(("created", f"{_when(found.created_at, now)} by {found.created_by}"))
    if found.updated_at != found.created_at:
        facts.append(("updated", _when(found.updated_at, now)))
    if found.deleted_at is not None:
        facts.append(("deleted", Styled(_when(found.deleted_at, now), "red")))
    return facts


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
    return [Table(columns, rows).without_empty("PROTECTED")]


def values(found: Mapping[str, Value]) -> list[Block]:
    """Tags, one a line."""
    if not found:
        return [Paragraph(Styled("No tags.", "dim"))]
    return [Facts([(key, words.value(found[key])) for key in sorted(found)])]


def _section(title: str, found: Mapping[str, Value]) -> list[Block]:
    return [_titled(title), *values(found)] if found else []


def _titled(title: str) -> Heading:
    return Heading([Styled(title, _NAME)], section=True)


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
    parts += [f"{key}={_told(item)}" for key, item in entry.details.items() if item]
    return " ".join(parts)


def _told(item: Json) -> str:
    """Return a detail of an activity in few words."""
    if isinstance(item, dict):
        told = (f"{key}={_told(inner)}" for key, inner in item.items() if inner not in ("", {}))
        return "{" + ", ".join(told) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_told, item)) + "]"
    if isinstance(item, str) and DIGEST.fullmatch(item):
        return words.digest(item)
    return words.value(item)
