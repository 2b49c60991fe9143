"""The part of the MetadataStore port about files outside of versions; see `domain.files`.

A file names a blob, and that blob is in use: `put_file` refuses one that is not known, and is
atomic with respect to leases and `collect_blob`, as manifests are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol

from muniment.domain.files import Folder, StoredFile


class FileStore(Protocol):
    """Paths of workspaces, and the blobs that they name."""

    @abstractmethod
    def put_file(self, file: StoredFile) -> None:
        """Insert a file, or replace the one at its path; its size is that of its blob.

        Raises:
            MissingBlobs: the blob is not known.
            Conflict: the path is a folder, or leads through a file.
            NotFound: the workspace does not exist.
        """

    @abstractmethod
    def file(self, workspace: str, path: str) -> StoredFile | None:
        """Return the file at a path, or None."""

    @abstractmethod
    def files(
        self, workspace: str, folder: str, *, after: str = "", limit: int
    ) -> Sequence[StoredFile]:
        """Return the files below a folder ("" is above all), however deep, in order of paths.

        Paths compare by code point; only those behind `after` are returned.
        """

    @abstractmethod
    def children(self, workspace: str, folder: str) -> Sequence[StoredFile | Folder]:
        """Return what is in a folder itself: all its files and folders, in no certain order.

        What is below its folders costs nothing, however much it is.
        """

    @abstractmethod
    def drop_files(self, workspace: str, path: str) -> int:
        """Remove the file at a path, or all files below the folder; return how many."""

    @abstractmethod
    def blobs_of_files(self, workspace: str, digests: Iterable[str]) -> frozenset[str]:
        """Return those of the digests that a file of the workspace names."""
