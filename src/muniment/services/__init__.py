"""The use cases. Faces parse, call one method of one service, and render."""

from __future__ import annotations

from functools import cached_property

from muniment.domain.caller import Caller
from muniment.services.access import Access
from muniment.services.administration import Administration
from muniment.services.artifacts import Artifacts
from muniment.services.audit import Auditor
from muniment.services.base import Ports, Retention
from muniment.services.catalog import Catalog
from muniment.services.housekeeping import Housekeeping

__all__ = [
    "Access",
    "Administration",
    "Artifacts",
    "Auditor",
    "Catalog",
    "Housekeeping",
    "Ports",
    "Retention",
    "Services",
]


class Services:
    """All services over the same ports, acting for one caller. Cheap to make: one a request."""

    def __init__(self, ports: Ports, caller: Caller) -> None:
        self._ports = ports
        self._caller = caller

    @cached_property
    def catalog(self) -> Catalog:
        """Models, versions, aliases, search and history."""
        return Catalog(self._ports, self._caller)

    @cached_property
    def artifacts(self) -> Artifacts:
        """Bytes in and out."""
        return Artifacts(self._ports, self._caller)

    @cached_property
    def administration(self) -> Administration:
        """Users, tokens, grants and the audit log."""
        return Administration(self._ports, self._caller)

    @cached_property
    def housekeeping(self) -> Housekeeping:
        """Garbage collection and totals."""
        return Housekeeping(self._ports, self._caller)
