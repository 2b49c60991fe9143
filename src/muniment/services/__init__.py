"""The use cases. Faces parse, call one method of one service, and render."""

from __future__ import annotations

from functools import cached_property

from muniment.domain.caller import Caller
from muniment.services.artifacts import Artifacts
from muniment.services.base import Ports, Retention
from muniment.services.catalog import Catalog
from muniment.services.housekeeping import Housekeeping

__all__ = ["Artifacts", "Catalog", "Housekeeping", "Ports", "Retention", "Services"]


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
    def housekeeping(self) -> Housekeeping:
        """Garbage collection and totals."""
        return Housekeeping(self._ports, self._caller)
