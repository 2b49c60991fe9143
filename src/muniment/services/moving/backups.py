"""Backups: archives of the whole registry, one beside the other, with their blobs in common.

A backup is made beside whatever goes on, and takes each model as it is at one moment. Its blobs are
leased until they are copied, so that no garbage collection takes them; those of earlier backups are
not copied again. It gets its name when it is whole, so what was cut off is not taken for one; the
next backup goes on with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from muniment.domain.values import JsonObject, time_to_json
from muniment.errors import Conflict, InvalidInput, NotFound
from muniment.services.moving.folders import BLOBS, FolderSource, FolderTarget
from muniment.services.moving.moving import Moved, Tell, move
from muniment.services.moving.reading import RegistrySource
from muniment.services.moving.restoring import RegistryTarget
from muniment.storage.factory import Stores

UNFINISHED: Final = "unfinished"
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole: its name, which is the time at which it was begun, and its folder."""

    name: str
    folder: Path
    moved: Moved

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {"name": self.name, "folder": str(self.folder), **self.moved.to_json()}


def back_up(stores: Stores, folder: Path, now: datetime, tell: Tell | None = None) -> Backup:
    """Make a backup of all of a registry, accounts too, in a folder of backups.

    Raises:
        Conflict: the folder holds something else, or backups of another registry.
        Corrupt: something is damaged; there is no backup then, and those before stay.
    """
    if folder.exists() and not _is_ours(folder):
        raise Conflict(
            f"{str(folder)!r} holds something else than backups.", hint="Choose an empty folder."
        )
    source = RegistrySource(stores, accounts=True)
    earlier = backups(folder)
    if earlier and FolderSource(folder / earlier[-1], folder / BLOBS).registry != source.registry:
        raise Conflict(
            f"{str(folder)!r} holds backups of another registry.", hint="Choose another folder."
        )
    name = time_to_json(now).replace(":", "-")
    moved = move(source, FolderTarget(folder / UNFINISHED, folder / BLOBS), tell=tell)
    done = (folder / UNFINISHED).rename(folder / name)
    return Backup(name, done, moved)


def restore(stores: Stores, folder: Path, name: str | None, tell: Tell | None = None) -> Backup:
    """Bring a backup, by default the newest, to an empty place; every digest is verified.

    Raises:
        NotFound: there is no such backup.
        Conflict: there is another registry in the place.
        Corrupt: the backup is damaged.
    """
    found = backups(folder)
    if not found:
        raise NotFound(
            f"There is no backup in {str(folder)!r}.",
            hint="`muniment backup` makes one; what was cut off is none.",
        )
    if name is not None and name not in found:
        raise NotFound(
            f"There is no backup {name!r:.100} in {str(folder)!r}.",
            hint=f"The newest is {found[-1]}; there are {len(found)}.",
        )
    chosen = name or found[-1]
    source = FolderSource(folder / chosen, folder / BLOBS)
    target = RegistryTarget(stores, whole=True, accounts=True)
    return Backup(chosen, folder / chosen, move(source, target, tell=tell))


def backups(folder: Path) -> list[str]:
    """Return the names of all whole backups in a folder, the oldest first."""
    if folder.is_file():
        raise InvalidInput(f"{str(folder)!r} is a file.", hint="Backups are kept in a folder.")
    if not folder.exists():
        return []
    return sorted(child.name for child in folder.iterdir() if _NAME.fullmatch(child.name))


def _is_ours(folder: Path) -> bool:
    names = [child.name for child in folder.iterdir()] if folder.is_dir() else []
    return folder.is_dir() and all(
        name in (BLOBS, UNFINISHED) or _NAME.fullmatch(name) for name in names
    )
