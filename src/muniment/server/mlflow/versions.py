"""model-versions/*: what MLflow's clients do with versions and their tags."""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.changes import NewVersion, VersionChanges
from muniment.domain.query import Target
from muniment.domain.refs import Ref
from muniment.errors import InvalidInput
from muniment.server.encoding import kept
from muniment.server.mlflow import sources
from muniment.server.mlflow.documents import listed_version, version_document
from muniment.server.mlflow.fields import (
    checked_key,
    checked_name,
    checked_value,
    key_to_drop,
    version_number,
)
from muniment.server.mlflow.search import IS_PROMPT, parse_filter, parse_order
from muniment.server.mlflow.stages import transition
from muniment.server.mlflow.wire import Call, answer, mlflow_routes
from muniment.services.pages import page_size_of

_PAGE: Final = 10_000
_MAX_PAGE: Final = 200_000


async def create(call: Call) -> Response:
    """Add a version, READY at once."""
    name, source = checked_name(call), call.required("source")
    if source.isspace():
        raise InvalidInput(f"The source {source!r:.20} is blank.", details={"field": "source"})
    tags = dict(call.pairs())
    resolved = await sources.resolve(
        call,
        name=name,
        source=source,
        run_id=call.text("run_id"),
        model_id=call.text("model_id"),
        prompt=tags.get(IS_PROMPT, "").lower() == "true",
    )
    new = NewVersion(
        files=resolved.files,
        description=call.text("description"),
        tags=tags,
        source_uri=resolved.source_uri,
        location=resolved.location,
        run_id=resolved.run_id,
        run_link=call.text("run_link"),
        origins=resolved.origins,
    )
    make = call.change if new.files is None else call.wait_for  # for bytes
    version = await make(partial(call.services.catalog.create_version, name, new))
    await sources.link(call, resolved, version)
    return answer({"model_version": version_document(version)})


async def get(call: Call) -> Response:
    """Return a version."""
    name, number = checked_name(call), version_number(call)
    version = await call.read(partial(call.services.catalog.version, name, number))
    return answer({"model_version": version_document(version)})


async def get_download_uri(call: Call) -> Response:
    """Return where a client gets the version's files."""
    ref = Ref(checked_name(call), version=version_number(call))
    version = await call.read(partial(call.services.catalog.resolve, ref))
    return answer({"artifact_uri": await sources.download_uri(call, version)})


async def update(call: Call) -> Response:
    """Set the description; without one, it is cleared."""
    name, number = checked_name(call), version_number(call)
    changes = VersionChanges(description=call.text("description"))
    change = partial(call.services.catalog.update_version, name, number, changes)
    return answer({"model_version": version_document(await call.change(change))})


async def delete(call: Call) -> Response:
    """Delete a version, and drop its aliases; natively, it can be restored for a while."""
    name, number = checked_name(call), version_number(call)
    await call.wait_for(partial(call.services.catalog.delete_version, name, number))
    return answer({})


async def search(call: Call) -> Response:
    """Return a page of versions, without their aliases."""
    catalog = call.services.catalog
    where = parse_filter(call.text("filter"), Target.VERSIONS)
    order = parse_order(call.texts("order_by"), Target.VERSIONS)
    asked, token = call.integer("max_results"), call.text("page_token")
    size = page_size_of(asked, default=_PAGE, most=_MAX_PAGE, field="max_results")

    def find() -> dict[str, object]:
        page = catalog.find_versions(where, order, page_size=size, page_token=token)
        found: dict[str, object] = {"model_versions": kept(page.items, "mlflow", listed_version)}
        if page.next_token:
            found["next_page_token"] = page.next_token
        return found if page.items else {}

    return answer(await call.search(find))


async def set_tag(call: Call) -> Response:
    """Set a tag of a version."""
    name, number = checked_name(call), version_number(call)
    changes = VersionChanges(tags={checked_key(call): checked_value(call)})
    await call.change(partial(call.services.catalog.update_version, name, number, changes))
    return answer({})


async def delete_tag(call: Call) -> Response:
    """Remove a tag of a version; a missing one is fine."""
    name, number, key = checked_name(call), version_number(call), key_to_drop(call)
    changes = VersionChanges(tags={key: None} if key else {})
    await call.change(partial(call.services.catalog.update_version, name, number, changes))
    return answer({})


routes: list[Route] = [
    *mlflow_routes("model-versions/create", POST=create),
    *mlflow_routes("model-versions/get", GET=get),
    *mlflow_routes("model-versions/get-download-uri", GET=get_download_uri),
    *mlflow_routes("model-versions/update", PATCH=update),
    *mlflow_routes("model-versions/delete", DELETE=delete),
    *mlflow_routes("model-versions/search", GET=search),
    *mlflow_routes("model-versions/transition-stage", POST=transition),
    *mlflow_routes("model-versions/set-tag", POST=set_tag),
    *mlflow_routes("model-versions/delete-tag", DELETE=delete_tag),
]
