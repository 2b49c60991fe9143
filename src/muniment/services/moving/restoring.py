"""A registry as a target: sheets and blobs go in through the ports, like every change.

An import adds to what is here. A move (migrate, restore) makes a whole registry anew, so it begins
with an empty place, or goes on with one that it has begun.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import uuid4

from muniment.domain.caller import ANONYMOUS
from muniment.domain.manifest import Manifest
from muniment.domain.values import utcnow
from muniment.errors import Conflict, Corrupt, DigestMismatch
from muniment.services.moving.models import ModelRestorer
from muniment.services.moving.places import ACCOUNTS, WORKSPACES, Target
from muniment.services.moving.reading import RegistrySource, read_manifest, registry_id
from muniment.services.moving.sheets import Sheet
from muniment.services.moving.surroundings import AccountsRestorer, WorkspacesRestorer, all_users
from muniment.storage.factory import Stores

_LANES: Final = 4


class RegistryTarget(Target):
    """A registry that sheets are put into.

    Args:
        whole: whether all of a registry comes here: into an empty place, which is made the same.
        into: another name for the one model that comes.
        accounts: whether accounts may come in, if there are any.
    """

    def __init__(
        self,
        stores: Stores,
        *,
        whole: bool = False,
        into: str | None = None,
        accounts: bool = False,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._stores = stores
        self._whole = whole
        self._into = into
        self._with_accounts = accounts
        self._clock = clock
        self._source = RegistrySource(stores)
        self._workspaces = WorkspacesRestorer(stores, update=whole)
        self._models = ModelRestorer(stores, self._manifest, update=whole, by=_user(), clock=clock)
        self._accounts = AccountsRestorer(stores, clock)
        self._models_seen = 0

    @property
    def lanes(self) -> int:
        """See `Target`."""
        return _LANES

    def begin(self, registry: str) -> None:
        """See `Target`."""
        here = registry_id(self._stores.metadata)
        if not self._whole or here in ("", registry):
            return
        store = self._stores.metadata
        if next(iter(store.all_models()), None) or next(all_users(self._stores.accounts), None):
            raise Conflict(
                "There is another registry in that place.",
                hint="Choose an empty database and an empty place for blobs; to add models to a "
                "registry, use `muniment import`.",
            )
        raise Conflict(
            "A registry has been begun in that place (a server made it when it started).",
            hint="Choose a database that no server has used yet.",
        )

    def lacks(self, digests: Collection[str]) -> frozenset[str]:
        """See `Target`."""
        known = self._stores.metadata.lease_blobs(digests, self._clock())
        stats = ((digest, size, self._stores.blobs.stat(digest)) for digest, size in known.items())
        here = {digest for digest, size, stat in stats if stat is not None and stat.size == size}
        return frozenset(digests) - here

    def put_blob(self, digest: str, size: int, pieces: Iterable[bytes]) -> None:
        """See `Target`."""
        with self._stores.blobs.create_writer(uuid4().hex) as writer:
            for piece in pieces:
                writer.write(piece)
            if writer.offset != size:
                came = writer.offset
                writer.cancel()
                raise Corrupt(
                    f"The blob {digest} has {came} bytes, not {size}.", details={"digest": digest}
                )
            self._stores.metadata.add_blob(digest, size, self._clock())
            try:
                writer.commit(digest)
            except DigestMismatch as error:
                raise Corrupt(
                    f"The blob {digest} is damaged where it comes from.",
                    hint="Take another copy; in a registry, `muniment verify` tells more.",
                    details={"digest": digest},
                ) from error

    def put(self, sheet: Sheet) -> str:
        """See `Target`."""
        if sheet.name == WORKSPACES:
            return self._workspaces.put(sheet)
        if sheet.name == ACCOUNTS:
            return self._accounts.put(sheet) if self._with_accounts else "same"
        self._models_seen += 1
        if self._into is not None and self._models_seen > 1:
            raise Conflict(
                "Several models can't be imported into one name.",
                hint="Choose one of them with --model.",
            )
        return self._models.put(sheet, into=self._into)

    def finish(self) -> None:
        """See `Target`."""

    def _manifest(self, digest: str) -> Manifest | None:
        return read_manifest(self._source, digest, f"the version with the digest {digest}")


def _user() -> str:
    """Return the login name; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ANONYMOUS
