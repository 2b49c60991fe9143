"""What to do with a version next, named by its outcome; and if that can't be, why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.access import Asked, Verb
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.requests import RequestAction, TransitionRequest
from muniment.server.web.demands import Demand, demands_of
from muniment.server.web.words import model_path, query
from muniment.services import Services

TARGET: Final = "Production"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The primary action: its name and where it leads; with `why_not`, it is not possible now.

    `waiting` is the open request for it, if there is one; `demanded` is what the stage demands of
    the version, met or not; `others` tells of the page for all other stages, if they may be had.
    """

    name: str = ""
    path: str = ""
    why_not: str = ""
    waiting: TransitionRequest | None = None
    demanded: Sequence[Demand] = ()
    others: str = ""


def next_step(
    services: Services,
    model: RegisteredModel,
    version: ModelVersion,
    checks: Collection[str] = (),
) -> NextStep:
    """Return what the caller can do with a version next; `checks` are still to run on it."""
    may, about = services.caller.principal.decide, Asked.about(model, stage=TARGET)
    form = model_path(model.name, version.version, "request")
    asks = may(Verb.REQUEST_STAGE, about)
    moves = may(Verb.MOVE_STAGE, about)
    others = form if asks or moves else ""
    if version.stage == TARGET:
        return NextStep(others=others)
    opened = services.lifecycle.open_requests(model.name, version.version)
    waiting = next((asked for asked in opened if asked.to_stage == TARGET), None)
    found = services.lifecycle.requirements(model.name, version.version, TARGET)
    # That it is READY shows anyway.
    demanded = demands_of(found, checks) if len(found) > 1 else []
    if waiting is not None:
        reviews = RequestAction.APPROVE in services.lifecycle.actions(waiting)
        name = f"Review the request for {TARGET}" if reviews else f"Request {waiting.id} is open"
        path = f"/requests/{waiting.id}"
        return NextStep(name, path, waiting=waiting, demanded=demanded, others=others)
    missing = any(not one.met for one in demanded)
    name = f"Move to {TARGET}" if moves and not missing else f"Request {TARGET}"
    path = query(form, {"stage": TARGET})
    why_not = _why_not(version)
    if not why_not and not (asks or moves):
        why_not = f"Not allowed: {asks.because}."
    return NextStep(name, path, why_not, demanded=demanded, others=others)


def _why_not(version: ModelVersion) -> str:
    if version.status is Status.PENDING:
        return "Its files are not here yet: it is PENDING."
    if version.status is Status.FAILED:
        return f"Its upload failed: {version.status_message}"
    return ""
