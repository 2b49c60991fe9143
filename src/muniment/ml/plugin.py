"""What MLflow finds by entry point. It loads this while it loads itself, so this loads nothing.

mlflow.model_registry_store    muniment+http(s)://…  ──>  registry_store.MunimentStore
mlflow.artifact_repository     muniment+http(s)://…  ──>  artifact_repository.…
mlflow.request_header_provider  MUNIMENT_CONSUMER     ──>  X-Muniment-Consumer
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


class ConsumerHeader:
    """Tells servers which job asks, if MUNIMENT_CONSUMER says so, in the form that MLflow wants."""

    def in_context(self) -> bool:
        """Say whether there is anything to tell."""
        from muniment.client.consumer import consumer_here

        return consumer_here() is not None

    def request_headers(self) -> dict[str, str]:
        """Return the header."""
        from muniment.client.consumer import HEADER, consumer_here

        return {HEADER: consumer_here() or ""}
