"""Asking for a stage: what it demands of a version, and the form that asks, or moves it at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Asked, Verb
from muniment.domain.entities import NO_STAGE, ModelVersion
from muniment.domain.requirements import blockers
from muniment.domain.stages import Stage, find_stage
from muniment.errors import InUse, InvalidInput, MunimentError, NotFound
from muniment.server.web.demands import demands_of
from muniment.server.web.evidence import affected, deltas, others_in
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.words import model_path
from muniment.services import Services
from muniment.services.lifecycle.transitions import ARCHIVED

_METRICS: Final = 40


async def show(visit: Visit) -> Response:
    """Show what a stage demands of a version, and the form to ask for it."""
    return await _page(visit)


async def act(visit: Visit) -> Response:
    """Open a request, or move the version at once; show the form again if that is refused."""
    name, number = visit.params["name"], number_in(visit)
    try:
        path, said = await visit.wait_for(partial(_done, visit, name, number))
    except NotFound:
        raise
    except MunimentError as fault:
        return await _page(visit, fault)
    return visit.lead_on(path, said)


def _done(visit: Visit, name: str, number: int) -> tuple[str, str]:
    form, lifecycle = visit.form, visit.services.lifecycle
    stage, comment, archives = form.get("stage", ""), form.get("comment", ""), "archive" in form
    match form.get("action"):
        case "ask":
            asked = lifecycle.request_transition(
                name, number, stage, archive_existing=archives, comment=comment
            )
            return f"/requests/{asked.id}", f"{asked.to_stage} is requested for {name}/{number}."
        case "move":
            moved = lifecycle.move_to_stage(
                name,
                number,
                stage,
                archive_existing=archives,
                comment=comment,
                force="force" in form,
            )
            return model_path(name, number), f"{moved.ref} is in {moved.stage} now."
    raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")


async def _page(visit: Visit, fault: MunimentError | None = None) -> Response:
    wanted = visit.form.get("stage") or visit.asked.get("stage", "")
    name, number = visit.params["name"], number_in(visit)
    values = await visit.wait_for(partial(_gathered, visit.services, name, number, wanted))
    values["in_use"] = isinstance(fault, InUse)
    return await visit.page("ask", values, fault=fault)


def _gathered(services: Services, name: str, number: int, wanted: str) -> dict[str, object]:
    lifecycle, principal = services.lifecycle, services.caller.principal
    version, model = services.catalog.version(name, number), services.catalog.model(name)
    stages = lifecycle.stages()
    to = find_stage(wanted, stages) if wanted else _next(stages, version)
    if to is None or to.name == version.stage:
        to = _next(stages, version)
    demanded = lifecycle.requirements(name, number, to.name)
    opened = lifecycle.open_requests(name, number)
    about = Asked.about(model, stage=to.name)
    asks, moves = (principal.decide(v, about) for v in (Verb.REQUEST_STAGE, Verb.MOVE_STAGE))
    others = others_in(services, to.name, version)
    compared = deltas(model.tags, version, others[0] if others else None)
    return {
        "version": version,
        "stages": [stage for stage in stages if stage.name != version.stage],
        "to": to,
        "demanded": demands_of(demanded, services.checks.waiting(name, number)),
        "missing": blockers(demanded),
        "present": next((asked for asked in opened if asked.to_stage == to.name), None),
        "may_ask": asks.allowed,
        "why_not": asks.because,
        "may_move": moves.allowed and not blockers(demanded),
        "others": others,
        "may_archive": to.name not in (NO_STAGE, ARCHIVED) and bool(others),
        "deltas": compared[:_METRICS],
        "affected": affected(services, version, to.name, others, archives=to.name == ARCHIVED),
    }


def _next(stages: Sequence[Stage], version: ModelVersion) -> Stage:
    """Return the stage that usually follows the one that a version is in."""
    present = find_stage(version.stage, stages) or stages[0]
    others = [stage for stage in stages if stage.name != present.name]
    later = [stage for stage in others if stage.order > present.order]
    return (later or others)[0]


routes: Final = web_routes("/models/{name}/{number}/request", get=show, post=act)
