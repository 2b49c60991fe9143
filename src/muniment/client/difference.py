"""What two versions differ in: facts, metrics, params, tags, signature, and files by digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from muniment.client import html
from muniment.domain.entities import ModelVersion, Signature, Variable
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import JsonObject, Value

Pair: TypeAlias = tuple[Value | None, Value | None]
FACTS: Final = ("label", "stage", "framework", "source_uri")
"""What is compared besides; an empty one counts as missing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same on both sides; None where a side lacks it."""

    name: str
    before: Value | None
    after: Value | None

    @property
    def delta(self) -> float | None:
        """How much a number grew; None if one side is no number."""
        if _is_number(self.before) and _is_number(self.after):
            return self.after - self.before  # type: ignore[operator]
        return None

    def to_json(self) -> JsonObject:
        """Return `{"name", "before", "after"}`."""
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path whose file is not the same on both sides; None where a side lacks it."""

    path: str
    before: FileEntry | None
    after: FileEntry | None

    def to_json(self) -> JsonObject:
        """Return `{"path", "before", "after"}` with the files as they stand in the manifests."""
        return {
            "path": self.path,
            "before": None if self.before is None else self.before.to_json(),
            "after": None if self.after is None else self.after.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """From version `a` to version `b`.

    `bytes_in_common` counts the bytes of `b` that lie in files which `a` has, too, under whatever
    path; `share` is that as a part of all bytes of `b` (1.0 if it has none). `facts` are label,
    stage, framework and source_uri.
    """

    a: ModelVersion
    b: ModelVersion
    metrics: tuple[Change, ...]
    params: tuple[Change, ...]
    tags: tuple[Change, ...]
    signature: tuple[Change, ...]
    files: tuple[FileChange, ...]
    bytes_in_common: int
    share: float
    facts: tuple[Change, ...] = ()

    @property
    def same_content(self) -> bool:
        """Whether both hold the same files."""
        return self.a.digest == self.b.digest

    @property
    def has_files(self) -> bool:
        """Whether any of the two holds files."""
        return self.a.digest is not None or self.b.digest is not None

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return any((self.facts, self.metrics, self.params, self.tags, self.signature, self.files))

    def to_json(self) -> JsonObject:
        """Return all of it, for programs."""
        return {
            "a": self.a.ref,
            "b": self.b.ref,
            "same_content": self.same_content,
            "facts": [change.to_json() for change in self.facts],
            "metrics": [change.to_json() for change in self.metrics],
            "params": [change.to_json() for change in self.params],
            "tags": [change.to_json() for change in self.tags],
            "signature": [change.to_json() for change in self.signature],
            "files": [change.to_json() for change in self.files],
            "bytes_in_common": self.bytes_in_common,
            "share": self.share,
        }

    def __repr__(self) -> str:
        told = [f"{c.name} {_short(c.before)} → {_short(c.after)}" for c in self.metrics[:3]]
        told += [f"{c.name} {_short(c.before)} → {_short(c.after)}" for c in self.facts]
        counts = {
            "more metric": max(len(self.metrics) - 3, 0),
            "param": len(self.params),
            "tag": len(self.tags),
            "variable": len(self.signature),
            "file": len(self.files),
        }
        told += [f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n]
        differs = ", ".join(told) or "no difference"
        common = f"; {self.share:.0%} of bytes in common" if self.has_files else ""
        return f"<Diff {self.a.ref} → {self.b.ref}: {differs}{common}>"

    def _repr_html_(self) -> str:
        return html.diff(self)


def compare(
    a: ModelVersion, b: ModelVersion, files_a: Manifest | None, files_b: Manifest | None
) -> Diff:
    """Compare two versions; a manifest is None for a version without content."""
    before = {} if files_a is None else {file.path: file for file in files_a.files}
    after = {} if files_b is None else {file.path: file for file in files_b.files}
    known = frozenset() if files_a is None else files_a.digests
    common = sum(file.size for file in after.values() if file.digest in known)
    total = sum(file.size for file in after.values())
    return Diff(
        a=a,
        b=b,
        metrics=_changes(a.metrics, b.metrics),
        params=_changes(a.params, b.params),
        tags=_changes(a.tags, b.tags),
        signature=_changes(_variables(a.signature), _variables(b.signature)),
        files=tuple(
            FileChange(path, before.get(path), after.get(path))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        ),
        bytes_in_common=common,
        share=common / total if total else 1.0,
        facts=_changes(_facts(a), _facts(b)),
    )


def _changes(a: Mapping[str, Value], b: Mapping[str, Value]) -> tuple[Change, ...]:
    def found() -> Iterator[Change]:
        for name in sorted(a.keys() | b.keys()):
            before, after = a.get(name), b.get(name)
            if (type(before), before) != (type(after), after):
                yield Change(name, before, after)

    return tuple(found())


def _facts(version: ModelVersion) -> dict[str, Value]:
    facts = {name: getattr(version, name) for name in FACTS}
    return {name: fact for name, fact in facts.items() if fact}


def _variables(signature: Signature | None) -> dict[str, Value]:
    if signature is None:
        return {}
    inputs = {f"input {variable.name}": _described(variable) for variable in signature.inputs}
    outputs = {f"output {variable.name}": _described(variable) for variable in signature.outputs}
    return {**inputs, **outputs}


def _described(variable: Variable) -> str:
    shape = "" if variable.shape is None else str(list(variable.shape))
    optional = "optional" if variable.optional else ""
    return " ".join(filter(None, (variable.type.value, variable.dtype, shape, optional)))


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Value | None) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else f"{value!s:.40}"
