"""The use cases. Faces parse, call one method of one service, and render."""

from __future__ import annotations

from functools import cached_property

from muniment.domain.caller import Caller
from muniment.services.access.access import Access
from muniment.services.access.administration import Administration
from muniment.services.access.audit import Auditor
from muniment.services.access.runs import Runs
from muniment.services.artifacts.artifacts import Artifacts
from muniment.services.artifacts.files import Files
from muniment.services.artifacts.housekeeping import Housekeeping
from muniment.services.base import Ports, Retention
from muniment.services.catalog.catalog import Catalog
from muniment.services.checking.checking import Checking
from muniment.services.comments import Comments
from muniment.services.feed import Feed
from muniment.services.lifecycle.lifecycle import Lifecycle
from muniment.services.lineage.lineage import Lineage
from muniment.services.provenance.provenance import Provenance
from muniment.services.usage.deployments import Deployments
from muniment.services.usage.observer import Observer
from muniment.services.usage.uses import Uses
from muniment.services.webhooks.webhooks import Webhooks

__all__ = [
    "Access",
    "Administration",
    "Artifacts",
    "Auditor",
    "Catalog",
    "Checking",
    "Comments",
    "Deployments",
    "Feed",
    "Files",
    "Housekeeping",
    "Lifecycle",
    "Lineage",
    "Observer",
    "Ports",
    "Provenance",
    "Retention",
    "Runs",
    "Services",
    "Uses",
    "Webhooks",
]


class Services:
    """All services over the same ports, acting for one caller. Cheap to make: one a request."""

    def __init__(self, ports: Ports, caller: Caller) -> None:
        self._ports = ports
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """For whom they act."""
        return self._caller

    @cached_property
    def catalog(self) -> Catalog:
        """Models, versions, aliases, search and history."""
        return Catalog(self._ports, self._caller)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """Stages, transitions and their requests, and the past of all three."""
        return Lifecycle(self._ports, self._caller)

    @cached_property
    def checks(self) -> Checking:
        """Verdicts on versions, reported and found here."""
        return Checking(self._ports, self._caller)

    @cached_property
    def provenance(self) -> Provenance:
        """Signatures, trusted keys, model cards, bills of materials, evidence."""
        return Provenance(self._ports, self._caller)

    @cached_property
    def comments(self) -> Comments:
        """What people say of models, versions and requests."""
        return Comments(self._ports, self._caller)

    @cached_property
    def lineage(self) -> Lineage:
        """What versions came from."""
        return Lineage(self._ports, self._caller)

    @cached_property
    def deployments(self) -> Deployments:
        """Where versions run."""
        return Deployments(self._ports, self._caller)

    @cached_property
    def uses(self) -> Uses:
        """Who resolved and fetched versions."""
        return Uses(self._ports, self._caller)

    @cached_property
    def feed(self) -> Feed:
        """What happened, across models and to single ones."""
        return Feed(self._ports, self._caller)

    @cached_property
    def artifacts(self) -> Artifacts:
        """Bytes in and out."""
        return Artifacts(self._ports, self._caller)

    @cached_property
    def files(self) -> Files:
        """Files outside of versions: what runs log."""
        return Files(self._ports, self._caller)

    @cached_property
    def administration(self) -> Administration:
        """Users, tokens, grants and the audit log."""
        return Administration(self._ports, self._caller)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Who is told of what happens to models."""
        return Webhooks(self._ports, self._caller)

    @cached_property
    def housekeeping(self) -> Housekeeping:
        """Garbage collection and totals."""
        return Housekeeping(self._ports, self._caller)

    @cached_property
    def runs(self) -> Runs:
        """Who may look at runs and log them."""
        return Runs(self._ports, self._caller)
