"""What MLflow finds by entry point. It loads this while it loads itself, so this loads nothing.

mlflow.model_registry_store    muniment+http(s)://…  ──>  registry_store.MunimentStore
mlflow.artifact_repository     muniment+http(s)://…  ──>  artifact_repository.…
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.ml.artifact_repository import MunimentArtifactRepository
    from muniment.ml.registry_store import MunimentStore


def model_registry_store(store_uri: str, tracking_uri: str | None = None) -> MunimentStore:
    """Return the registry at an address."""
    from muniment.ml.registry_store import MunimentStore

    return MunimentStore(store_uri, tracking_uri)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> MunimentArtifactRepository:
    """Return the files at an address; they are there whatever the other two say."""
    from muniment.ml.artifact_repository import MunimentArtifactRepository

    return MunimentArtifactRepository(artifact_uri)
