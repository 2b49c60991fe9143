"""A registry in this process: services over its stores, behind the client's interface."""

from __future__ import annotations

from pathlib import Path

from muniment.domain.accounts import WhoAmI
from muniment.domain.caller import Caller
from muniment.services import Access, Auditor, Observer, Services
from muniment.services.base import Ports
from muniment.storage.factory import open_stores
from muniment.storage.places import Place


class LocalBackend(Services):
    """The services themselves; satisfies `muniment.client.backend.Backend`.

    Nobody signs in: whoever may read and write the stores owns the registry.
    """

    def __init__(self, ports: Ports, caller: Caller, place: Place) -> None:
        super().__init__(ports, caller)
        self._place = place

    @property
    def has_users(self) -> bool:
        """Whether a server over the same stores asks for a sign-in."""
        return Access(self._ports).enabled

    def me(self) -> WhoAmI:
        """The owner, under the name that goes into the history."""
        return WhoAmI(
            self._caller.actor, self._caller.workspace, grants=self._caller.principal.grants
        )

    def change_password(self, old: str, new: str) -> None:
        """Choose the password of the user whose name the caller bears."""
        Access(self._ports).change_password(self._caller.actor, old, new, address="")

    @property
    def address(self) -> str:
        """The folder, or the URLs of the stores without their passwords."""
        return self._place.shown

    def close(self) -> None:
        """Let go of the stores."""
        self._ports.close()


def open_local(
    place: Place | Path,
    *,
    actor: str = "anonymous",
    workspace: str = "default",
    consumer: str | None = None,
) -> LocalBackend:
    """Open (or create) the registry at `place`, or in a folder.

    Raises:
        ConfigurationError: the place can't be used, or was written by a newer Muniment.
        Corrupt: its database is damaged.
        Unavailable: a server does not answer.
    """
    if isinstance(place, Path):
        place = Place.of_folder(place)
    stores = open_stores(place)
    ports = Ports(
        stores.metadata,
        stores.blobs,
        accounts=stores.accounts,
        auditor=Auditor(stores.accounts),
        observer=Observer(stores.metadata),
        webhooks=stores.webhooks,
        leases=stores.leases,
    )
    try:
        ports.begin()
        ports.metadata.ensure_workspace(workspace, ports.clock())
    except BaseException:
        ports.close()
        raise
    caller = Caller(actor=actor, workspace=workspace, consumer=consumer)
    return LocalBackend(ports, caller, place)
