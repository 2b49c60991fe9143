"""Versions that searches found of late, kept as entities: most pages show again what they showed.

Only whether a row has changed is read anew, by the statement that finds it: its revision, and what
it shows of others (the model's name, its aliases). To read and make an entity takes much longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from sqlalchemy import select

from muniment.domain.entities import ModelVersion
from muniment.storage.sql import rows
from muniment.storage.sql.engine import Row, Session
from muniment.storage.sql.in_lists import PreparedIn
from muniment.storage.sql.tables import models, versions

_m, _v = models.c, versions.c
STATE: Final = (_v.id, _v.revision, _m.name, _v.aliases)
"""What tells whether a version shows what it showed."""

_VERSIONS = PreparedIn(
    lambda ids: (
        select(*rows.VERSION_COLUMNS).join(models, _m.id == _v.model_id).where(_v.id.in_(ids))
    )
)
_MOST: Final = 16_384  # some 40 MB
_LARGE: Final = 2_000  # characters of text in a row; such are not kept


class Recent:
    """Entities by id, each with the state that it shows. Safe to use from many threads."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Row, ModelVersion]] = {}

    def versions(
        self, session: Session, workspace: str, states: Sequence[Row]
    ) -> list[ModelVersion]:
        """Return the versions that have these `STATE`s, in their order."""
        found: list[ModelVersion | None] = []
        changed: dict[int, tuple[int, Row]] = {}
        for place, state in enumerate(states):
            kept = self._kept.get(state[0])
            if kept is not None and kept[0] == state:
                found.append(kept[1])
            else:
                found.append(None)
                changed[state[0]] = (place, state)
        for row in _VERSIONS.all(session, changed):
            place, state = changed[row[0]]
            version = found[place] = rows.version_from(row, workspace)
            self._keep(state, row, version)
        return cast("list[ModelVersion]", found)

    def _keep(self, state: Row, row: Row, version: ModelVersion) -> None:
        if sum(len(cell) for cell in row if isinstance(cell, str)) < _LARGE:
            if len(self._kept) >= _MOST:
                self._kept.clear()  # what is still asked for is soon here again
            self._kept[version.id] = (state, version)
