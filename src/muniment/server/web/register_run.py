"""Register a model from a run of MLflow: which run, which of what it has logged, under which name.

GET  /register/run            the form
GET  /register/run?run=7c1…   what that run has logged, to choose from
POST /register/run            a new version of it; no byte moves
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.changes import NewVersion
from muniment.domain.entities import DEFAULT_WORKSPACE, ModelVersion
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.server.mlflow import sources
from muniment.server.mlflow.source_uris import PROXIED, split_source
from muniment.server.mlflow.wire import Call
from muniment.server.tracking.lookups import TrackedRun, Tracking, tracking_of
from muniment.server.web import register
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.words import model_path
from muniment.services import Services

_CHOICES: Final = 100
_LOGGED: Final = "models:/m-"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that a run has logged: the source of a version to be, and what it is called."""

    source: str
    name: str
    what: str


async def show(visit: Visit, fault: MunimentError | None = None) -> Response:
    """Show the form, with what the run has logged if one is named."""
    run_id = (visit.form.get("run") or visit.asked.get("run", "")).strip()
    wanted = visit.form.get("model") or visit.asked.get("model", "")
    tracking = tracking_of(visit.request) if visit.workspace == DEFAULT_WORKSPACE else None
    values = await visit.wait_for(partial(register.gathered, visit.services, wanted))
    choices: Sequence[Choice] = ()
    if tracking is not None and run_id and values["may"]:
        try:
            choices = await visit.wait_for(partial(_choices, visit.services, tracking, run_id))
        except NotFound as missing:
            fault = fault or missing
    elsewhere = visit.workspace != DEFAULT_WORKSPACE
    return await visit.page(
        "register_run",
        {
            **values,
            "run": run_id,
            "choices": choices,
            "keeps_runs": tracking is not None,
            "elsewhere": elsewhere,
            "chosen": visit.form.get("source") or visit.asked.get("source", ""),
        },
        fault=fault,
    )


async def act(visit: Visit) -> Response:
    """Register what was chosen; show the form again if that is refused."""
    try:
        version = await _registered(visit)
    except MunimentError as fault:
        return await show(visit, fault)
    return visit.lead_on(
        model_path(version.model, version.version), f"{version.ref} is registered."
    )


async def _registered(visit: Visit) -> ModelVersion:
    form = visit.form
    name, source = form.get("model", "").strip(), form.get("source", "").strip()
    names.check_model_name(name)
    if not source:
        raise InvalidInput("Choose what to register.", details={"field": "source"})
    model_id = source.removeprefix("models:/") if source.startswith(_LOGGED) else ""
    run_id = "" if model_id else form.get("run", "").strip()
    call = Call(visit.request, visit.services, {})
    resolved = await sources.resolve(
        call, name=name, source=source, run_id=run_id, model_id=model_id, prompt=False
    )
    new = NewVersion(
        files=resolved.files,
        label=form.get("label", "").strip() or None,
        description=form.get("description", ""),
        source_uri=resolved.source_uri,
        location=resolved.location,
        run_id=resolved.run_id,
        origins=resolved.origins,
    )
    create = partial(visit.services.catalog.create_version, name, new, create_model=True)
    version = await visit.wait_for(create)
    await sources.link(call, resolved, version)
    return version


def _choices(services: Services, tracking: Tracking, run_id: str) -> list[Choice]:
    """Return what a run has logged. Raises NotFound."""
    services.runs.check(Verb.READ_RUNS)
    run = tracking.run(run_id)
    if run is None:
        raise NotFound(
            f"There is no run {run_id!r:.100}.",
            hint="Its id stands at the top of the run's page.",
            details={"field": "run"},
        )
    choices = []
    for model_id in run.models[:_CHOICES]:
        logged = tracking.logged_model(model_id)
        if logged is not None:
            source = f"models:/{model_id}"
            choices.append(Choice(source, logged.name or model_id, "logged model"))
    folders = _folders(services, run)
    choices += (Choice(f"runs:/{run_id}/{name}", name, "folder") for name in folders[:_CHOICES])
    choices.append(Choice(f"runs:/{run_id}", "all that it has logged", ""))
    return choices


def _folders(services: Services, run: TrackedRun) -> list[str]:
    base = split_source(run.artifact_uri)
    if base.scheme != PROXIED or base.host:
        return []  # they lie elsewhere: a version points there
    return [child.name for child in services.files.children(base.folder) if child.is_folder]


routes: Final = web_routes("/register/run", get=show, post=act)
