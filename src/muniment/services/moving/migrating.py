"""A whole registry from one back end to another, whatever either of them is.

There is no list of what was done: what is there says that itself. So it may be stopped at any time
and run again, and it may be run once while the source is in use, to bring most of it, and once more
when nobody changes it any more, to bring the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from muniment.domain.values import JsonObject, utcnow
from muniment.services.moving.moving import Moved, Tell, compare, move
from muniment.services.moving.reading import RegistrySource
from muniment.services.moving.restoring import RegistryTarget
from muniment.storage.factory import Stores

_EVER: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was moved; and whether webhooks are still to be told of something by the source."""

    moved: Moved
    undelivered: bool

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {**self.moved.to_json(), "undelivered": self.undelivered}


def migrate(source: Stores, target: Stores, tell: Tell | None = None) -> Migrated:
    """Bring everything but sign-ins in progress from one place to another, then compare the two.

    Raises:
        Conflict: there is another registry in the target; or somebody changed the source
            meanwhile: run it again, it brings what is new.
        Corrupt: something is damaged in the source.
    """
    old = RegistrySource(source, accounts=True)
    moved = move(old, RegistryTarget(target, whole=True, accounts=True), tell=tell)
    compare(old, RegistrySource(target, accounts=True))
    return Migrated(moved, undelivered=source.webhooks.has_work(utcnow() + _EVER))
