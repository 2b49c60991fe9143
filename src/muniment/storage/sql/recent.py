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
STATE: Final = (_v.id, _v.revision, _v.aliases, _m.name)
"""What tells whether a version shows what it showed."""

_VERSIONS = PreparedIn(
    lambda ids: (
        select(*rows.VERSION_COLUMNS).join(models, _m.id == _v.model_id).where(_v.id.in_(ids))
    )
)
_MOST: Final = 16_384  # some 40 MB
_TEXTS: Final = slice(8, 20)  # status_message, … run_link: what may be long in a row
_LARGE: Final = 2_000  # characters of such text; with more of it a version is not kept


class Recent:
    """Entities by the state that they show. Safe to use from many threads."""

    def __init__(self) -> None:
        self._kept: dict[Row, ModelVersion] = {}

    def versions(
        self, session: Session, workspace: str, states: Sequence[Row]
    ) -> list[ModelVersion]:
        """Return the versions that have these `STATE`s, tuples, in their order."""
        found = [self._kept.get(state) for state in states]
        if not all(found):
            places = {state[0]: place for place, state in enumerate(states) if found[place] is None}
            for row in _VERSIONS.all(session, places):
                place = places[row[0]]
                version = found[place] = rows.version_from(row, workspace)
                self._keep(states[place], row, version)
        return cast("list[ModelVersion]", found)

    def _keep(self, state: Row, row: Row, version: ModelVersion) -> None:
        if sum(map(len, filter(None, row[_TEXTS]))) < _LARGE:
            if len(self._kept) >= _MOST:
                self._kept.clear()  # what is still asked for is soon here again
            self._kept[state] = version
