"""From a file to a report: recognise the format by content, and look at it as that format.

    head of the file ──> format (formats.py) ──> its own scan ──┐
            └──> would pickle take it for a pickle, too? ───────┴──> findings ──> report

A part of an archive comes back here as a file of its own.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from muniment.scanning.formats import ARCHIVES, HEAD, PROGRAMS, has_zip_appended, recognise
from muniment.scanning.looking import Budget, GaveUp, Limits, Scan, size_of
from muniment.scanning.pickles.streams import looks_like_pickle, scan_pickle
from muniment.scanning.report import FileReport
from muniment.scanning.zips import scan_zip

_BROKEN: Final = (
    ArithmeticError, EOFError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError,
    ValueError, AttributeError, struct.error,
)  # fmt: skip
"""What parsers raise at data that is not as it should be."""
_TEXTS: Final = frozenset({"text", "json", "python", "script", "notebook", "mlmodel"})


def scan_file(
    source: str | os.PathLike[str] | BinaryIO, name: str = "", *, limits: Limits | None = None
) -> FileReport:
    """Scan one file and return what it is and what was found.

    Args:
        source: a path, or a seekable binary file.
        name: what the report calls it; the path's own name by default. It never makes a verdict
            better.
        limits: how much to look at before giving up.

    Raises:
        OSError: the file can't be read.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb") as file:
            return scan_file(file, name or path.name, limits=limits)
    scan = Scan(name, Budget(limits or Limits()), look)
    found = look(source, scan)
    return FileReport(name, found, tuple(scan.findings))


def format_of(source: BinaryIO, name: str) -> FileReport:
    """Return the format of a file by its content; a finding if it is not known, or is a program."""
    scan = Scan(name, Budget(Limits()), _recognise_only)
    return FileReport(name, _recognise_only(source, scan), tuple(scan.findings))


def scan_archive(source: BinaryIO, name: str) -> FileReport:
    """Look at a file as an archive only: at its layout and sums, and at archives within it."""
    scan = Scan(name, Budget(Limits()), _look_at_archive)
    return FileReport(name, _look_at_archive(source, scan), tuple(scan.findings))


def _recognise_only(file: BinaryIO, scan: Scan) -> str:
    size = size_of(file)
    kind = recognise(file.read(HEAD), size, file, scan.name)
    if kind.name == "unknown":
        scan.unknown("is not a format that is known", "what reads it can't be told")
    elif kind.name in PROGRAMS and kind.scan is not None:
        kind.scan(file, scan)
    return kind.name


def _look_at_archive(file: BinaryIO, scan: Scan) -> str:
    size = size_of(file)
    kind = recognise(file.read(HEAD), size, file, scan.name)
    file.seek(0)
    if kind.name not in ARCHIVES or kind.scan is None:
        return kind.name
    try:
        return kind.scan(file, scan)
    except GaveUp as e:
        scan.unknown("gave up on it", str(e))
    except _BROKEN as e:
        scan.unknown(f"is a broken {kind.name} file", f"{type(e).__name__}: {e!s:.200}")
    return kind.name


def look(file: BinaryIO, scan: Scan) -> str:
    """Scan a file, or a part of one, by its content; return its format."""
    size = size_of(file)
    head = file.read(HEAD)
    file.seek(0)
    kind = recognise(head, size, file, scan.name)
    found = kind.name
    try:
        if kind.scan is not None:
            file.seek(0)
            found = kind.scan(file, scan)
        if kind.name != "zip" and has_zip_appended(file, size):
            scan.fail("a zip archive is appended", "readers disagree on what it is")
            scan_zip(file, scan)
        if kind.name != "pickle":
            found = _as_pickle(file, scan, found)
    except GaveUp as e:
        scan.unknown("gave up on it", str(e))
    except _BROKEN as e:
        scan.unknown(f"is a broken {kind.name} file", f"{type(e).__name__}: {e!s:.200}")
    return found


def _as_pickle(file: BinaryIO, scan: Scan, format: str) -> str:
    """Scan what is something else, but would run as a pickle."""
    file.seek(0)
    if not looks_like_pickle(file, scan, text=format in _TEXTS):
        if format == "unknown":
            scan.unknown("is not a format that is known", "what reads it can't be told")
        return format
    file.seek(0)
    with suppress(GaveUp):
        scan_pickle(file, scan)
    if format not in ("unknown", "text"):
        scan.unknown(f"is a pickle and {format} at once", "readers disagree on what it is")
    return "pickle"
