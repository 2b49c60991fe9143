"""Registries that move: exported, imported, migrated, backed up, restored.

    documents.py     entities <-> lines             sheets.py      lines that prove to be whole
    places.py        what a source and a target are; moving.py    from any source to any target
    reading.py       a registry as a source
    restoring.py     a registry as a target, by model_sheets.py, models.py and surroundings.py
    folders.py, tars.py, archives.py                archives as both
    backups.py, migrating.py                        what is made of these

docs/moving.md describes the format for everybody.
"""

from __future__ import annotations

from muniment.services.moving.archives import open_source, open_target
from muniment.services.moving.backups import Backup, back_up, backups, restore
from muniment.services.moving.migrating import Migrated, migrate
from muniment.services.moving.moving import Moved, Tell, compare, move
from muniment.services.moving.reading import RegistrySource
from muniment.services.moving.restoring import RegistryTarget

__all__ = [
    "Backup",
    "Migrated",
    "Moved",
    "RegistrySource",
    "RegistryTarget",
    "Tell",
    "back_up",
    "backups",
    "compare",
    "migrate",
    "move",
    "open_source",
    "open_target",
    "restore",
]
