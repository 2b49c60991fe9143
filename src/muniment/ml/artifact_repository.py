"""Bytes of sealed versions for MLflow: verified, in parallel, through the local cache.

    mlflow.pyfunc.load_model("models:/fraud@champion")
      registry store ──> muniment+http://host:8000/models/fraud/3 ──> this

A second load of the same bytes transfers nothing. Nothing can be written this way.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NoReturn

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from muniment.client.registry import Registry
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import Manifest
from muniment.domain.names import check_path
from muniment.ml.address import Files, files_of
from muniment.ml.mlflow_errors import as_mlflow_errors
from muniment.ml.signing_in import registry_at


class MunimentArtifactRepository(ArtifactRepository):  # type: ignore[misc]  # mlflow is untyped
    """The files of one version, read-only; MLflow makes one when it needs it."""

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return files and folders directly below `path`; nothing if it is a file or not there."""
        with as_mlflow_errors():
            files = files_of(self.artifact_uri, path or "")
            manifest = _registry(files).manifest(_version(files))
        root = files_of(self.artifact_uri).path
        return [
            FileInfo(found[len(root) :].lstrip("/"), size is None, size)
            for found, size in sorted(_children(manifest, files.path).items())
        ]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Bring a file or folder here; return where it is.

        Without `dst_path` that is a new folder of hard links to the cache: nothing is copied.

        Raises:
            MlflowException: it is not there, or other bytes came than the version names.
        """
        with as_mlflow_errors():
            files = files_of(self.artifact_uri, artifact_path or "")
            paths = (files.path,) if files.path else ()
            target = None if dst_path is None else Path(dst_path)
            registry = _registry(files)
            folder = registry.pull(_version(files), target, paths=paths)
            if target is None:
                folder = registry.cache.linked(folder)
        return str(folder / files.path)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        shutil.copyfile(self.download_artifacts(remote_file_path), local_path)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> NoReturn:
        """Refuse: a version never changes."""
        raise self._sealed()

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> NoReturn:
        """Refuse: a version never changes."""
        raise self._sealed()

    def delete_artifacts(self, artifact_path: str | None = None) -> NoReturn:
        """Refuse: a version never changes."""
        raise self._sealed()

    def _sealed(self) -> MlflowException:
        return MlflowException(
            f"{self.artifact_uri} is a sealed version: its files never change. "
            "Log the model to a run and register that, or `muniment push` a new version.",
            error_code=INVALID_PARAMETER_VALUE,
        )


def _registry(files: Files) -> Registry:
    return registry_at(files.server)


def _version(files: Files) -> ModelVersion:
    return _registry(files).backend.catalog.version(files.model, files.version)


def _children(manifest: Manifest, path: str) -> dict[str, int | None]:
    """Return what lies directly below a folder, by path, with its size (None: a folder)."""
    start = f"{check_path(path)}/" if path else ""
    found: dict[str, int | None] = {}
    for entry in manifest.files:
        if entry.path.startswith(start):
            name, slash, _ = entry.path[len(start) :].partition("/")
            found[start + name] = None if slash else entry.size
    return found
