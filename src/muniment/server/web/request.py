"""A transition request: what is asked for, what speaks for and against it, and the decision.

GET  /requests/4                    from → to, requirements, metrics, who is affected, thread
POST action=approve|reject|cancel   the decision, with a comment
POST action=comment|withdraw        one more word, or one taken back
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.comments import Comment
from muniment.domain.entities import NO_STAGE, ModelVersion
from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.domain.requirements import Rule
from muniment.domain.stages import demands, find_stage
from muniment.errors import InUse, InvalidInput, MunimentError, NotFound
from muniment.server.web.demands import demands_of
from muniment.server.web.evidence import affected, consumers, deltas, others_in
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.services import Services
from muniment.services.lifecycle.transitions import ARCHIVED

_COMMENTS: Final = 100
_METRICS: Final = 40


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the thread; `comment` is what may be taken back, `mine` whether by the visitor.

    `did` says what was done with these words: nothing but saying them, if it is empty.
    """

    by: str
    at: datetime
    text: str
    did: str = ""
    comment: Comment | None = None
    mine: bool = False


async def show(visit: Visit) -> Response:
    """Show a request."""
    return await _page(visit)


async def act(visit: Visit) -> Response:
    """Approve, reject, cancel or comment; show the request again if that is refused."""
    number = number_in(visit, "id")
    try:
        said = await visit.wait_for(partial(_done, visit.services, number, visit.form))
    except NotFound:
        raise
    except MunimentError as fault:
        return await _page(visit, fault)
    return visit.lead_on(f"/requests/{number}", said)


async def _page(visit: Visit, fault: MunimentError | None = None) -> Response:
    number, token = number_in(visit, "id"), visit.asked.get("page_token") or None
    values = await visit.wait_for(partial(_gathered, visit.services, number, token))
    in_use = isinstance(fault, InUse)
    return await visit.page("request", {**values, "in_use": in_use}, fault=fault)


def _gathered(services: Services, number: int, token: str | None) -> dict[str, object]:
    lifecycle = services.lifecycle
    asked = lifecycle.request(number)
    model, version = services.catalog.model(asked.model), _version(services, asked)
    verbs = lifecycle.verbs(asked.model, stage=asked.to_stage)
    to = find_stage(asked.to_stage, lifecycle.stages())
    demanded = lifecycle.blockers(number)
    waiting = services.checks.waiting(asked.model, asked.version) if version else []
    is_open = version is not None and any(
        one.id == number for one in lifecycle.open_requests(asked.model, asked.version)
    )
    approvals = demands(to, model).approvals if to else 0
    others = others_in(services, asked.to_stage, version) if version and is_open else []
    compared = deltas(model.tags, version, others[0] if others else None) if version else []
    archives = asked.archive_existing or asked.to_stage == ARCHIVED
    used = others[0] if others else version
    comments = services.comments.comments(
        asked.model, request=number, page_size=_COMMENTS, page_token=token
    )
    return {
        "asked": asked,
        "version": version,
        "is_open": is_open,
        "overdue": asked.state is RequestState.OPEN and version is not None and not is_open,
        "actions": lifecycle.actions(asked),
        "Action": RequestAction,
        "objection": lifecycle.objection(asked) if is_open else "",
        "demanded": demands_of(demanded, waiting),
        "waiting": waiting,
        "missing": [one for one in demanded if not one.met and one.rule is not Rule.APPROVALS],
        "more_approvals": max(0, approvals - len(asked.approvals) - 1),
        "checks": _checks(services, version),
        "others": others,
        "may_archive": asked.to_stage not in (NO_STAGE, ARCHIVED) and bool(others),
        "deltas": compared[:_METRICS],
        "more_metrics": max(0, len(compared) - _METRICS),
        "affected": affected(services, version, asked.to_stage, others, archives=archives)
        if version and is_open
        else [],
        "used": used,
        "consumers": consumers(services, used) if used and is_open else [],
        "thread": _thread(services, asked, verbs, comments.items, first=not token),
        "next_token": comments.next_token,
        "may_comment": Verb.COMMENT in verbs,
    }


def _version(services: Services, asked: TransitionRequest) -> ModelVersion | None:
    try:
        return services.catalog.version(asked.model, asked.version)
    except NotFound:  # it was deleted; the request tells of it all the same
        return None


def _checks(services: Services, version: ModelVersion | None) -> object:
    return services.checks.results(version.model, version.version) if version else ()


def _thread(
    services: Services,
    asked: TransitionRequest,
    verbs: frozenset[Verb],
    comments: tuple[Comment, ...],
    *,
    first: bool,
) -> list[Said]:
    """Return what was said; the request's own words stand on the first page."""
    actor, moderates = services.caller.actor, Verb.STAGES in verbs
    said = [
        Said(
            by=comment.author,
            at=comment.created_at,
            text=comment.text,
            comment=comment,
            mine=moderates or (comment.author == actor and Verb.COMMENT in verbs),
        )
        for comment in comments
    ]
    if first:
        asks = f"asked for {asked.to_stage}"
        said.append(Said(asked.requested_by, asked.created_at, asked.comment, asks))
        said += (Said(yes.by, yes.at, yes.comment, "approved") for yes in asked.approvals)
        if asked.closed_at and asked.state is not RequestState.APPROVED:
            closed = f"closed it: {asked.state.value}"
            said.append(Said(asked.closed_by, asked.closed_at, asked.closing_comment, closed))
    return sorted(said, key=lambda one: one.at)


# -- acting --------------------------------------------------------------------------------------


def _done(services: Services, number: int, form: Mapping[str, str]) -> str:
    act = _ACTIONS.get(form.get("action", ""))
    if act is None:
        raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")
    return act(services, number, form)


def _approve(services: Services, number: int, form: Mapping[str, str]) -> str:
    asked = services.lifecycle.approve(
        number,
        comment=form.get("comment", ""),
        archive_existing="archive" in form if "may_archive" in form else None,
        force="force" in form,
        if_match=_revision(form),
    )
    if asked.state is RequestState.OPEN:
        return "Approved. It waits for others to approve, too."
    return f"Approved: {asked.model}/{asked.version} is in {asked.to_stage} now."


def _reject(services: Services, number: int, form: Mapping[str, str]) -> str:
    asked = services.lifecycle.reject(
        number, comment=form.get("comment", ""), if_match=_revision(form)
    )
    return f"Rejected: {asked.model}/{asked.version} stays where it is."


def _cancel(services: Services, number: int, form: Mapping[str, str]) -> str:
    services.lifecycle.cancel(number, comment=form.get("comment", ""), if_match=_revision(form))
    return "The request was taken back."


def _comment(services: Services, number: int, form: Mapping[str, str]) -> str:
    asked = services.lifecycle.request(number)
    services.comments.add(asked.model, form.get("text", ""), request=number)
    return "Your comment was added."


def _withdraw(services: Services, number: int, form: Mapping[str, str]) -> str:
    services.comments.delete(_number(form, "of"))
    return "The comment was taken back."


_ACTIONS: Final[Mapping[str, Callable[[Services, int, Mapping[str, str]], str]]] = {
    "approve": _approve,
    "reject": _reject,
    "cancel": _cancel,
    "comment": _comment,
    "withdraw": _withdraw,
}


def _revision(form: Mapping[str, str]) -> int | None:
    """Return the revision of the request that its reader saw."""
    return _number(form, "revision") if "revision" in form else None


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"{name} is {text!r:.80}, which is no number.")
    return int(text)


routes: Final = web_routes("/requests/{id}", get=show, post=act)
