"""Tables: the first rows of CSV and TSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import ClassVar, Final

from muniment.server.web.previews.source import Source
from muniment.server.web.previews.texts import decoded, visible

ROWS: Final = 100
COLUMNS: Final = 40
_BYTES: Final = 256 * 1024
_CELL: Final = 200
_SUFFIXES: Final = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows, each as long as `names`; `more_*` say whether something was left off."""

    kind: ClassVar[str] = "table"
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more_rows: bool
    more_columns: int


def table_of(path: str, source: Source) -> Table | None:
    """Return a table that reads as one; None for other files."""
    if not path.lower().endswith(_SUFFIXES):
        return None
    text = decoded(source.head(_BYTES))
    if text is None:
        return None
    whole = source.size <= _BYTES
    lines = text.splitlines(keepends=True)[: None if whole else -1]
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=_delimiter(path, text), strict=True):
            if row:
                rows.append(row)
            if len(rows) > ROWS + 1:
                break
    except csv.Error:
        return None
    if not rows:
        return None
    width = len(rows[0])
    cut = [_fitted(row, min(width, COLUMNS)) for row in rows[: ROWS + 1]]
    more = len(rows) > ROWS + 1 or not whole
    return Table(cut[0], tuple(cut[1:]), more, max(0, width - COLUMNS))


def _delimiter(path: str, text: str) -> str:
    if path.lower().endswith(".tsv"):
        return "\t"
    first = text.partition("\n")[0]
    return max(",;\t|", key=first.count)


def _fitted(row: list[str], width: int) -> tuple[str, ...]:
    cells = [visible(cell if len(cell) <= _CELL else f"{cell[:_CELL]}…") for cell in row[:width]]
    return (*cells, *[""] * (width - len(cells)))
