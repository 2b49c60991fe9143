"""What the client needs from a registry, wherever that is.

`muniment.services` satisfies these protocols in this process (see `muniment.local`);
`muniment.client.http` satisfies them over the native API. Everything is in terms of the domain,
and every failure is one of `muniment.errors`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from muniment.client.backend.administration import AdministrationBackend, HousekeepingBackend
from muniment.client.backend.artifacts import ArtifactsBackend, Progress, Source
from muniment.client.backend.catalog import CatalogBackend
from muniment.client.backend.lifecycle import LifecycleBackend
from muniment.client.backend.provenance import ProvenanceBackend
from muniment.client.backend.records import (
    ChecksBackend,
    CommentsBackend,
    DeploymentsBackend,
    FeedBackend,
    LineageBackend,
    UsesBackend,
)
from muniment.client.backend.webhooks import WebhooksBackend
from muniment.domain.accounts import WhoAmI

__all__ = [
    "AdministrationBackend",
    "ArtifactsBackend",
    "Backend",
    "CatalogBackend",
    "ChecksBackend",
    "CommentsBackend",
    "DeploymentsBackend",
    "FeedBackend",
    "HousekeepingBackend",
    "LifecycleBackend",
    "LineageBackend",
    "Progress",
    "ProvenanceBackend",
    "Source",
    "UsesBackend",
    "WebhooksBackend",
]


class Backend(Protocol):
    """A registry: in this process, or at the other end of a connection."""

    @property
    @abstractmethod
    def catalog(self) -> CatalogBackend:
        """Models, versions, aliases, search and history."""

    @property
    @abstractmethod
    def lifecycle(self) -> LifecycleBackend:
        """Stages, transitions, requests, and their past."""

    @property
    @abstractmethod
    def checks(self) -> ChecksBackend:
        """Verdicts on versions."""

    @property
    @abstractmethod
    def provenance(self) -> ProvenanceBackend:
        """Signatures, trusted keys and exports."""

    @property
    @abstractmethod
    def comments(self) -> CommentsBackend:
        """What people say of models, versions and requests."""

    @property
    @abstractmethod
    def lineage(self) -> LineageBackend:
        """What versions came from."""

    @property
    @abstractmethod
    def deployments(self) -> DeploymentsBackend:
        """Where versions run."""

    @property
    @abstractmethod
    def uses(self) -> UsesBackend:
        """Who resolved and fetched versions."""

    @property
    @abstractmethod
    def feed(self) -> FeedBackend:
        """What happened, across models."""

    @property
    @abstractmethod
    def artifacts(self) -> ArtifactsBackend:
        """Bytes in and out."""

    @property
    @abstractmethod
    def webhooks(self) -> WebhooksBackend:
        """Who is told of what happens."""

    @property
    @abstractmethod
    def housekeeping(self) -> HousekeepingBackend:
        """Keeping the house clean."""

    @property
    @abstractmethod
    def administration(self) -> AdministrationBackend:
        """Users, tokens, grants and the audit log."""

    @abstractmethod
    def me(self) -> WhoAmI:
        """Return who the registry takes the caller for, and what they may do."""

    @abstractmethod
    def change_password(self, old: str, new: str) -> None:
        """Choose the caller's own password, knowing the present one.

        Raises:
            Unauthenticated: the present one is another.
            InvalidInput: the new one breaks the rules.
        """

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, for people: a URL or a folder."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files."""
