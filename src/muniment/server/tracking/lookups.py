"""What the registry asks of runs and logged models: where their files lie, and to link versions.

The answers may have to load MLflow first, which takes seconds: ask in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

from starlette.requests import Request

from muniment.domain.lineage import Origin


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run; `artifact_uri` is the folder of its files (`mlflow-artifacts:/0/<run>/artifacts`).

    `origins` are what a model that it has logged comes from, beside the run itself; `models` the
    ids of its logged models.
    """

    run_id: str
    experiment_id: str
    artifact_uri: str
    origins: tuple[Origin, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """A logged model; `run_id` is that of the run that has logged it, None if none has."""

    model_id: str
    experiment_id: str
    artifact_uri: str
    run_id: str | None
    name: str = ""


class Tracking(Protocol):
    """Runs and logged models of this server. Methods may block, and raise `MunimentError`."""

    @property
    def in_use(self) -> bool:
        """Whether anything has ever been logged here. Cheap; loads nothing."""
        ...

    def run(self, run_id: str) -> TrackedRun | None:
        """Return a run, also one that is deleted and can be restored; None if there is none."""
        ...

    def logged_model(self, model_id: str) -> TrackedModel | None:
        """Return a logged model; None if there is none, or it is deleted."""
        ...

    def link_version(self, model_id: str, name: str, version: int) -> None:
        """Note on a logged model that it is registered as a version; once is enough.

        Raises:
            NotFound: there is no such logged model.
        """
        ...


def tracking_of(request: Request) -> Tracking | None:
    """Return the runs of the server that handles `request`; None where it keeps none."""
    return cast("Tracking | None", request.app.state.tracking)
