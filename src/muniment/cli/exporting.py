"""Writing many entries to a file or to standard output: JSON lines, or CSV for spreadsheets."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO, TypeAlias

import typer

from muniment.cli import words
from muniment.cli.session import Session
from muniment.domain.sheets import cell
from muniment.domain.values import JsonObject


class ExportForm(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"


To: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write it here; else standard output.")
]


def export(
    session: Session,
    entries: Iterable[JsonObject],
    form: ExportForm,
    columns: Sequence[str],
    to: Path | None,
) -> None:
    """Write entries; if to a file, say so.

    JSON lines keep every entry as it is. In CSV, of those columns, a cell that a spreadsheet would
    take for a formula begins with an apostrophe.
    """
    with _opened(to) as stream:
        if form is ExportForm.CSV:
            count = _write_csv(entries, columns, stream)
        else:
            count = _write_jsonl(entries, stream)
    if to is not None:
        done = words.count(count, "entry", "entries")
        session.out.said({"entries": count, "file": str(to)}, str(to), f"Wrote {done} to {to}.")


@contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    with file.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def _write_jsonl(entries: Iterable[JsonObject], stream: TextIO) -> int:
    count = 0
    for entry in entries:
        stream.write(json.dumps(entry) + "\n")
        count += 1
    return count


def _write_csv(entries: Iterable[JsonObject], columns: Sequence[str], stream: TextIO) -> int:
    # All in quotes: the writer does not see that a bare return would end a row for its readers.
    sheet, count = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n"), 0
    sheet.writerow(columns)
    for entry in entries:
        sheet.writerow(cell(entry.get(column)) for column in columns)
        count += 1
    return count
