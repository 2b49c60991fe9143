"""Files outside of any version: what runs log, at paths of a workspace.

    path "0/<run>/artifacts/model/model.pkl" ── names ──> blob        may be replaced or removed
    version 3 of fraud ── manifest: "model.pkl" ── names ──> the same blob        never changes

A path is a mutable name for bytes that are stored once. So to register what a run has logged is to
make a manifest of the blobs that its paths name now: no byte moves, and whatever happens to the
paths later, the version stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from muniment.domain.manifest import Manifest


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What stands at a path of a workspace: a blob of `size` bytes, and who put it there last."""

    workspace: str
    path: str
    digest: str
    size: int
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: it is there while a file stands somewhere below it."""

    path: str


@dataclass(frozen=True, slots=True)
class Child:
    """What stands in a folder under a name; `size` is in bytes, None for a folder."""

    name: str
    size: int | None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.size is None


def children_of(manifest: Manifest, folder: str) -> list[Child]:
    """Return what stands in a folder of a version ("" is its root), by name."""
    start = f"{folder}/" if folder else ""
    found: dict[str, Child] = {}
    for file in manifest.under(folder):
        if not file.path.startswith(start):
            continue  # the path is a file's
        name, slash, _ = file.path[len(start) :].partition("/")
        found[name] = Child(name, None if slash else file.size)
    return sorted(found.values(), key=attrgetter("name"))
