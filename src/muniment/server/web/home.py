"""Home: what waits for me, what happened, what is in production; or how to begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.activities import Happened
from muniment.domain.entities import ModelVersion
from muniment.domain.query import Comparison, Op, OrderBy, Target, attribute
from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.server.web.begin import first_steps
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.telling import told

_REQUESTS: Final = 20
_IN_PRODUCTION: Final = 12
_HAPPENED: Final = 12
_READ: Final = 3 * _HAPPENED  # a new version has several checks and several edges of lineage
_DUE: Final = 20
_PRODUCTION: Final = "Production"


@dataclass(frozen=True, slots=True)
class Open:
    """An open request, and whether it waits for the visitor."""

    asked: TransitionRequest
    mine: bool


async def show(visit: Visit) -> Response:
    """Show the home of a workspace."""
    services = visit.services

    def gather() -> dict[str, object]:
        if not visit.may(Verb.READ):
            return {"is_new": False, "is_outsider": True}
        if not services.catalog.find_models(None, page_size=1).items:
            return {"is_new": True, "is_outsider": False, "steps": first_steps(visit)}
        asked = services.lifecycle.requests(state=RequestState.OPEN, page_size=_REQUESTS)
        opened = [
            Open(a, RequestAction.APPROVE in services.lifecycle.actions(a)) for a in asked.items
        ]
        due = services.lifecycle.reviews_due(limit=_DUE + 1)
        return {
            "is_new": False,
            "is_outsider": False,
            "requests": sorted(opened, key=lambda one: not one.mine),
            **_heading(opened, asked.next_token is not None, due),
            "in_production": _in_production(visit),
            "due": due[:_DUE],
            "more_due": len(due) > _DUE,
            "happened": _condensed(services.feed.activities(page_size=_READ).items),
            "told": told,
        }

    return await visit.page("home", await visit.wait_for(gather))


def _heading(opened: Sequence[Open], more: bool, due: Sequence[object]) -> dict[str, str]:
    """Return what waits for the visitor, in a word, and what waits besides."""
    mine = sum(one.mine for one in opened)
    title, besides = "Nothing waits for you", []
    if mine:
        title = _counted(mine, more, "request waits", "requests wait") + " for you"
    if others := len(opened) - mine:
        besides.append(_counted(others, more, "request waits", "requests wait") + " for others")
    if due:
        late = _counted(min(len(due), _DUE), len(due) > _DUE, "version is", "versions are")
        besides.append(f"{late} due for review")
    return {"title": title, "besides": ", ".join(besides)}


def _counted(count: int, more: bool, one: str, many: str) -> str:
    """Return a number of things, at least, and what they do.

    >>> _counted(1, False, "request waits", "requests wait")
    '1 request waits'
    >>> _counted(20, True, "request waits", "requests wait")
    '20 or more requests wait'
    """
    return f"{count} or more {many}" if more else f"{count} {one if count == 1 else many}"


def _condensed(happened: Iterable[Happened]) -> list[tuple[Happened, int]]:
    """Return what happened, and how often in a row to one version, by the same person."""

    def alike(one: Happened) -> tuple[object, ...]:
        did = one.activity
        return (one.model_id, did.version, did.actor, did.kind, did.comment)

    rows = [list(row) for _, row in groupby(happened, key=alike)]
    return [(row[0], len(row)) for row in rows[:_HAPPENED]]


def _in_production(visit: Visit) -> list[ModelVersion]:
    where = Comparison(attribute(Target.VERSIONS, "stage"), Op.EQ, _PRODUCTION)
    order = (OrderBy(attribute(Target.VERSIONS, "updated_at"), descending=True),)
    return list(visit.services.catalog.find_versions(where, order, page_size=_IN_PRODUCTION).items)


routes: Final = web_routes("/", get=show)
