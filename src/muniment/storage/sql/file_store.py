"""The part of the store about files outside of versions; see `muniment.storage.files`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from muniment.domain.files import Folder, StoredFile
from muniment.storage.files import FileStore
from muniment.storage.sql import files
from muniment.storage.sql.engine import Engine


class SqlFileStore(FileStore):
    """Files, in the database of the store that this is a part of."""

    _engine: Engine

    @abstractmethod
    def _workspace_id(self, name: str) -> int:
        """Return the id of a workspace. Raises NotFound."""

    @abstractmethod
    def _known_workspace_id(self, name: str) -> int:
        """Return the id of a workspace, or 0, which none has."""

    def put_file(self, file: StoredFile) -> None:
        workspace_id = self._workspace_id(file.workspace)
        self._engine.write(lambda session: files.put(session, workspace_id, file))

    def file(self, workspace: str, path: str) -> StoredFile | None:
        workspace_id = self._known_workspace_id(workspace)
        row = self._engine.read(lambda session: files.find(session, workspace_id, path))
        return None if row is None else files.file_from(row, workspace)

    def files(
        self, workspace: str, folder: str, *, after: str = "", limit: int
    ) -> Sequence[StoredFile]:
        workspace_id = self._known_workspace_id(workspace)
        found = self._engine.read(
            lambda session: files.below(session, workspace_id, folder, after, limit)
        )
        return [files.file_from(row, workspace) for row in found]

    def children(self, workspace: str, folder: str) -> Sequence[StoredFile | Folder]:
        workspace_id = self._known_workspace_id(workspace)
        found = self._engine.snapshot(
            lambda session: list(files.children(session, workspace_id, folder))
        )
        return [
            item if isinstance(item, Folder) else files.file_from(item, workspace) for item in found
        ]

    def drop_files(self, workspace: str, path: str) -> int:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.write(lambda session: files.drop(session, workspace_id, path))

    def blobs_of_files(self, workspace: str, digests: Iterable[str]) -> frozenset[str]:
        workspace_id = self._known_workspace_id(workspace)
        found = self._engine.read(
            lambda session: files.NAMED.all(session, digests, workspace_id=workspace_id)
        )
        return frozenset(digest for (digest,) in found)
