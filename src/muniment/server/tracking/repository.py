"""Our files, as MLflow's application reaches them: a repository of artifacts in this process.

It serves what the server itself looks at (listings, the data of traces), acting for whoever sent
the request at hand. Clients send and get bytes by the proxy's routes, which MLflow never sees.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from muniment.server.mlflow.tree import clean_path
from muniment.server.tracking.errors import told_to_mlflow
from muniment.server.tracking.mount import ACTING


class FilesRepository(ArtifactRepository):  # type: ignore[misc]  # MLflow's types are not read
    """The folder that `artifact_uri` (`muniment-files:/0/<run>/artifacts`) names."""

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what stands in a folder; nothing for a file."""
        with told_to_mlflow():
            children = ACTING.get().files.children(self._path(path))
        prefix = f"{path}/" if path else ""
        return [FileInfo(prefix + child.name, child.size is None, child.size) for child in children]

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with told_to_mlflow():
            services = ACTING.get()
            file = services.files.file(self._path(remote_file_path))
            with Path(local_path).open("wb") as target:
                for piece in services.artifacts.read_blob(file.digest, 0, file.size):
                    target.write(piece)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Refuse: no call that may be reached puts files here."""
        raise _refused("put files")

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Refuse, as `log_artifact`."""
        raise _refused("put files")

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Remove a file or a folder, as deleting archived traces does."""
        with told_to_mlflow():
            ACTING.get().files.delete(self._path(artifact_path))

    def _path(self, path: str | None) -> str:
        root = urlsplit(self.artifact_uri).path
        return clean_path(f"{root}/{path or ''}".lstrip("/"))


def _refused(what: str) -> MlflowException:
    return MlflowException(f"MLflow's application can't {what} in this server.")
