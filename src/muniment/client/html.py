"""What notebooks show. Every value from the registry is escaped; nothing is loaded or run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

from muniment.domain.activities import Activity, Happened
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, Drift
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.requests import TransitionRequest
from muniment.domain.values import Value

if TYPE_CHECKING:
    from muniment.client.difference import Change, Diff, FileChange
    from muniment.client.verification import VerifyReport

_TABLE: Final = "border-collapse:collapse;margin:.3em 0"
_CELL: Final = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0"
_QUIET: Final = "opacity:.65"
_LONGEST: Final = 300
_MOST: Final = 50
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """Return a number of bytes for people: `3.4 MiB`."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def registry(address: str, models: Sequence[RegisteredModel], more: bool) -> str:
    """Show a registry: where it is, and its first models."""
    return _heading("Registry", address) + model_list(models, more)


def model(found: RegisteredModel) -> str:
    """Show a registered model."""
    aliases = (f"@{alias} → {number}" for alias, number in sorted(found.aliases.items()))
    return _heading("Model", found.name, found.description) + _facts(
        {
            "versions": str(found.version_count),
            "latest": "–" if found.latest is None else str(found.latest),
            "aliases": ", ".join(aliases),
            "tags": _pairs(found.tags),
            "created": f"{_minute(found.created_at)} by {found.created_by}",
        }
    )


def version(found: ModelVersion) -> str:
    """Show a model version."""
    label = f" ({found.label})" if found.label else ""
    return _heading("Version", found.ref + label, found.description) + _facts(
        {
            "status": " ".join(filter(None, (found.status.value, found.status_message))),
            "stage": found.stage,
            "checks": found.checks.value,
            "aliases": ", ".join(f"@{alias}" for alias in found.aliases),
            "metrics": _pairs(found.metrics),
            "params": _pairs(found.params),
            "tags": _pairs(found.tags),
            "framework": found.framework,
            "files": f"{found.file_count} ({size(found.size)})" if found.digest else "",
            "digest": f"sha256:{found.digest}" if found.digest else "",
            "source": found.source_uri,
            "location": found.location,
            "run": found.run_id,
            "created": f"{_minute(found.created_at)} by {found.created_by}",
        }
    )


def model_list(items: Sequence[RegisteredModel], more: bool) -> str:
    """Show models as a table."""
    rows = (
        (
            found.name,
            str(found.version_count),
            ", ".join(f"@{alias} → {n}" for alias, n in sorted(found.aliases.items())),
            found.description,
            _minute(found.updated_at),
        )
        for found in items
    )
    return _table(("model", "versions", "aliases", "description", "changed"), rows, more)


def version_list(items: Sequence[ModelVersion], more: bool) -> str:
    """Show versions as a table with their metrics as columns."""
    metrics = sorted({key for found in items for key in found.metrics})[:8]
    head = ("version", "label", "stage", "aliases", "status", *metrics, "size", "created", "by")
    rows = (
        (
            found.ref,
            found.label or "",
            found.stage,
            ", ".join(f"@{alias}" for alias in found.aliases),
            found.status.value,
            *(_value(found.metrics.get(key, "")) for key in metrics),
            size(found.size),
            _minute(found.created_at),
            found.created_by,
        )
        for found in items
    )
    return _table(head, rows, more)


def activity_list(items: Sequence[Activity], more: bool) -> str:
    """Show a piece of history as a table."""
    rows = (
        (
            str(entry.sequence),
            _minute(entry.at),
            entry.actor,
            entry.kind,
            "" if entry.version is None else str(entry.version),
            entry.comment,
        )
        for entry in items
    )
    return _table(("#", "when", "who", "what", "version", "comment"), rows, more)


def request_list(items: Sequence[TransitionRequest], more: bool) -> str:
    """Show transition requests as a table."""
    rows = (
        (
            str(asked.id),
            f"{asked.model}/{asked.version}",
            f"{asked.from_stage} → {asked.to_stage}",
            asked.state.value,
            asked.requested_by,
            _minute(asked.created_at),
            asked.comment,
        )
        for asked in items
    )
    return _table(("id", "version", "stage", "state", "by", "when", "comment"), rows, more)


