"""One deployment: declared, shown beside what it should run, changed, retired.

/deployments/declare    the form for a new one; for a place that is declared, it is changed
/deployments/7          POST action=change | retire
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift
from muniment.errors import InvalidInput, MunimentError, NotFound, PermissionDenied
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.services import Services

_STATES: Final = [state.value for state in DeploymentStatus if state.value != "retired"]
_PIECE: Final = 100


@dataclass(frozen=True, slots=True)
class Target:
    """What a deployment is to follow: one of the three, or none of them to leave it as it is."""

    version: int | None = None
    alias: str | None = None
    stage: str | None = None

    @classmethod
    def of(cls, text: str) -> Target:
        """Read `3`, `@champion` or `Production`.

        >>> Target.of("@champion")
        Target(version=None, alias='champion', stage=None)
        """
        text = text.strip()
        if not text:
            return cls()
        if text.startswith("@"):
            return cls(alias=text[1:])
        if text.isascii() and text.isdecimal() and len(text) < 19:
            return cls(version=int(text))
        return cls(stage=text)

    @classmethod
    def text_of(cls, deployment: Deployment) -> str:
        """Return what `of` reads as the target of a deployment."""
        if deployment.alias is not None:
            return f"@{deployment.alias}"
        return deployment.stage if deployment.stage is not None else str(deployment.version)


# -- a new one -----------------------------------------------------------------------------------


async def ask(visit: Visit) -> Response:
    """Show the form that declares a deployment; the query may fill it in."""
    return await _form(visit)


async def declare(visit: Visit) -> Response:
    """Declare a deployment."""
    try:
        done = await visit.wait_for(partial(_declared, visit.services, visit.form))
    except MunimentError as fault:
        return await _form(visit, fault)
    return visit.lead_on(f"/deployments/{done.id}", f"{done.place} runs {done.target}.")


async def _form(visit: Visit, fault: MunimentError | None = None) -> Response:
    if not visit.may(Verb.DEPLOY):
        fault = fault or PermissionDenied("Not allowed: no grant of yours allows to deploy.")
    filled = {key: visit.asked[key] for key in ("model", "environment", "name", "target")
              if key in visit.asked}  # fmt: skip
    values = {"filled": visit.form or filled, "states": _STATES, "may": visit.may(Verb.DEPLOY)}
    return await visit.page("declare", values, fault=fault)


def _declared(services: Services, form: Mapping[str, str]) -> Deployment:
    for field in ("model", "environment", "name", "target"):
        if not form.get(field, "").strip():
            raise InvalidInput(
                f"The {field} is missing.",
                hint="A deployment has a model, an environment, a name and something it runs.",
                details={"field": field},
            )
    return _saved(
        services, form["model"].strip(), form["environment"].strip(), form["name"].strip(), form
    )


def _saved(
    services: Services,
    model: str,
    environment: str,
    name: str,
    form: Mapping[str, str],
    *,
    if_match: int | None = None,
) -> Deployment:
    """Declare what a form says; of a deployment that it shows, with `if_match`, all of it.

    Raises what is wrong with it, at the field where that is clear.
    """
    target, running = Target.of(form.get("target", "")), form.get("running", "").strip()
    if running and not (running.isascii() and running.isdecimal() and len(running) < 19):
        raise InvalidInput(f"{running!r:.80} is no version.", details={"field": "running"})
    state = form.get("status", "")
    if state not in ("", *_STATES):
        raise InvalidInput(f"There is no state {state!r:.40}.", details={"field": "status"})
    try:
        return services.deployments.declare(
            model,
            environment,
            name,
            version=target.version,
            alias=target.alias,
            stage=target.stage,
            running=int(running) if running else None,
            forget_running=if_match is not None,
            status=DeploymentStatus(state) if state else None,
            url=form.get("url", "").strip(),
            comment=form.get("comment"),
            if_match=if_match,
        )
    except (InvalidInput, NotFound) as fault:
        field = fault.details.get("field", "")
        if field in ("version", "alias", "stage"):
            fault.details["field"] = "target"
        elif not field and isinstance(fault, NotFound):
            fault.details["field"] = "target" if _is_known(services, model) else "model"
        raise


def _is_known(services: Services, model: str) -> bool:
    try:
        services.catalog.model(model)
    except NotFound:
        return False
    return True


# -- one that is there ---------------------------------------------------------------------------


async def show(visit: Visit) -> Response:
    """Show a deployment."""
    return await _page(visit)


async def act(visit: Visit) -> Response:
    """Change or retire it; show it again if that is refused."""
    number = number_in(visit, "id")
    try:
        said = await visit.wait_for(partial(_done, visit.services, number, visit.form))
    except MunimentError as fault:
        return await _page(visit, fault)
    return visit.lead_on(f"/deployments/{number}", said)


async def _page(visit: Visit, fault: MunimentError | None = None) -> Response:
    values = await visit.wait_for(partial(_gathered, visit.services, number_in(visit, "id")))
    return await visit.page("deployment", values, fault=fault)


def _gathered(services: Services, number: int) -> dict[str, object]:
    found = services.deployments.deployment(number)
    return {
        "found": found,
        "drift": _drift(services, found) if found.live else None,
        "target": Target.text_of(found),
        "states": _STATES,
        "may": Verb.DEPLOY in services.lifecycle.verbs(found.model),
    }


def _drift(services: Services, deployment: Deployment) -> Drift | None:
    """Return a live deployment beside what it should run; None if it was retired meanwhile."""
    token: str | None = None
    while True:
        page = services.deployments.drift(
            model=deployment.model,
            environment=deployment.environment,
            page_size=_PIECE,
            page_token=token,
        )
        for drift in page.items:
            if drift.deployment.id == deployment.id:
                return drift
        token = page.next_token
        if token is None:
            return None


def _done(services: Services, number: int, form: Mapping[str, str]) -> str:
    found = services.deployments.deployment(number)
    revision = form.get("revision", "")
    if not (revision.isascii() and revision.isdecimal() and len(revision) < 19):
        raise InvalidInput(f"The revision is {revision!r:.80}, which is no number.")
    match form.get("action"):
        case "change":
            if not found.live:
                raise NotFound(f"The deployment {found.place!r:.300} is retired.")
            changed = _saved(
                services,
                found.model,
                found.environment,
                found.name,
                {**form, "target": _new_target(found, form)},
                if_match=int(revision),
            )
            return f"{changed.place} runs {changed.target}."
        case "retire":
            services.deployments.retire(
                number, comment=form.get("comment", ""), if_match=int(revision)
            )
            return f"{found.place} is retired."
    raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")


def _new_target(found: Deployment, form: Mapping[str, str]) -> str:
    """Return the target that a form names; nothing if it is what the deployment follows anyway."""
    text = form.get("target", "").strip()
    return "" if text == Target.text_of(found) else text


routes: Final = [
    *web_routes("/deployments/declare", get=ask, post=declare),
    *web_routes("/deployments/{id}", get=show, post=act),
]
