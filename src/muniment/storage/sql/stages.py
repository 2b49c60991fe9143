"""The stages that a workspace has changed or added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, delete, select, update

from muniment.domain.stages import Stage, policies_from_json
from muniment.errors import PreconditionFailed
from muniment.storage.sql.engine import Cell, Prepared, Row, Session, insert_new
from muniment.storage.sql.record_tables import stages

_s = stages.c
_KEPT: Final = (_s.name, _s.position, _s.colour, _s.description, _s.policies, _s.revision)
_of_workspace = _s.workspace_id == bindparam("workspace_id")
_ALL = Prepared(select(*_KEPT).where(_of_workspace).order_by(_s.position, _s.name))
_ADD = Prepared(insert_new(stages).values({c: bindparam(c.name) for c in stages.c}))
_which: Any = bindparam("of_workspace"), bindparam("of_key"), bindparam("expect")
_SAVE = Prepared(
    update(stages)
    .where(_s.workspace_id == _which[0], _s.key == _which[1], _s.revision == _which[2])
    .values({c: bindparam(c.name) for c in _KEPT})
)
_DROP = Prepared(delete(stages).where(_of_workspace, _s.key == bindparam("key")))


def of_workspace(session: Session, workspace_id: int) -> list[Stage]:
    """Return all stages of a workspace, by order and name."""
    return [_stage_from(row) for row in _ALL.all(session, workspace_id=workspace_id)]


def save(session: Session, workspace_id: int, stage: Stage, expect: int) -> Stage:
    """Insert or replace a stage; see `RecordStore.save_stage`. Raises PreconditionFailed."""
    saved = replace(stage, revision=expect + 1)
    cells = _cells(saved)
    if expect:
        which: dict[str, Cell] = {"of_workspace": workspace_id, "of_key": stage.key}
        done = _SAVE.run(session, expect=expect, **which, **cells) > 0
    else:
        done = _ADD.run(session, workspace_id=workspace_id, key=stage.key, **cells) > 0
    if not done:
        raise PreconditionFailed(
            f"The stage {stage.name!r:.200} was changed in the meantime: "
            + (f"its revision is {expect} no more." if expect else "somebody has stored it."),
            hint="Read it again, and repeat the change if it still makes sense.",
        )
    return saved


def drop(session: Session, workspace_id: int, key: str) -> None:
    """Forget a stage; a missing one is fine."""
    _DROP.run(session, workspace_id=workspace_id, key=key)


def _stage_from(row: Row) -> Stage:
    return Stage(
        name=row[0],
        order=row[1],
        colour=row[2],
        description=row[3],
        policies=policies_from_json(orjson.loads(row[4])),
        revision=row[5],
    )


def _cells(stage: Stage) -> dict[str, Cell]:
    return {
        "name": stage.name,
        "position": stage.order,
        "colour": stage.colour,
        "description": stage.description,
        "policies": orjson.dumps([policy.to_json() for policy in stage.policies]).decode(),
        "revision": stage.revision,
    }
