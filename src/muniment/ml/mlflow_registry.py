"""A registry of MLflow's, as what is imported from it sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from muniment.ml import sources

READY: Final = "READY"
"""The status of a version that MLflow holds to be whole."""

_PROMPT: Final = "mlflow.prompt.is_prompt"
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class TheirModel:
    """A registered model of MLflow's. Of a prompt it hides the tag that says so."""

    name: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    past: Any
    is_prompt: bool

    @classmethod
    def of(cls, model: Any, *, is_prompt: bool) -> TheirModel:
        """Return what MLflow's entity says."""
        tags = {**(model.tags or {}), **({_PROMPT: "true"} if is_prompt else {})}
        aliases = {alias: int(number) for alias, number in (model.aliases or {}).items()}
        return cls(str(model.name), model.description or "", tags, aliases, model, is_prompt)


class TheirRegistry:
    """All models of an MLflow registry, and the files of their versions.

    Args:
        uri: the address of a server, or the database of one.
    """

    def __init__(self, uri: str) -> None:
        self.uri: Final = uri
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def models(self) -> Iterator[TheirModel]:
        """Yield all registered models, prompts last."""
        for is_prompt in (False, True):
            search = partial(self._client.search_registered_models, max_results=_PAGE)
            wanted = f"tags.`{_PROMPT}` = 'true'" if is_prompt else None
            for model in _paged(partial(search, filter_string=wanted)):
                yield TheirModel.of(model, is_prompt=is_prompt)

    def versions(self, model: TheirModel) -> list[Any]:
        """Return the versions of a model by number, as MLflow has them."""
        quote = '"' if "'" in model.name else "'"
        wanted = f"name={quote}{model.name}{quote}"
        if model.is_prompt:
            wanted += f" AND tags.`{_PROMPT}` = 'true'"
        search = partial(self._client.search_model_versions, wanted, max_results=_PAGE)
        return sorted(_paged(search), key=lambda version: int(version.version))

    def files(self, model: TheirModel, version: Any) -> AbstractContextManager[Path | None]:
        """Return what yields a local folder with the files of a version, as `local_folder`."""
        return sources.local_folder(self._where(model, version), self.uri)

    def lacks_files(self, model: TheirModel, version: Any) -> str:
        """Return why its files can't be had; "" if they can, as far as a look tells."""
        try:
            uri = self._where(model, version)
            return "" if sources.has_files(uri, self.uri) else f"no files at {uri}"
        except (MlflowException, OSError) as error:
            return str(error)

    def _where(self, model: TheirModel, version: Any) -> str:
        return str(self._client.get_model_version_download_uri(model.name, version.version))


def _paged(search: Callable[..., Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return
