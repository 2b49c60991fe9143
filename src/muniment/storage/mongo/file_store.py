"""The part of the store about files outside of versions; see `muniment.storage.files`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from muniment.domain.files import Folder, StoredFile
from muniment.storage.files import FileStore
from muniment.storage.mongo.files import Files


class MongoFileStore(FileStore):
    """Files, in the database of the store that this is a part of."""

    _files: Files

    @abstractmethod
    def _require_workspace(self, name: str) -> None:
        """Raise NotFound unless there is a workspace with this name."""

    def put_file(self, file: StoredFile) -> None:
        self._require_workspace(file.workspace)
        self._files.put(file)

    def file(self, workspace: str, path: str) -> StoredFile | None:
        return self._files.find(workspace, path)

    def files(
        self, workspace: str, folder: str, *, after: str = "", limit: int
    ) -> Sequence[StoredFile]:
        return self._files.below(workspace, folder, after, limit)

    def children(self, workspace: str, folder: str) -> Sequence[StoredFile | Folder]:
        return list(self._files.children(workspace, folder))

    def drop_files(self, workspace: str, path: str) -> int:
        return self._files.drop(workspace, path)

    def blobs_of_files(self, workspace: str, digests: Iterable[str]) -> frozenset[str]:
        return self._files.named(workspace, digests)
