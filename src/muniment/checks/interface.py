"""What a check is, what it is given and what it returns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar, Protocol

from muniment.domain.checks import MAX_FINDINGS, Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import Value


@dataclass(frozen=True, slots=True)
class SubjectFile:
    """One file of the version: its place, its digest and its size as the manifest says them."""

    entry: FileEntry
    opened: Callable[[FileEntry], BinaryIO]

    @property
    def path(self) -> str:
        """Where it stands in the version."""
        return self.entry.path

    def open(self) -> BinaryIO:
        """Return its bytes as a seekable file, to be closed by the caller.

        Raises:
            OSError: they can't be read.
        """
        return self.opened(self.entry)


@dataclass(frozen=True, slots=True)
class Subject:
    """The version that a check looks at; nothing of it can be changed."""

    version: ModelVersion
    manifest: Manifest
    opened: Callable[[FileEntry], BinaryIO]
    model_description: str = ""
    model_tags: Mapping[str, Value] = field(default_factory=dict)

    @property
    def files(self) -> list[SubjectFile]:
        """All files, by path."""
        return [SubjectFile(entry, self.opened) for entry in self.manifest.files]

    def file(self, path: str) -> SubjectFile | None:
        """Return the file at a path; None if there is none."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found: a verdict, and sentences that say what and why, by file."""

    verdict: Verdict
    findings: tuple[str, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[str], *, otherwise: Verdict = Verdict.FAIL) -> Outcome:
        """Return a pass if there are no findings, else a fail (or `otherwise`)."""
        found = tuple(findings)
        if not found:
            return cls(Verdict.PASS)
        if len(found) > MAX_FINDINGS:
            found = (*found[: MAX_FINDINGS - 1], f"and {len(found) - MAX_FINDINGS + 1} more")
        return cls(otherwise, found)


class Check(Protocol):
    """A check. `version` is its own: results say which one they come from."""

    version: ClassVar[str]

    @abstractmethod
    def check(self, subject: Subject) -> Outcome:
        """Look at a version. What is raised here becomes the verdict unknown."""
