"""Blocks, and how they become lines in a terminal or a log.

A page for people is a list of blocks: a `Heading`, a `Paragraph`, `Lines`, `Facts` (name and value)
or a `Table`. On a terminal, and wherever COLUMNS is set, lines fit the width: the flexible columns
of a table are cut with `…`. Into a pipe or a file nothing is cut, and nothing is coloured.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias

from muniment.cli.words import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_UNLIMITED = 100_000
_NARROWEST = 8
_GAP = 2


@dataclass(frozen=True, slots=True)
class Styled:
    """Text in a style of rich, such as `bold` or `red`."""

    text: str
    style: str


Cell: TypeAlias = str | Styled


@dataclass(frozen=True, slots=True)
class Heading:
    """Words on one line, never wrapped; what follows a `section`'s heading is indented."""

    words: Sequence[Cell]
    gap: str = "  "
    section: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of words, never wrapped: a list, or a drawing."""

    lines: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is wrapped; its own line breaks stay."""

    text: Cell


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, in two columns."""

    pairs: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: numbers stand `right`; a `flexible` one is cut if room is short."""

    header: str
    right: bool = False
    flexible: bool = False
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def without_empty(self, *headers: str) -> Table:
        """Return the table without those of the columns that say nothing in any row."""
        kept = [
            n
            for n, column in enumerate(self.columns)
            if column.header not in headers or any(row[n] for row in self.rows)
        ]
        columns = [self.columns[n] for n in kept]
        return Table(columns, [[row[n] for n in kept] for row in self.rows])


@dataclass(frozen=True, slots=True)
class Scene:
    """A piece of a story: a title and lines, indented below it, an empty line behind."""

    title: str
    lines: Sequence[str]


Block: TypeAlias = Heading | Lines | Paragraph | Facts | Table | Scene


def draw(blocks: Sequence[Block], stream: TextIO) -> None:
    """Write blocks, an empty line between two, but none below a heading."""
    console = console_for(stream)
    above: Block | None = None
    for block in blocks:
        if above is not None and not isinstance(above, Heading):
            console.print()
        indent = "  " if isinstance(above, Heading) and above.section else ""
        for line in _lines(block, console.width - len(indent)):
            line.rstrip()
            console.print(indent, line, sep="", soft_wrap=True)
        above = block


def console_for(stream: TextIO) -> Console:
    """Return a console that colours only on a terminal, and knows the width to fit into."""
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNLIMITED
    return console


def _lines(block: Block, width: int) -> Iterator[Text]:
    from rich.text import Text

    match block:
        case Heading(words, gap, _):
            yield Text(gap).join(_text(word) for word in words)
        case Lines(lines):
            for line in lines:
                yield Text(" ").join(_text(word) for word in line)
        case Paragraph(text):
            cell = _text(text, lines=True)
            for piece in cell.plain.split("\n"):
                for part in textwrap.wrap(piece, min(width, _UNLIMITED)) or [""]:
                    yield Text(part, style=cell.style)
        case Facts(pairs):
            left = max((len(name) for name, _ in pairs), default=0) + _GAP
            for name, value in pairs:
                yield Text.assemble((name.ljust(left), "dim"), _text(value, lines=True))
        case Scene(title, lines):
            yield Text(title, style="bold")
            yield from (Text("   ") + _text(line, lines=True) for line in lines)
            yield Text()
        case Table():
            yield from _table(block, width)


def _table(table: Table, width: int) -> Iterator[Text]:
    from rich.text import Text

    cells = [
        [_text(cell, c.style) for cell, c in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    header = [Text(column.header, style="dim") for column in table.columns]
    widths = [max(cell.cell_len for cell in column) for column in zip(header, *cells, strict=True)]
    over = sum(widths) + _GAP * (len(widths) - 1) - width
    for n in reversed(range(len(widths))):
        if over > 0 and table.columns[n].flexible:
            cut = min(over, max(0, widths[n] - max(_NARROWEST, header[n].cell_len)))
            widths[n], over = widths[n] - cut, over - cut
    for row in (header, *cells):
        line = Text()
        for n, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            cell.truncate(widths[n], overflow="ellipsis")
            blank = " " * (widths[n] - cell.cell_len)
            line.append(" " * _GAP if n else "")
            line.append_text(Text(blank) + cell if column.right else cell + Text(blank))
        yield line


def _text(cell: Cell, style: str = "", *, lines: bool = False) -> Text:
    from rich.text import Text

    if isinstance(cell, Styled):
        return Text(printable(cell.text, lines=lines), style=cell.style)
    return Text(printable(cell, lines=lines), style=style)
