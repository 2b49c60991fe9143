"""Models and versions as MLflow's protocol shows them.

    field               model                       version
    timestamps          always, integer milliseconds since 1970
    description         left out if empty           always
    run_id, run_link    -                           always
    tags, aliases       left out if there are none
    latest_versions     left out if there are none, and without their aliases

Typed tags are shown as text. What the protocol has no word for (label, digest, params, …) is left
to the native API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.values import Value, text_of, to_millis
from muniment.server.encoding import kept

_STATUS: Final = {
    Status.READY: "READY",
    Status.PENDING: "PENDING_REGISTRATION",
    Status.FAILED: "FAILED_REGISTRATION",
}


def model_document(
    model: RegisteredModel, latest: Sequence[ModelVersion] = ()
) -> dict[str, object]:
    """Return a registered model, with the `latest` version of each stage."""
    document: dict[str, object] = {
        "name": model.name,
        "creation_timestamp": to_millis(model.created_at),
        "last_updated_timestamp": to_millis(model.updated_at),
    }
    if model.description:
        document["description"] = model.description
    if latest:
        document["latest_versions"] = kept(latest, "mlflow", listed_version)
    if model.tags:
        document["tags"] = _tags(model.tags)
    if model.aliases:
        document["aliases"] = [
            {"alias": alias, "version": str(number)}
            for alias, number in sorted(model.aliases.items())
        ]
    return document


def version_document(version: ModelVersion) -> dict[str, object]:
    """Return a model version."""
    document = listed_version(version)
    if version.aliases:
        document["aliases"] = list(version.aliases)
    return document


def listed_version(version: ModelVersion) -> dict[str, object]:
    """Return a model version as lists show it: without aliases."""
    document: dict[str, object] = {
        "name": version.model,
        "version": str(version.version),
        "creation_timestamp": to_millis(version.created_at),
        "last_updated_timestamp": to_millis(version.updated_at),
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source_uri,
        "run_id": version.run_id,
        "run_link": version.run_link,
        "status": _STATUS[version.status],
    }
    if version.status_message:
        document["status_message"] = version.status_message
    if version.tags:
        document["tags"] = _tags(version.tags)
    return document


def _tags(tags: Mapping[str, Value]) -> list[dict[str, str]]:
    return [{"key": key, "value": text_of(value)} for key, value in tags.items()]
