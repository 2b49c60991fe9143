"""Who is asking: every service acts for one caller, in one workspace."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.domain.entities import DEFAULT_WORKSPACE

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """The acting person or machine, and the workspace that it acts in."""

    actor: str = ANONYMOUS
    workspace: str = DEFAULT_WORKSPACE
    request_id: str | None = None
