"""databricks/*: a model and a stage change, with who made it and what the caller may do to it.

CAN_READ ─> CAN_EDIT ─> CAN_MANAGE_STAGING_VERSIONS ─> …_PRODUCTION_VERSIONS ─> CAN_MANAGE
viewer      contributor approver, of the one stage     approver                 admin
"""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.access import Verb
from muniment.server.mlflow.activities import request_document
from muniment.server.mlflow.documents import version_document
from muniment.server.mlflow.fields import checked_name, version_number
from muniment.server.mlflow.models import with_latest
from muniment.server.mlflow.wire import LIFECYCLE_PREFIXES, Call, answer, mlflow_routes
from muniment.services import Lifecycle

_LEVELS: Final = (
    ("CAN_MANAGE", Verb.GRANT, None),
    ("CAN_MANAGE_PRODUCTION_VERSIONS", Verb.MOVE_STAGE, "Production"),
    ("CAN_MANAGE_STAGING_VERSIONS", Verb.MOVE_STAGE, "Staging"),
    ("CAN_EDIT", Verb.UPDATE_MODEL, None),
)


async def get_model(call: Call) -> Response:
    """Return a model, with the latest version of each stage."""
    name, services = checked_name(call), call.services

    def read() -> dict[str, object]:
        model = services.catalog.model(name)
        return {
            **with_latest(services.catalog, model),
            "id": model.uuid,
            "user_id": model.created_by,
            "permission_level": _level(services.lifecycle, name),
        }

    return answer({"registered_model_databricks": await call.wait_for(read)})


async def transition_stage(call: Call) -> Response:
    """Move a version to a stage, with a comment."""
    name, number, lifecycle = checked_name(call), version_number(call), call.services.lifecycle
    move = partial(
        lifecycle.move_to_stage,
        name,
        number,
        call.required("stage"),
        archive_existing=call.flag("archive_existing_versions"),
        comment=call.text("comment"),
    )

    def moved() -> dict[str, object]:
        version = move()
        found = reversed(lifecycle.open_requests(name, number))
        return {
            **version_document(version),
            "user_id": version.created_by,
            "permission_level": _level(lifecycle, name),
            "open_requests": [request_document(a, lifecycle.actions(a)) for a in found],
        }

    document = await call.wait_for(moved)
    # Older clients know it by the shorter name.
    return answer({"model_version_databricks": document, "model_version": document})


def _level(lifecycle: Lifecycle, model: str) -> str:
    """Return the highest of the levels of permission that the caller has."""
    return next(
        (level for level, verb, stage in _LEVELS if verb in lifecycle.verbs(model, stage=stage)),
        "CAN_READ",
    )


_routes = partial(mlflow_routes, prefixes=LIFECYCLE_PREFIXES)
routes: list[Route] = [
    *_routes("databricks/registered-models/get", GET=get_model),
    *_routes("databricks/model-versions/transition-stage", POST=transition_stage),
]
