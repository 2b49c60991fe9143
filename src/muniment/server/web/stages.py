"""Stages: their order, and what entering each demands. Policies are changed one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from muniment.domain.access import Role, Verb
from muniment.domain.entities import NO_STAGE
from muniment.domain.stages import Stage, stage_key
from muniment.errors import AlreadyExists, InvalidInput, MunimentError, NotFound
from muniment.server.web.admin import tabs
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.policies import policy_in, rules_of, said_of

_APPROVERS: Final = (Role.CONTRIBUTOR, Role.APPROVER, Role.ADMIN)


async def show(visit: Visit) -> Response:
    """List the stages, and ask for a new one."""
    return await _list_page(visit)


async def define(visit: Visit) -> Response:
    """Add a stage."""

    def add() -> Stage:
        lifecycle, name = visit.services.lifecycle, visit.form.get("name", "").strip()
        if any(stage.key == stage_key(name) for stage in lifecycle.stages()):
            raise AlreadyExists(f"There is a stage {name!r:.80}.", details={"field": "stage"})
        return lifecycle.define_stage(_described(visit, Stage(name)), if_match=0)

    try:
        made = await visit.wait_for(add)
    except MunimentError as fault:
        return await _list_page(visit, fault=fault)
    return visit.lead_on(stage_path(made.name), f"There is a stage {made.name} now.")


async def _list_page(visit: Visit, *, fault: MunimentError | None = None) -> Response:
    def gather() -> dict[str, object]:
        stages = visit.services.lifecycle.stages()
        return {"rows": [(s, stage_path(s.name), [said_of(p) for p in s.policies]) for s in stages]}

    known = {"tabs": tabs(visit), "may_change": visit.may(Verb.STAGES)}
    return await visit.page("stages", {**known, **await visit.wait_for(gather)}, fault=fault)


def stage_path(name: str) -> str:
    """Return the path of a stage's page."""
    return f"/admin/stages/{quote(name, safe='')}"


def _described(visit: Visit, stage: Stage) -> Stage:
    form = visit.form
    order = form.get("order", "").strip() or str(stage.order)
    if not (order.isascii() and order.isdecimal() and len(order) < 6):
        raise InvalidInput(f"The order is a number, not {order!r:.40}.", details={"field": "order"})
    colour = form.get("colour", "").strip().lower()
    return replace(
        stage, order=int(order), colour=colour, description=form.get("description", "").strip()
    )


# -- one stage -----------------------------------------------------------------------------------


async def show_one(visit: Visit) -> Response:
    """Show a stage with its policies."""
    return await _page_of_one(visit)


async def act(visit: Visit) -> Response:
    """Change a stage, one of its policies, or remove it."""
    try:
        path, said = await visit.wait_for(lambda: _done(visit))
    except NotFound:
        raise
    except MunimentError as fault:
        return await _page_of_one(visit, fault=fault)
    return visit.lead_on(path, said)


def _done(visit: Visit) -> tuple[str, str]:
    form, lifecycle = visit.form, visit.services.lifecycle
    stage, action = lifecycle.stage(visit.params["name"]), form.get("action")
    if action == "remove":
        lifecycle.drop_stage(stage.name)
        if stage.predefined:
            return stage_path(stage.name), f"{stage.name} is as it always was."
        return "/admin/stages", f"The stage {stage.name} was removed."
    revision = _number(form.get("revision", ""), "revision")
    if action == "describe":
        changed = _described(visit, stage)
    elif action in ("policy", "drop"):
        policies = list(stage.policies)
        at = _number(form.get("at", ""), "policy")
        if at > len(policies) or (action == "drop" and at == len(policies)):
            raise InvalidInput("The stage has changed: this policy is not there any more.")
        policies[at : at + 1] = [policy_in(form)] if action == "policy" else []
        changed = replace(stage, policies=tuple(policies))
    else:
        raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")
    lifecycle.define_stage(changed, if_match=revision)
    return stage_path(stage.name), f"{stage.name} was changed. Open requests are judged by it now."


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"The {what} is a number, not {text!r:.40}.")
    return int(text)


async def _page_of_one(visit: Visit, *, fault: MunimentError | None = None) -> Response:
    stage = await visit.wait_for(lambda: visit.services.lifecycle.stage(visit.params["name"]))
    values: dict[str, object] = {
        "tabs": tabs(visit),
        "stage": stage,
        "policies": [
            (policy, said_of(policy), ", ".join(rules_of(policy))) for policy in stage.policies
        ],
        "approvers": [role.value for role in _APPROVERS],
        "may_change": visit.may(Verb.STAGES),
        "demands_nothing": stage.key == stage_key(NO_STAGE),
    }
    return await visit.page("stage", values, fault=fault)


routes: Final = [
    *web_routes("/admin/stages", get=show, post=define),
    *web_routes("/admin/stages/{name}", get=show_one, post=act),
]
