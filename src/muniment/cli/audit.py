"""The audit log: audit ls, export, verify, prune."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from muniment.cli import words
from muniment.cli.app import AUDIT
from muniment.cli.keep_house import DryRun, Yes
from muniment.cli.look import Limit
from muniment.cli.session import Session, ask
from muniment.domain.activities import Activity
from muniment.domain.values import time_to_json, utcnow

_COLUMNS: Final = ("sequence", "at", "kind", "actor", "comment", "details", "previous", "hash")
# With these a cell begins that a spreadsheet takes for a formula; tab and return are skipped by it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class ExportForm(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"


@AUDIT.command("muniment audit ls", "muniment audit ls --limit 20 --oldest")
def ls(
    session: Session,
    limit: Limit = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="Begin with the oldest.")] = False,
) -> None:
    """List what the audit log holds, newest first."""
    administration = session.administration
    found = session.listed(
        lambda token=None, *, size: administration.audit(
            page_size=size, page_token=token, newest_first=not oldest
        ),
        limit,
    )
    session.out.activities(found.items)
    session.tell_of_more(found)


@AUDIT.command(
    "muniment audit export --to audit.jsonl",
    "muniment audit export --format csv --to audit.csv",
    "muniment audit export | jq 'select(.kind == \"refused\")'",
)
def export(
    session: Session,
    form: Annotated[
        ExportForm, typer.Option("--format", help="JSON lines hold all; CSV is for spreadsheets.")
    ] = ExportForm.JSONL,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it here; else standard output.")
    ] = None,
) -> None:
    """Write the whole audit log, oldest first.

    JSON lines keep every entry as it was hashed. In CSV a cell that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    entries = session.administration.export_audit()
    with _opened(to) as stream:
        count = (_write_csv if form is ExportForm.CSV else _write_jsonl)(entries, stream)
    if to is not None:
        done = words.count(count, "entry", "entries")
        session.out.said({"entries": count, "file": str(to)}, str(to), f"Wrote {done} to {to}.")


@AUDIT.command("muniment audit verify")
def verify(session: Session) -> None:
    """Check the whole chain of the audit log; the exit code is 7 if it was tampered with."""
    count = session.administration.verify_audit()
    chained = words.count(count, "entry", "entries")
    session.out.said({"entries": count, "ok": True}, "", f"Sound: {chained}, none changed.")


@AUDIT.command(
    "muniment audit prune --older-than 365d --dry-run", "muniment audit prune --older-than 365d"
)
def prune(
    session: Session,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="Forget what is older, e.g. 365d; at least 1d.")
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Forget old entries of the audit log, for ever; what is left still verifies.

    That it was done stands in the log. Export it first, if you may need it.
    """
    age = timedelta(seconds=words.duration(older_than))
    if dry_run:
        count = _older(session.administration.export_audit(), age)
        done = f"Would forget {words.count(count, 'entry', 'entries')}. Nothing was changed."
    else:
        if not yes:
            ask(f"Forget what is older than {older_than}, for ever?")
        count = session.administration.prune_audit(age)
        done = f"Forgot {words.count(count, 'entry', 'entries')}."
    session.out.said({"pruned": count, "dry_run": dry_run}, str(count), done)


def _older(entries: Iterable[Activity], age: timedelta) -> int:
    """Count what a pruning would cut off: the old ones at the beginning, never the last one."""
    before, count = utcnow() - age, 0
    for entry in entries:
        if entry.at >= before:
            return count
        count += 1
    return max(count - 1, 0)


@contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    with file.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def _write_jsonl(entries: Iterable[Activity], stream: TextIO) -> int:
    count = 0
    for entry in entries:
        stream.write(json.dumps(entry.to_json()) + "\n")
        count += 1
    return count


def _write_csv(entries: Iterable[Activity], stream: TextIO) -> int:
    # All in quotes: the writer does not see that a bare return would end a row for its readers.
    sheet, count = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n"), 0
    sheet.writerow(_COLUMNS)
    for entry in entries:
        sheet.writerow(map(_cell, _texts(entry)))
        count += 1
    return count


def _texts(entry: Activity) -> tuple[str, ...]:
    details = json.dumps(entry.details, ensure_ascii=False)
    return (
        *(str(entry.sequence), time_to_json(entry.at), entry.kind, entry.actor, entry.comment),
        *(details, entry.previous, entry.hash),
    )


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