def comment_list(items: Sequence[Comment], more: bool) -> str:
    """Show comments as a table."""
    rows = ((said.author, _minute(said.created_at), said.text) for said in items)
    return _table(("who", "when", "comment"), rows, more)


def deployment_list(items: Sequence[Deployment], more: bool) -> str:
    """Show deployments as a table."""
    rows = (
        (found.place, found.target, found.status.value, found.url, _minute(found.updated_at))
        for found in items
    )
    return _table(("deployment", "runs", "status", "url", "changed"), rows, more)


def drift_list(items: Sequence[Drift], more: bool) -> str:
    """Show what deployments run, and should run, as a table."""
    rows = (
        (
            found.deployment.place,
            found.deployment.target,
            "–" if found.runs is None else str(found.runs),
            "–" if found.expected is None else str(found.expected),
            found.reason,
        )
        for found in items
    )
    return _table(("deployment", "follows", "runs", "should run", "drift"), rows, more)


def happened_list(items: Sequence[Happened], more: bool) -> str:
    """Show what happened to models as a table."""
    rows = (
        (
            _minute(found.activity.at),
            found.activity.actor,
            found.activity.kind,
            found.model,
            "" if found.activity.version is None else str(found.activity.version),
            found.activity.comment,
        )
        for found in items
    )
    return _table(("when", "who", "what", "model", "version", "comment"), rows, more)


def diff(found: Diff) -> str:
    """Show what two versions differ in."""
    parts = [_heading("Diff", f"{found.a.ref} → {found.b.ref}")]
    parts += (
        _changes(name, changes)
        for name, changes in (
            ("facts", found.facts),
            ("metrics", found.metrics),
            ("params", found.params),
            ("tags", found.tags),
            ("signature", found.signature),
        )
        if changes
    )
    if found.files:
        parts.append(_rows(("files", found.a.ref, found.b.ref), map(_file_change, found.files)))
    if found.has_files:
        common = f"{found.share:.0%} of bytes in common ({size(found.bytes_in_common)})"
        parts.append(f'<div style="{_QUIET}">{escape(common)}</div>')
    return "".join(parts)


def verify_report(found: VerifyReport) -> str:
    """Show the verdict of a verification."""
    facts = {
        "verdict": "sound" if found.ok else "NOT SOUND",
        "problems": "; ".join(found.problems),
        "files": f"{found.files} ({size(found.bytes)})",
        "activities": str(found.activities),
        "digest": f"sha256:{found.digest}" if found.digest else "",
    }
    return _heading("Verification", found.ref) + _facts(facts)


def _changes(name: str, changes: Iterable[Change]) -> str:
    rows = (
        (
            change.name,
            _value("–" if change.before is None else change.before),
            _value("–" if change.after is None else change.after),
            "" if change.delta is None else f"{change.delta:+.6g}",
        )
        for change in changes
    )
    return _rows((name, "before", "after", ""), rows)


def _file_change(change: FileChange) -> tuple[str, str, str]:
    before, after = (
        "–" if file is None else f"{file.digest[:12]}… ({size(file.size)})"
        for file in (change.before, change.after)
    )
    return change.path, before, after


def _heading(kind: str, name: str, description: str = "") -> str:
    text = f'<div><span style="{_QUIET}">{kind}</span> <b>{_text(name)}</b></div>'
    return text + (f"<div>{_text(description)}</div>" if description else "")


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th style="{_CELL};{_QUIET};font-weight:normal">{escape(key)}</th>'
        f'<td style="{_CELL}">{_text(value)}</td></tr>'
        for key, value in facts.items()
        if value
    )
    return f'<table style="{_TABLE}">{rows}</table>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], more: bool) -> str:
    table = _rows(head, rows)
    return table + (f'<div style="{_QUIET}">… and more</div>' if more else "")


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = "".join(f'<th style="{_CELL}">{_text(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f'<table style="{_TABLE}"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'


def _pairs(values: Mapping[str, Value]) -> str:
    shown = [f"{key} = {_value(value)}" for key, value in sorted(values.items())[:_MOST]]
    if len(values) > _MOST:
        shown.append(f"… {len(values) - _MOST} more")
    return ", ".join(shown)


def _value(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
