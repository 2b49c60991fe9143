"""MLflow's model registry over a Muniment server, with the bytes in it.

    mlflow.set_registry_uri("muniment+http://127.0.0.1:8000")

Every call speaks MLflow's protocol, but two:

    create_model_version              the files go up first, and the version is sealed with them
      source ──> folder here ──> hash ──> which are missing? ──> send those ──> commit
    get_model_version_download_uri    a sealed version's files come through this plugin, too
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from mlflow.entities.model_registry import ModelVersion
from mlflow.store.artifact.utils.models import get_model_name_and_version
from mlflow.store.model_registry.rest_store import RestStore

from muniment.client import contents
from muniment.client.registry import Registry
from muniment.client.transfers import Transfers
from muniment.domain import entities
from muniment.domain.changes import NewVersion
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import NotReady
from muniment.ml import model_facts, signing_in, sources
from muniment.ml.address import Files, same_server, server_of
from muniment.ml.mlflow_errors import as_mlflow_errors

_PROMPT: Final = "mlflow.prompt.is_prompt"


class MunimentStore(RestStore):  # type: ignore[misc]  # mlflow is untyped for us
    """What `muniment+http://…` is as a registry URI; MLflow makes one when it needs it."""

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        with as_mlflow_errors():
            self.server = server_of(store_uri)
        self._tracking_uri = tracking_uri
        super().__init__(partial(signing_in.host_credentials, self.server))

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Upload the model and register it as a sealed version; return MLflow's entity of it.

        A prompt, a source that MLflow can't read, and one that the server sees itself are
        registered as the protocol does it.

        Raises:
            MlflowException: as the protocol's call; or the source is not there.
        """
        plain = partial(super().create_model_version, name, source, run_id, tags, run_link)
        newer = {"local_model_path": local_model_path, "model_id": model_id}
        plain = partial(plain, description, **{k: v for k, v in newer.items() if v is not None})
        if _is_prompt(tags) or self._server_sees(source):
            return plain()
        new = NewVersion(
            description=description or "",
            tags={tag.key: tag.value for tag in tags or ()},
            source_uri=source,
            run_id=run_id or sources.run_of(source) or "",
            run_link=run_link or "",
        )
        with as_mlflow_errors():
            self._registry.model(name)  # before anything is read or sent
            if sources.is_registered(source):
                created = self._copy(name, new)
            elif local_model_path:
                created = self._upload(name, Path(local_model_path), new, model_id)
            else:
                with sources.local_folder(source, self._tracking_uri) as folder:
                    if folder is None:
                        return plain()
                    created = self._upload(name, folder, new, model_id)
        return self.get_model_version(name, str(created.version))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return where the files of a version are: with us if it is sealed, else as it says."""
        with as_mlflow_errors():
            found = self._registry.backend.catalog.version(name, int(version))
        if found.digest is None:
            return str(super().get_model_version_download_uri(name, version))
        return Files(self.server, found.model, found.version).uri

    # --------------------------------------------------------------------------------------------

    @property
    def _registry(self) -> Registry:
        return signing_in.registry_at(self.server)

    def _call_endpoint(self, api: Any, json_body: str, *args: Any, **kwargs: Any) -> Any:
        place = signing_in.workspace()
        if place != DEFAULT_WORKSPACE:
            headers = kwargs.get("extra_headers") or {}
            kwargs["extra_headers"] = {**headers, "X-Muniment-Workspace": place}
        return super()._call_endpoint(api, json_body, *args, **kwargs)

    def _server_sees(self, source: str) -> bool:
        """Say whether the server is the tracking server, too: it takes the bytes over itself."""
        return sources.is_tracked(source) and same_server(self._tracking_uri or "", self.server)

    def _copy(self, name: str, new: NewVersion) -> entities.ModelVersion:
        """Register what a version of this registry holds once more; its bytes stay where they are.

        A version that only points elsewhere is read there.
        """
        catalog = self._registry.backend.catalog
        model, number = get_model_name_and_version(self, new.source_uri)
        origin = catalog.version(model, int(number))
        new = replace(
            new, source_uri=f"models:/{model}/{number}", run_id=new.run_id or origin.run_id
        )
        if origin.digest is None:
            elsewhere = self.get_model_version_download_uri(model, number)
            with sources.local_folder(elsewhere, self._tracking_uri) as folder:
                if folder is None:
                    raise NotReady(
                        f"{origin.ref} points at {elsewhere!r:.300}, which can't be read here."
                    )
                return self._upload(name, folder, new, None)
        new = replace(
            new,
            files=self._registry.manifest(origin),
            params=origin.params,
            metrics=origin.metrics,
            framework=origin.framework,
            signature=origin.signature,
        )
        return catalog.create_version(name, new)

    def _upload(
        self, name: str, folder: Path, new: NewVersion, model_id: str | None
    ) -> entities.ModelVersion:
        """Send what the server lacks of a folder; commit the version."""
        files = contents.of_path(folder)
        facts = model_facts.facts_of(
            folder,
            run_id=new.run_id,
            model_id=model_id or sources.logged_model_of(new.source_uri),
            tracking_uri=self._tracking_uri,
            is_ours=same_server(self._tracking_uri or "", self.server),
        )
        new = replace(
            new,
            run_id=facts.run_id,
            params=facts.params,
            metrics=facts.metrics,
            framework=facts.framework,
            signature=facts.signature,
            origins=facts.origins,
        )
        registry = self._registry
        transfers = Transfers(registry.backend, registry.cache, progress=None)
        return transfers.push(name, files, new, create_model=False)


def _is_prompt(tags: Sequence[Any] | None) -> bool:
    return any(tag.key == _PROMPT for tag in tags or ())
