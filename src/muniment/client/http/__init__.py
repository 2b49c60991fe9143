"""A registry at the other end of a connection: `HttpBackend`."""

from __future__ import annotations

from muniment.client.backend import Backend, HousekeepingBackend
from muniment.client.http.artifacts import HttpArtifacts
from muniment.client.http.catalog import HttpCatalog
from muniment.client.http.connection import Connection
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
        self, url: str, *, workspace: str = DEFAULT_WORKSPACE, token: str | None = None
    ) -> None:
        self._connection = Connection(url, workspace=workspace, token=token)
        self._catalog = HttpCatalog(self._connection)
        self._artifacts = HttpArtifacts(self._connection)
        self._housekeeping = HttpHousekeeping(self._connection)

    @property
    def catalog(self) -> HttpCatalog:
        """Models, versions, aliases, search and history."""
        return self._catalog

    @property
    def artifacts(self) -> HttpArtifacts:
        """Bytes."""
        return self._artifacts

    @property
    def housekeeping(self) -> HttpHousekeeping:
        """Garbage collection."""
        return self._housekeeping

    @property
    def address(self) -> str:
        """The server's URL."""
        return self._connection.url

    def close(self) -> None:
        """Close all sockets."""
        self._connection.close()
