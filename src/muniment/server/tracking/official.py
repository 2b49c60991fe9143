"""MLflow's own application, loaded into this process. The only module that imports MLflow.

Importing this module takes seconds and some 200 MB; `mount.py` does it in a thread, once, when the
first request needs it. From then on, MLflow in this process is the server's: it is told what the
official command line tells its workers, by the same variables; it sends no telemetry; its registry
is ours, to look at; and of all the places where artifacts may lie, it reaches our files and nothing
else, whatever URI a client has written into an experiment, a run or a trace.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.types import ASGIApp

from muniment.domain.runs import DataUsed, origins_of_run
from muniment.errors import ConfigurationError, Unavailable
from muniment.server.tracking.database import RunsDatabase
from muniment.server.tracking.lookups import TrackedModel, TrackedRun
from muniment.server.tracking.wsgi import WsgiApp

ROOT: Final = "mlflow-artifacts:/"
"""Where experiments keep their files unless they say otherwise: the proxy of this server."""
FILES: Final = "muniment-files"
"""The scheme by which MLflow calls our files, within this process alone."""
REGISTRY: Final = "muniment-registry"
"""The scheme by which it calls our registry."""

_MISSING: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_VARIABLES: Final = {
    "_MLFLOW_SERVER_ARTIFACT_ROOT": ROOT,
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{FILES}:/",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_REGISTRY_STORE": f"{REGISTRY}:/",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",  # our frame has seen to it
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_WORKSPACES": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its lines go where ours go
}
_NOT_OURS: Final = (
    "_MLFLOW_SERVER_ARTIFACTS_ONLY",
    "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE",
    "_MLFLOW_STATIC_PREFIX",
    "prometheus_multiproc_dir",
)


class Official:
    """The application, and what is asked of the store behind it."""

    def __init__(self, wsgi: WsgiApp, otlp: ASGIApp, store: Any) -> None:
        self.wsgi = wsgi
        self.otlp = otlp
        self._store = store  # mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore

    def run(self, run_id: str) -> TrackedRun | None:
        """Return a run; None if there is none."""
        run = _found(partial(self._store.get_run, run_id))
        if run is None:
            return None
        info = run.info
        experiment = _found(partial(self._store.get_experiment, info.experiment_id))
        origins = origins_of_run(
            experiment_id=str(info.experiment_id),
            experiment_name="" if experiment is None else experiment.name,
            place="",
            data=map(_data_used, run.inputs.dataset_inputs if run.inputs else ()),
            tags=run.data.tags,
        )
        models = run.outputs.model_outputs if run.outputs else ()
        return TrackedRun(
            info.run_id,
            str(info.experiment_id),
            info.artifact_uri,
            origins,
            tuple(model.model_id for model in models),
        )

    def logged_model(self, model_id: str) -> TrackedModel | None:
        """Return a logged model; None if there is none, or it is deleted."""
        model = _found(partial(self._store.get_logged_model, model_id))
        if model is None:
            return None
        return TrackedModel(
            model.model_id,
            str(model.experiment_id),
            model.artifact_location,
            model.source_run_id or None,
            model.name or "",
        )

    def link_version(self, model_id: str, name: str, version: int) -> None:
        """Note on a logged model that it is registered as a version."""
        self._store.set_model_versions_tags(name, version, model_id)


def _data_used(logged: Any) -> DataUsed:
    data, tags = logged.dataset, {tag.key: tag.value for tag in logged.tags}
    return DataUsed(data.name, data.digest, data.source_type, data.source, tags)


def _found(look: Callable[[], Any]) -> Any:
    """Return what MLflow finds; None for what is not there, or has no possible id."""
    from mlflow.exceptions import MlflowException

    try:
        return look()
    except MlflowException as error:
        if error.error_code in _MISSING:
            return None
        raise Unavailable(f"MLflow's database does not answer: {error.message}") from error


def load(database: RunsDatabase) -> Official:
    """Import MLflow and open its database: made if it is missing, upgraded if it is old.

    Raises:
        ConfigurationError: the database can't be used, or was written by a newer MLflow.
    """
    uri = database.uri
    os.environ.update(_VARIABLES, _MLFLOW_SERVER_FILE_STORE=uri)
    for variable in _NOT_OURS:
        os.environ.pop(variable, None)

    # Its user accounts: asked for by each query of GraphQL, and never to be loaded here.
    sys.modules["mlflow.server.auth"] = cast(ModuleType, None)

    from mlflow import server
    from mlflow.server import handlers
    from mlflow.server.otel_api import otel_router
    from mlflow.store.artifact import artifact_repository_registry
    from mlflow.store.db import utils as tables

    from muniment.server.tracking.repository import FilesRepository
    from muniment.server.tracking.versions import VersionsOnly

    reachable = artifact_repository_registry._artifact_repository_registry
    reachable.get_registered_artifact_repositories().clear()
    reachable.register(FILES, FilesRepository)
    handlers._model_registry_store_registry.register(REGISTRY, VersionsOnly)
    try:
        with database.alone():
            engine = tables.create_sqlalchemy_engine_with_retry(uri)
            if tables._all_tables_exist(engine):
                tables._upgrade_db(engine)
            engine.dispose()
            store = handlers._get_tracking_store()
    except Exception as error:  # of MLflow, SQLAlchemy, Alembic or the file system
        raise ConfigurationError(
            f"MLflow's database in {database.shown!r} can't be used: {error}",
            hint="A newer MLflow may have written it: upgrade MLflow, or restore a backup.",
        ) from error
    otlp = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    otlp.include_router(otel_router)
    return Official(cast(WsgiApp, server.app.wsgi_app), otlp, store)
