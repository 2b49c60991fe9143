"""Models, versions, aliases, search and history over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import cast
from urllib.parse import quote

from muniment.client.backend import CatalogBackend
from muniment.client.http import wire
from muniment.client.http.connection import Connection
from muniment.client.http.wire import Pairs, items_of, page_of, params, repeated
from muniment.domain.activities import Activity
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.entities import ModelVersion, Page, Reference, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.names import check_alias, check_model_name
from muniment.domain.refs import Ref
from muniment.domain.values import JsonObject


def model_path(name: str) -> str:
    """Return the path of a model; a name that can't be one is refused before it becomes a URL."""
    return f"/models/{quote(check_model_name(name), safe='')}"


def version_path(model: str, number: int) -> str:
    """Return the path of a version."""
    return f"{model_path(model)}/versions/{number:d}"


def _alias_path(model: str, alias: str) -> str:
    return f"{model_path(model)}/aliases/{quote(check_alias(alias), safe='')}"


class HttpCatalog(CatalogBackend):
    """`CatalogBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- models ----------------------------------------------------------------------------------

    def create_model(
        self,
        name: str,
        changes: ModelChanges = ModelChanges(),
        *,
        idempotency_key: str | None = None,
    ) -> RegisteredModel:
        body: JsonObject = {"name": name, **changes.to_json()}
        return RegisteredModel.from_json(self._create("/models", body, idempotency_key))

    def model(self, name: str) -> RegisteredModel:
        return RegisteredModel.from_json(self._connection.get(model_path(name)))

    def update_model(
        self, name: str, changes: ModelChanges, *, if_match: int | None = None
    ) -> RegisteredModel:
        return self._change_model("PATCH", name, changes.to_json(), if_match)

    def rename_model(
        self, name: str, new_name: str, *, if_match: int | None = None
    ) -> RegisteredModel:
        return self._change_model("PATCH", name, {"name": new_name}, if_match)

    def delete_model(
        self, name: str, *, force: bool = False, if_match: int | None = None
    ) -> RegisteredModel:
        return self._change_model("DELETE", name, None, if_match, _force(force))

    def restore_model(self, model_id: int) -> RegisteredModel:
        answer = self._connection.call("POST", f"/deleted-models/{model_id:d}/restore")
        return RegisteredModel.from_json(answer)

    def search_models(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[RegisteredModel]:
        asked = _search(filter, order_by, page_size, page_token, deleted)
        return page_of(self._connection.get("/models", asked), RegisteredModel.from_json)

    # -- versions --------------------------------------------------------------------------------

    def create_version(
        self,
        model: str,
        new: NewVersion,
        *,
        create_model: bool = False,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        path = f"{model_path(model)}/versions"
        asked = params(create_model=create_model)
        answer = self._create(path, new.to_json(), idempotency_key, asked)
        return ModelVersion.from_json(answer)

    def version(self, model: str, number: int) -> ModelVersion:
        return ModelVersion.from_json(self._connection.get(version_path(model, number)))

    def resolve(self, ref: Ref) -> ModelVersion:
        return ModelVersion.from_json(self._connection.get("/resolve", [("ref", str(ref))]))

    def update_version(
        self, model: str, number: int, changes: VersionChanges, *, if_match: int | None = None
    ) -> ModelVersion:
        path = version_path(model, number)
        return self._change_version("PATCH", path, changes.to_json(), if_match)

    def seal_version(
        self, model: str, number: int, files: Manifest, *, if_match: int | None = None
    ) -> ModelVersion:
        path = f"{version_path(model, number)}/seal"
        body: JsonObject = {"files": [file.to_json() for file in files.files]}
        return self._change_version("POST", path, body, if_match)

    def fail_version(self, model: str, number: int, message: str) -> ModelVersion:
        path = f"{version_path(model, number)}/fail"
        return self._change_version("POST", path, {"message": message})

    def delete_version(
        self, model: str, number: int, *, force: bool = False, if_match: int | None = None
    ) -> ModelVersion:
        path = version_path(model, number)
        return self._change_version("DELETE", path, None, if_match, _force(force))

    def restore_version(self, model: str, number: int) -> ModelVersion:
        return self._change_version("POST", f"{version_path(model, number)}/restore")

    def search_versions(
        self,
        filter: str = "",
        *,
        model: str | None = None,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        path = "/versions" if model is None else f"{model_path(model)}/versions"
        asked = _search(filter, order_by, page_size, page_token, deleted)
        return page_of(self._connection.get(path, asked), ModelVersion.from_json)

    # -- aliases ---------------------------------------------------------------------------------

    def aliases(self, model: str) -> Sequence[Reference]:
        answer = self._connection.get(f"{model_path(model)}/aliases")
        return items_of(answer, Reference.from_json)

    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        expect: int | None = None,
        protected: bool | None = None,
    ) -> Reference:
        body: JsonObject = {"version": version, "expect": expect, "protected": protected}
        return Reference.from_json(self._connection.call("PUT", _alias_path(model, alias), body))

    def delete_alias(self, model: str, alias: str, *, expect: int | None = None) -> None:
        asked = params(expect=expect)
        self._connection.call("DELETE", _alias_path(model, alias), params=asked)

    # -- history ---------------------------------------------------------------------------------

    def history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        asked = params(
            order="newest" if newest_first else "oldest",
            actor=actor,
            version=version,
            page_size=page_size,
            page_token=page_token,
        )
        path = f"{model_path(model)}/activities"
        answer = self._connection.get(path, [*asked, *repeated("kind", kinds)])
        return page_of(answer, Activity.from_json)

    def verify_history(self, model: str) -> int:
        path = f"{model_path(model)}/activities/verify"
        return cast(int, self._connection.call("POST", path, safe=True)["activities"])

    # -- the ways of calling ---------------------------------------------------------------------

    def _create(
        self, path: str, body: JsonObject, key: str | None, params: Sequence[tuple[str, str]] = ()
    ) -> JsonObject:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self._connection.call("POST", path, body, safe=True, params=params, headers=headers)

    def _change_model(
        self,
        method: str,
        name: str,
        body: JsonObject | None,
        if_match: int | None,
        params: Sequence[tuple[str, str]] = (),
    ) -> RegisteredModel:
        path, headers = model_path(name), wire.if_match(if_match)
        answer = self._connection.call(method, path, body, params=params, headers=headers)
        return RegisteredModel.from_json(answer)

    def _change_version(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        if_match: int | None = None,
        params: Sequence[tuple[str, str]] = (),
    ) -> ModelVersion:
        headers = wire.if_match(if_match)
        answer = self._connection.call(method, path, body, params=params, headers=headers)
        return ModelVersion.from_json(answer)


def _force(force: bool) -> Pairs:
    return params(force=force)


def _search(
    where: str,
    order_by: Sequence[str],
    page_size: int | None,
    page_token: str | None,
    deleted: bool,
) -> Pairs:
    return [
        *params(filter=where or None),
        *repeated("order_by", order_by),
        *params(page_size=page_size, page_token=page_token, deleted=deleted),
    ]
