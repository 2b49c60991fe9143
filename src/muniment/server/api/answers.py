"""Entities and pages as bytes: encoded once, no model in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import quote

import orjson
from starlette.responses import Response

from muniment.domain.entities import ModelVersion, Page
from muniment.domain.values import JsonObject
from muniment.server.api.preconditions import is_unchanged, revision_tag
from muniment.server.api.routing import PREFIX
from muniment.server.encoding import kept


class Entity(Protocol):
    """What has a form for the API."""

    def to_json(self) -> JsonObject:
        """Return it."""


class Revised(Entity, Protocol):
    """What changes, and counts its changes."""

    @property
    def revision(self) -> int:
        """How often it changed, from 1."""


E = TypeVar("E", bound=Entity)


def json_answer(
    value: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return any JSON object."""
    return Response(orjson.dumps(value), status, headers, "application/json")


def entity_answer(
    entity: Revised,
    *,
    status: int = 200,
    location: str | None = None,
    if_none_match: str | None = None,
) -> Response:
    """Return an entity with its revision as ETag; 304 if the caller holds that already."""
    headers = {"ETag": revision_tag(entity.revision)}
    if location is not None:
        headers["Location"] = location
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return json_answer(entity.to_json(), status=status, headers=headers)


def list_answer(items: Iterable[Entity]) -> Response:
    """Return all of a short list."""
    return json_answer({"items": [item.to_json() for item in items]})


def page_answer(page: Page[E]) -> Response:
    """Return one page of a search."""
    return json_answer({"items": _listed(page.items), "next_page_token": page.next_token})


def _listed(items: Sequence[Entity]) -> object:
    versions = [item for item in items if isinstance(item, ModelVersion)]
    if versions and len(versions) == len(items):
        return kept(versions, "api", ModelVersion.to_json)
    return [item.to_json() for item in items]


def model_url(name: str, *more: str | int) -> str:
    """Return the address of a model, or of what stands below it."""
    return "/".join([PREFIX, "models", *(quote(str(part), safe="") for part in (name, *more))])
