"""What versions differ in, row by row; the first of them is what the others are measured by.

Rows that differ come first, and of each kind at most `MOST` are made: a page is no dump.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from muniment.domain.entities import ModelVersion, Variable
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import Value
from muniment.server.web.headline import higher_is_better

T = TypeVar("T")
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Cell(Generic[T]):
    """One version's value (None: it has none), and what it is against the first version's.

    `verdict` is `better`, `worse`, `changed`, `same` or nothing.
    """

    value: T | None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """One metric, param, variable or file; `note` says more of it."""

    name: str
    cells: tuple[Cell[T], ...]
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether not all versions have the same."""
        return any(cell.verdict != "same" for cell in self.cells[1:])


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """Rows that differ, rows that don't, and how many there would be of each."""

    changed: tuple[Row[T], ...]
    same: tuple[Row[T], ...]
    changed_count: int
    same_count: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.changed_count or self.same_count)


@dataclass(frozen=True, slots=True)
class Files:
    """Files by path; `shared` is, for each version, which part of its bytes the first one has."""

    table: Table[FileEntry]
    shared: tuple[float | None, ...]


def compared_metrics(tags: Mapping[str, Value], versions: Sequence[ModelVersion]) -> Table[float]:
    """Return the metrics of versions; `tags` are the model's, and say which way is better."""
    rows = []
    for metric in sorted({metric for version in versions for metric in version.metrics}):
        higher = higher_is_better(tags, metric)
        values = [version.metrics.get(metric) for version in versions]
        first = values[0]
        cells = [Cell(first), *(Cell(v, _better(v, first, higher)) for v in values[1:])]
        rows.append(Row(metric, tuple(cells), f"{'higher' if higher else 'lower'} is better"))
    return _table(rows)


def compared_params(versions: Sequence[ModelVersion]) -> Table[Value]:
    """Return the params of versions."""
    return _plain([version.params for version in versions])


def compared_variables(versions: Sequence[ModelVersion]) -> Table[str]:
    """Return the inputs and outputs of versions, as text."""
    sides = []
    for version in versions:
        signature = version.signature
        inputs = () if signature is None else signature.inputs
        outputs = () if signature is None else signature.outputs
        sides.append(
            {f"in: {v.name}": _shown(v) for v in inputs}
            | {f"out: {v.name}": _shown(v) for v in outputs}
        )
    return _plain(sides)


def compared_files(manifests: Sequence[Manifest | None]) -> Files:
    """Return the files of versions; None for one whose files are not here."""
    by_path = [{file.path: file for file in m.files} if m else {} for m in manifests]
    rows = []
    for path in sorted({path for files in by_path for path in files}):
        entries = [files.get(path) for files in by_path]
        first = entries[0]
        cells = [Cell(first), *(Cell(entry, _content(entry, first)) for entry in entries[1:])]
        rows.append(Row(path, tuple(cells)))
    base = manifests[0]
    known = base.digests if base else frozenset()
    shared = (None, *(_share(m, known) if m and base else None for m in manifests[1:]))
    return Files(_table(rows), shared)


def _plain(values: Sequence[Mapping[str, T]]) -> Table[T]:
    rows = []
    for key in sorted({key for one in values for key in one}):
        found = [one.get(key) for one in values]
        cells = [Cell(found[0]), *(Cell(v, _changed(v, found[0])) for v in found[1:])]
        rows.append(Row(key, tuple(cells)))
    return _table(rows)


def _table(rows: Iterable[Row[T]]) -> Table[T]:
    changed: list[Row[T]] = []
    same: list[Row[T]] = []
    for row in rows:
        (changed if row.differs else same).append(row)
    return Table(tuple(changed[:MOST]), tuple(same[:MOST]), len(changed), len(same))


def _better(value: float | None, first: float | None, higher: bool) -> str:
    if value == first:
        return "same"
    if value is None or first is None:
        return ""
    return "better" if (value > first) is higher else "worse"


def _changed(value: T | None, first: T | None) -> str:
    return "same" if (type(value), value) == (type(first), first) else "changed"


def _content(entry: FileEntry | None, first: FileEntry | None) -> str:
    digests = [file.digest if file else None for file in (entry, first)]
    return "same" if digests[0] == digests[1] else "changed"


def _share(manifest: Manifest, known: frozenset[str]) -> float:
    """Return which part of a version's bytes lies in files that are known, under whatever path."""
    common = sum(file.size for file in manifest.files if file.digest in known)
    return common / manifest.size if manifest.size else 1.0


def _shown(variable: Variable) -> str:
    parts = [variable.type.value, variable.dtype or ""]
    if variable.shape is not None:
        sizes = ", ".join("any" if size == -1 else str(size) for size in variable.shape)
        parts.append(f"({sizes})")
    if variable.optional:
        parts.append("optional")
    return " ".join(part for part in parts if part)
