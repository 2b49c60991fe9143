"""A registry at the other end of a connection: `HttpBackend`."""

from __future__ import annotations

from functools import cached_property

from muniment.client.backend import Backend, HousekeepingBackend
from muniment.client.credentials import Credentials
from muniment.client.http.administration import HttpAdministration
from muniment.client.http.artifacts import HttpArtifacts
from muniment.client.http.catalog import HttpCatalog
from muniment.client.http.connection import Connection
from muniment.client.http.lifecycle import HttpLifecycle
from muniment.client.http.provenance import HttpProvenance
from muniment.client.http.records import (
    HttpChecks,
    HttpComments,
    HttpDeployments,
    HttpFeed,
    HttpLineage,
    HttpUses,
)
from muniment.client.http.webhooks import HttpWebhooks
from muniment.domain.accounts import WhoAmI
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.domain.garbage import GarbageReport
from muniment.domain.values import JsonObject

__all__ = ["HttpBackend"]


class HttpHousekeeping(HousekeepingBackend):
    """`HousekeepingBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def collect_garbage(
        self,
        *,
        dry_run: bool = False,
        restore_window: float | None = None,
        grace: float | None = None,
    ) -> GarbageReport:
        body: JsonObject = {"dry_run": dry_run, "restore_window": restore_window, "grace": grace}
        return GarbageReport.from_json(
            self._connection.call("POST", "/garbage/collect", body, safe=dry_run)
        )


class HttpBackend(Backend):
    """The registry of a server; safe for many threads. Connects when it is first asked."""

    def __init__(
        self,
        url: str,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        credentials: Credentials | None = None,
    ) -> None:
        self._connection = Connection(url, workspace=workspace, credentials=credentials)

    @cached_property
    def catalog(self) -> HttpCatalog:
        """Models, versions, aliases, search and history."""
        return HttpCatalog(self._connection)

    @cached_property
    def lifecycle(self) -> HttpLifecycle:
        """Stages, transitions, requests, and their past."""
        return HttpLifecycle(self._connection)

    @cached_property
    def checks(self) -> HttpChecks:
        """Verdicts on versions."""
        return HttpChecks(self._connection)

    @cached_property
    def provenance(self) -> HttpProvenance:
        """Signatures, trusted keys and exports."""
        return HttpProvenance(self._connection)

    @cached_property
    def comments(self) -> HttpComments:
        """What people say of models, versions and requests."""
        return HttpComments(self._connection)

    @cached_property
    def lineage(self) -> HttpLineage:
        """What versions came from."""
        return HttpLineage(self._connection)

    @cached_property
    def deployments(self) -> HttpDeployments:
        """Where versions run."""
        return HttpDeployments(self._connection)

    @cached_property
    def uses(self) -> HttpUses:
        """Who resolved and fetched versions."""
        return HttpUses(self._connection)

    @cached_property
    def feed(self) -> HttpFeed:
        """What happened, across models."""
        return HttpFeed(self._connection)

    @cached_property
    def artifacts(self) -> HttpArtifacts:
        """Bytes."""
        return HttpArtifacts(self._connection)

    @cached_property
    def webhooks(self) -> HttpWebhooks:
        """Who is told of what happens."""
        return HttpWebhooks(self._connection)

    @cached_property
    def housekeeping(self) -> HttpHousekeeping:
        """Garbage collection."""
        return HttpHousekeeping(self._connection)

    @cached_property
    def administration(self) -> HttpAdministration:
        """Users, tokens, grants and the audit log."""
        return HttpAdministration(self._connection)

    def me(self) -> WhoAmI:
        """Who the server takes the caller for."""
        return WhoAmI.from_json(self._connection.get("/me"))

    def change_password(self, old: str, new: str) -> None:
        """Choose the caller's own password."""
        self._connection.call("POST", "/me/password", {"old": old, "new": new})

    @property
    def address(self) -> str:
        """The server's URL."""
        return self._connection.url

    def close(self) -> None:
        """Close all sockets."""
        self._connection.close()
