"""registered-models/*: what MLflow's clients do with models, their tags and aliases."""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain import names
from muniment.domain.changes import ModelChanges
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import Target
from muniment.domain.refs import Ref
from muniment.errors import InvalidInput, NotFound
from muniment.server.mlflow.documents import model_document, version_document
from muniment.server.mlflow.fields import (
    checked_key,
    checked_name,
    checked_value,
    key_to_drop,
    version_number,
)
from muniment.server.mlflow.search import parse_filter, parse_order
from muniment.server.mlflow.stages import latest_versions
from muniment.server.mlflow.wire import Call, answer, mlflow_routes
from muniment.services import Catalog
from muniment.services.pages import page_size_of

_PAGE: Final = 100
_MAX_PAGE: Final = 1_000


async def create(call: Call) -> Response:
    """Register a model, or a prompt: both have one namespace, and differ by a tag."""
    name = checked_name(call)
    changes = ModelChanges(description=call.text("description"), tags=dict(call.pairs()))
    model = await call.change(partial(call.services.catalog.create_model, name, changes))
    return answer({"registered_model": model_document(model)})


async def get(call: Call) -> Response:
    """Return a model, with the latest version of each stage."""
    catalog, name = call.services.catalog, checked_name(call)

    def read() -> dict[str, object]:
        return with_latest(catalog, catalog.model(name))

    return answer({"registered_model": await call.read(read)})


async def update(call: Call) -> Response:
    """Set the description; without one, it is cleared."""
    catalog, name = call.services.catalog, checked_name(call)
    changes = ModelChanges(description=call.text("description"))

    def change() -> dict[str, object]:
        return with_latest(catalog, catalog.update_model(name, changes))

    return answer({"registered_model": await call.change(change)})


async def rename(call: Call) -> Response:
    """Rename a model; to its own name is fine."""
    catalog, name, new_name = call.services.catalog, checked_name(call), call.required("new_name")

    def change() -> dict[str, object]:
        return with_latest(catalog, catalog.rename_model(name, new_name))

    return answer({"registered_model": await call.change(change)})


async def delete(call: Call) -> Response:
    """Delete a model with all that belongs to it; natively, it can be restored for a while."""
    name = checked_name(call)
    await call.wait_for(partial(call.services.catalog.delete_model, name))
    return answer({})


async def search(call: Call) -> Response:
    """Return a page of models, each with the latest version of each stage."""
    catalog = call.services.catalog
    where = parse_filter(call.text("filter"), Target.MODELS)
    order = parse_order(call.texts("order_by"), Target.MODELS)
    asked, token = call.integer("max_results"), call.text("page_token")
    size = page_size_of(asked, default=_PAGE, most=_MAX_PAGE, field="max_results")

    def find() -> dict[str, object]:
        page = catalog.find_models(where, order, page_size=size, page_token=token)
        latest = catalog.newest_in_stages(page.items)
        found: dict[str, object] = {
            "registered_models": [
                model_document(model, sorted(latest.get(model.name, ()), key=_stage_of))
                for model in page.items
            ]
        }
        if page.next_token:
            found["next_page_token"] = page.next_token
        return found if page.items else {}

    return answer(await call.search(find))


async def set_tag(call: Call) -> Response:
    """Set a tag of a model."""
    name, key, value = checked_name(call), checked_key(call), checked_value(call)
    changes = ModelChanges(tags={key: value})
    await call.change(partial(call.services.catalog.update_model, name, changes))
    return answer({})


async def delete_tag(call: Call) -> Response:
    """Remove a tag of a model; a missing one is fine."""
    name, key = checked_name(call), key_to_drop(call)
    changes = ModelChanges(tags={key: None} if key else {})
    await call.change(partial(call.services.catalog.update_model, name, changes))
    return answer({})


# -- aliases -------------------------------------------------------------------------------------


async def set_alias(call: Call) -> Response:
    """Point an alias at a version."""
    name, alias = checked_name(call), names.check_alias(call.required("alias"))
    number = version_number(call)
    await call.change(partial(call.services.catalog.set_alias, name, alias, number))
    return answer({})


async def get_alias(call: Call) -> Response:
    """Return the version that an alias points at; `latest` is the newest one.

    Raises:
        InvalidInput: the model has no such alias (the protocol says so with this error).
    """
    catalog, name = call.services.catalog, checked_name(call)
    alias = names.check_alias_letters(call.required("alias"))

    def read() -> dict[str, object]:
        try:
            return version_document(catalog.resolve(Ref(name, alias=alias)))
        except NotFound as error:
            catalog.model(name)  # says so, if it is the model that is missing
            if alias.lower() == "latest":
                raise
            raise InvalidInput(error.message, hint=error.hint) from None

    return answer({"model_version": await call.read(read)})


async def delete_alias(call: Call) -> Response:
    """Remove an alias; a missing one is fine."""
    name, alias = checked_name(call), names.check_alias_letters(call.required("alias"))
    await call.change(partial(call.services.catalog.delete_alias, name, alias))
    return answer({})


def with_latest(catalog: Catalog, model: RegisteredModel) -> dict[str, object]:
    """Return a model's document, with the latest version of each stage."""
    if not model.version_count:
        return model_document(model)
    return model_document(model, catalog.newest_in_stages([model]).get(model.name, ()))


def _stage_of(version: ModelVersion) -> str:
    return version.stage


routes: list[Route] = [
    *mlflow_routes("registered-models/create", POST=create),
    *mlflow_routes("registered-models/get", GET=get),
    *mlflow_routes("registered-models/update", PATCH=update),
    *mlflow_routes("registered-models/rename", POST=rename),
    *mlflow_routes("registered-models/delete", DELETE=delete),
    *mlflow_routes("registered-models/search", GET=search),
    *mlflow_routes(
        "registered-models/get-latest-versions", GET=latest_versions, POST=latest_versions
    ),
    *mlflow_routes("registered-models/set-tag", POST=set_tag),
    *mlflow_routes("registered-models/delete-tag", DELETE=delete_tag),
    *mlflow_routes("registered-models/alias", POST=set_alias, GET=get_alias, DELETE=delete_alias),
]
