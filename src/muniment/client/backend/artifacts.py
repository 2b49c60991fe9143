"""Bytes, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

from muniment.domain.manifest import Manifest

Source: TypeAlias = Callable[[int], Iterator[bytes]]
"""Opens the bytes of a blob at an offset; called again, at another offset, to resume."""

Progress: TypeAlias = Callable[[int], None]
"""Told how many more bytes are done (negative if some must be sent again)."""


class ArtifactsBackend(Protocol):
    """Bytes in and out. Satisfied by `services.artifacts.Artifacts`."""

    @abstractmethod
    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those digests that must be uploaded; the others are kept safe for a while."""

    @abstractmethod
    def put(self, digest: str, size: int, source: Source, progress: Progress | None = None) -> int:
        """Store a blob, going on where an earlier try stopped; return how many bytes were sent.

        Raises:
            DigestMismatch: the bytes are not those of `digest`.
        """

    @abstractmethod
    def manifest(self, model: str, number: int) -> Manifest:
        """Return the files of a version. Raises NotReady if it has none."""

    @abstractmethod
    def read(
        self, model: str, number: int, path: str, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes [start, end) of one file of a version. Raises NotFound."""

    @abstractmethod
    def local_path(self, digest: str) -> Path | None:
        """Return a read-only file on this machine that holds the blob already, if there is one."""
