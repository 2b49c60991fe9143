"""Administration: the way to its pages, of which everybody sees those that are for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.server.web.frame import Visit, web_routes


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of the administration."""

    path: str
    name: str


_TABS: Final = (
    (Tab("/admin/users", "Users"), Verb.USERS),
    (Tab("/admin/grants", "Roles"), Verb.GRANT),
    (Tab("/admin/stages", "Stages"), Verb.READ),
    (Tab("/admin/audit", "Audit log"), Verb.AUDIT),
)
_TOKENS: Final = Tab("/admin/tokens", "Your tokens")


def tabs(visit: Visit) -> list[Tab]:
    """Return the pages that the visitor may look at."""
    return [*(tab for tab, verb in _TABS if visit.may(verb)), _TOKENS]


async def show(visit: Visit) -> Response:
    """Lead to the first page that the visitor may look at."""
    return visit.lead_on(tabs(visit)[0].path)


routes: Final = web_routes("/admin", get=show)
