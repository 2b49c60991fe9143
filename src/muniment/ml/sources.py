"""Where a model to be registered lies, found from the process that registers it.

    runs:/<run>/<path>   the run's artifacts, or the model it logged under that name
    models:/<model id>   a logged model
    anything else        whatever MLflow has a repository for: a folder, s3://, mlflow-artifacts:/

The tracking server may be any. A folder on this machine is used where it stands, without a copy.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
from mlflow.utils.uri import append_to_uri_path

_KNOWS_TRACKING: Final = "tracking_uri" in inspect.signature(get_artifact_repository).parameters
"""MLflow 2 knows one tracking server only: the present one."""


def is_tracked(source: str) -> bool:
    """Say whether the tracking server knows what a source means."""
    scheme = urlsplit(source).scheme
    return scheme in ("runs", "mlflow-artifacts") or logged_model_of(source) is not None


def is_registered(source: str) -> bool:
    """Say whether a source is a version of a registry: `models:/fraud/3`, `models:/fraud@best`."""
    return urlsplit(source).scheme == "models" and logged_model_of(source) is None


def logged_model_of(source: str) -> str | None:
    """Return the id of the logged model that a source names; None if it names none."""
    name = source.removeprefix("models:/")
    return None if name == source or "/" in name or "@" in name else name


def run_of(source: str) -> str | None:
    """Return the id of the run that a source names; None if it names none."""
    if not RunsArtifactRepository.is_runs_uri(source):
        return None
    return str(RunsArtifactRepository.parse_runs_uri(source)[0])


@contextmanager
def local_folder(source: str, tracking_uri: str | None) -> Iterator[Path | None]:
    """Yield a local folder with the files of `source`; None if MLflow can't read such a source.

    One that had to be downloaded lasts while the block runs.

    Raises:
        MlflowException, OSError: it is not there, or may not be read.
    """
    try:
        repository = _repository(_underlying(source, tracking_uri), tracking_uri)
    except MlflowException:
        if is_tracked(source):
            raise
        yield None  # no repository is registered for the scheme
        return
    if (here := _folder_here(repository)) is not None:
        yield here
        return
    with tempfile.TemporaryDirectory(prefix="muniment-") as folder:
        yield Path(repository.download_artifacts("", folder))


def has_files(source: str, tracking_uri: str | None) -> bool:
    """Say whether there is anything at `source`, without reading it.

    Raises:
        MlflowException, OSError: it can't be looked at.
    """
    repository = _repository(_underlying(source, tracking_uri), tracking_uri)
    return bool(repository.list_artifacts())


def _underlying(source: str, tracking_uri: str | None) -> str:
    client = MlflowClient(tracking_uri=tracking_uri)
    if (model_id := logged_model_of(source)) is not None:
        return str(client.get_logged_model(model_id).artifact_location)
    if (run_id := run_of(source)) is not None:
        _, path = RunsArtifactRepository.parse_runs_uri(source)
        run = client.get_run(run_id)
        root = str(run.info.artifact_uri)
        if not _repository(root, tracking_uri).list_artifacts(path):
            return _logged_by(client, run, path) or source
        return str(append_to_uri_path(root, path or ""))
    return source


def _logged_by(client: MlflowClient, run: Any, name: str) -> str | None:
    """Return where the model is that a run logged last under a name; MLflow 2 has none."""
    outputs = getattr(run, "outputs", None)
    for output in sorted(outputs.model_outputs if outputs else (), key=lambda one: -one.step):
        model = client.get_logged_model(output.model_id)
        if model.name == name:
            return str(model.artifact_location)
    return None


def _repository(uri: str, tracking_uri: str | None) -> Any:
    if _KNOWS_TRACKING:
        return get_artifact_repository(uri, tracking_uri=tracking_uri)
    return get_artifact_repository(uri)


def _folder_here(repository: Any) -> Path | None:
    """Return the folder of a repository that is one on this machine."""
    return (
        Path(repository.artifact_dir) if isinstance(repository, LocalArtifactRepository) else None
    )
