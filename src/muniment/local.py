"""A registry in this process: services over a folder, behind the client's interface."""

from __future__ import annotations

from pathlib import Path

from muniment.domain.accounts import WhoAmI
from muniment.domain.caller import Caller
from muniment.services import Access, Auditor, Observer, Services
from muniment.services.base import Ports
from muniment.storage.factory import open_folder


class LocalBackend(Services):
    """The services themselves; satisfies `muniment.client.backend.Backend`.

    Nobody signs in: whoever may read and write the folder owns the registry.
    """

    def __init__(self, ports: Ports, caller: Caller, folder: Path) -> None:
        super().__init__(ports, caller)
        self._folder = folder

    @property
    def has_users(self) -> bool:
        """Whether a server over this folder asks for a sign-in."""
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
        """The folder."""
        return str(self._folder)

    def close(self) -> None:
        """Let go of the files."""
        self._ports.close()


def open_local(
    folder: Path,
    *,
    actor: str = "anonymous",
    workspace: str = "default",
    consumer: str | None = None,
) -> LocalBackend:
    """Open (or create) the registry in `folder`.

    Raises:
        ConfigurationError: the folder was written by a newer Muniment.
        Corrupt: its database is damaged.
    """
    stores = open_folder(folder)
    ports = Ports(
        stores.metadata,
        stores.blobs,
        accounts=stores.accounts,
        auditor=Auditor(stores.accounts),
        observer=Observer(stores.metadata),
        webhooks=stores.webhooks,
        leases=stores.leases,
    )
    ports.metadata.ensure_workspace(workspace, ports.clock())
    caller = Caller(actor=actor, workspace=workspace, consumer=consumer)
    return LocalBackend(ports, caller, folder)
