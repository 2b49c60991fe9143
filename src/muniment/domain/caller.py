"""Who is asking: every service acts for one caller, in one workspace."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.domain.access import OWNER, Principal
from muniment.domain.entities import DEFAULT_WORKSPACE

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """The acting person or machine, the workspace that it acts in, and what it may do there.

    `actor` is the name that history shows; `consumer` what a job calls itself, if it does.
    """

    actor: str = ANONYMOUS
    workspace: str = DEFAULT_WORKSPACE
    principal: Principal = OWNER
    request_id: str | None = None
    consumer: str | None = None
