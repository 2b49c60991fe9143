"""Stages: the latest version in each, and moving from one to another."""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.entities import NO_STAGE
from muniment.errors import InvalidInput, MunimentError
from muniment.server.mlflow.documents import version_document
from muniment.server.mlflow.fields import checked_name, version_number
from muniment.server.mlflow.wire import Call, answer
from muniment.services.lifecycle.transitions import ARCHIVED

_PASSIVE: Final = frozenset({NO_STAGE, ARCHIVED})


async def latest_versions(call: Call) -> Response:
    """Return the highest version in each of the `stages`, or in each there is."""
    catalog, name = call.services.catalog, checked_name(call)
    asked = call.texts("stages")

    def read() -> dict[str, object]:
        stages = [checked_stage(call, stage) for stage in asked]
        model = catalog.model(name)
        newest = catalog.newest_in_stages([model], stages).get(name, [])
        return {"model_versions": [version_document(v) for v in newest]} if newest else {}

    return answer(await call.read(read))


async def transition(call: Call) -> Response:
    """Move a version to a stage, and archive what is there if asked to."""
    name, number = checked_name(call), version_number(call)
    asked, archive = call.required("stage"), call.flag("archive_existing_versions")
    stage = await call.read(partial(checked_stage, call, asked))
    if archive and stage in _PASSIVE:
        # The official server calls this an error of its own, and clients may tell codes apart.
        raise MunimentError(
            f"archive_existing_versions makes no sense for the stage {stage}.",
            hint="Leave it out.",
        )
    move = partial(
        call.services.lifecycle.move_to_stage, name, number, stage, archive_existing=archive
    )
    return answer({"model_version": version_document(await call.change(move))})


def checked_stage(call: Call, name: str) -> str:
    """Return the stage of the workspace that `name` means. Raises InvalidInput."""
    stage = call.services.catalog.find_stage(name)
    if stage is None:
        there = (stage.name for stage in call.services.lifecycle.stages())
        raise InvalidInput(
            f"There is no stage {name!r:.200}.",
            hint=f"The stages are {', '.join(there)}.",
            details={"field": "stage"},
        )
    return stage
