"""Stages, transitions, their requests and their past over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from urllib.parse import quote

from muniment.client.backend import LifecycleBackend
from muniment.client.http import wire
from muniment.client.http.catalog import model_path, version_path
from muniment.client.http.connection import Connection
from muniment.client.http.wire import items_of, page_of, params
from muniment.domain.entities import ModelVersion, Page
from muniment.domain.refs import Ref
from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.domain.stages import Stage, check_stage_name
from muniment.domain.timeline import Post, Tenure, Undone
from muniment.domain.values import Json, JsonObject, as_object, time_from_json


class HttpLifecycle(LifecycleBackend):
    """`LifecycleBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- stages ----------------------------------------------------------------------------------

    def stages(self) -> Sequence[Stage]:
        return items_of(self._connection.get("/stages"), Stage.from_json)

    def stage(self, name: str) -> Stage:
        return Stage.from_json(self._connection.get(_stage_path(name)))

    def define_stage(self, stage: Stage, *, if_match: int | None = None) -> Stage:
        document = stage.to_json()
        body = {key: document[key] for key in ("order", "colour", "description", "policies")}
        headers = wire.if_match(if_match)
        answer = self._connection.call("PUT", _stage_path(stage.name), body, headers=headers)
        return Stage.from_json(answer)

    def drop_stage(self, name: str) -> None:
        self._connection.call("DELETE", _stage_path(name))

    # -- moving ----------------------------------------------------------------------------------

    def requirements(self, model: str, number: int, stage: str) -> Sequence[Requirement]:
        path = f"{version_path(model, number)}/requirements"
        return items_of(self._connection.get(path, params(stage=stage)), Requirement.from_json)

    def move_to_stage(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
        force: bool = False,
    ) -> ModelVersion:
        body: JsonObject = {
            "stage": stage,
            "archive_existing": archive_existing,
            "comment": comment,
            "force": force,
        }
        path = f"{version_path(model, number)}/stage"
        return ModelVersion.from_json(self._connection.call("POST", path, body))

    def rollback(self, model: str, name: str, *, comment: str = "", force: bool = False) -> Undone:
        body: JsonObject = {"of": name, "comment": comment, "force": force}
        path = f"{model_path(model)}/rollback"
        return Undone.from_json(self._connection.call("POST", path, body))

    # -- requests --------------------------------------------------------------------------------

    def request_transition(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
    ) -> TransitionRequest:
        body: JsonObject = {
            "stage": stage,
            "archive_existing": archive_existing,
            "comment": comment,
        }
        path = f"{version_path(model, number)}/requests"
        return TransitionRequest.from_json(self._connection.call("POST", path, body))

    def request(self, request_id: int) -> TransitionRequest:
        return TransitionRequest.from_json(self._connection.get(request_path(request_id)))

    def requests(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        state: RequestState | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        asked = params(
            model=model, version=version, state=state, page_size=page_size, page_token=page_token
        )
        return page_of(self._connection.get("/requests", asked), TransitionRequest.from_json)

    def blockers(self, request_id: int) -> Sequence[Requirement]:
        answer = self._connection.get(request_path(request_id))
        return [Requirement.from_json(item) for item in cast("list[Json]", answer["requirements"])]

    def approve(
        self, request_id: int, *, comment: str = "", force: bool = False
    ) -> TransitionRequest:
        return self._close("approve", request_id, {"comment": comment, "force": force})

    def reject(self, request_id: int, *, comment: str = "") -> TransitionRequest:
        return self._close("reject", request_id, {"comment": comment})

    def cancel(self, request_id: int, *, comment: str = "") -> TransitionRequest:
        return self._close("cancel", request_id, {"comment": comment})

    # -- the past --------------------------------------------------------------------------------

    def tenures(
        self, model: str, *, post: Post | None = None, name: str | None = None
    ) -> Sequence[Tenure]:
        path = f"{model_path(model)}/tenures"
        return items_of(self._connection.get(path, params(post=post, name=name)), Tenure.from_json)

    def as_of(self, ref: Ref, time: datetime) -> ModelVersion:
        answer = self._connection.get("/resolve", params(ref=str(ref), as_of=time))
        return ModelVersion.from_json(answer)

    def reviews_due(self, model: str | None = None) -> Sequence[tuple[ModelVersion, datetime]]:
        return items_of(self._connection.get("/reviews-due", params(model=model)), _due)

    # --------------------------------------------------------------------------------------------

    def _close(self, how: str, request_id: int, body: JsonObject) -> TransitionRequest:
        answer = self._connection.call("POST", f"{request_path(request_id)}/{how}", body)
        return TransitionRequest.from_json(answer)


def request_path(request_id: int) -> str:
    """Return the path of a transition request."""
    return f"/requests/{request_id:d}"


def _stage_path(name: str) -> str:
    return f"/stages/{quote(check_stage_name(name), safe='')}"


def _due(item: Json) -> tuple[ModelVersion, datetime]:
    v = as_object(item, "a version that is due for review")
    return ModelVersion.from_json(v["version"]), time_from_json(cast(str, v["due"]))
