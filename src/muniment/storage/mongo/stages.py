"""The stages that a workspace has changed or added: one document each, replaced by its revision."""

from __future__ import annotations

from dataclasses import replace

import orjson
from pymongo import errors

from muniment.domain.stages import Stage, policies_from_json
from muniment.errors import PreconditionFailed
from muniment.storage.mongo.connection import Connection, Document


def of_workspace(connection: Connection, workspace: str) -> list[Stage]:
    """Return all stages of a workspace, by order and name."""
    with connection.guarded():
        found = list(connection["stages"].find({"workspace": workspace}))
    return sorted(map(_stage_from, found), key=lambda stage: (stage.order, stage.name))


def save(connection: Connection, workspace: str, stage: Stage, expect: int) -> Stage:
    """Insert or replace a stage; see `RecordStore.save_stage`. Raises PreconditionFailed."""
    saved = replace(stage, revision=expect + 1)
    document = _document(saved, workspace)
    with connection.guarded():
        if expect:
            this = {"_id": document["_id"], "revision": expect}
            done = connection["stages"].replace_one(this, document).matched_count > 0
        else:
            try:
                connection["stages"].insert_one(document)
                done = True
            except errors.DuplicateKeyError:
                done = False
    if not done:
        raise PreconditionFailed(
            f"The stage {stage.name!r:.200} was changed in the meantime: "
            + (f"its revision is {expect} no more." if expect else "somebody has stored it."),
            hint="Read it again, and repeat the change if it still makes sense.",
        )
    return saved


def drop(connection: Connection, workspace: str, key: str) -> None:
    """Forget a stage; a missing one is fine."""
    with connection.guarded():
        connection["stages"].delete_one({"_id": f"{workspace}/{key}"})


def _stage_from(d: Document) -> Stage:
    return Stage(
        name=d["name"],
        order=int(d["position"]),
        colour=d["colour"],
        description=d["description"],
        policies=policies_from_json(orjson.loads(d["policies"])),
        revision=int(d["revision"]),
    )


def _document(stage: Stage, workspace: str) -> Document:
    return {
        "_id": f"{workspace}/{stage.key}",
        "workspace": workspace,
        "name": stage.name,
        "position": stage.order,
        "colour": stage.colour,
        "description": stage.description,
        "policies": orjson.dumps([policy.to_json() for policy in stage.policies]).decode(),
        "revision": stage.revision,
    }
