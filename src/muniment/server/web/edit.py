"""Description, tags and label of a model or a version, changed by a form.

The form knows the revision that it was made from: who was overtaken is told so, and loses nothing.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.changes import ModelChanges, VersionChanges
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.errors import MunimentError
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.tagging import changes_in, lines_of
from muniment.server.web.words import model_path


async def show_model(visit: Visit, fault: MunimentError | None = None) -> Response:
    """Show the form of a model."""
    name, services = visit.params["name"], visit.services

    def gather() -> tuple[RegisteredModel, bool]:
        return services.catalog.model(name), Verb.UPDATE_MODEL in services.lifecycle.verbs(name)

    model, allowed = await visit.wait_for(gather)
    return await _page(visit, model, model_path(name), name, None, allowed, fault)


async def show_version(visit: Visit, fault: MunimentError | None = None) -> Response:
    """Show the form of a version."""
    name, number, services = visit.params["name"], number_in(visit), visit.services

    def gather() -> tuple[ModelVersion, bool]:
        allowed = Verb.UPDATE_VERSION in services.lifecycle.verbs(name)
        return services.catalog.version(name, number), allowed

    version, allowed = await visit.wait_for(gather)
    label = visit.form.get("label", version.label or "")
    path = model_path(name, number)
    return await _page(visit, version, path, version.ref, label, allowed, fault)


async def _page(
    visit: Visit,
    edited: RegisteredModel | ModelVersion,
    path: str,
    title: str,
    label: str | None,
    allowed: bool,
    fault: MunimentError | None,
) -> Response:
    values = {
        "title": title,
        "back": visit.url(path),
        "allowed": allowed,
        "label": label,
        "revision": edited.revision,
        "description": visit.form.get("description", edited.description),
        "tags": visit.form.get("tags", lines_of(edited.tags)),
        "most": names.MAX_DESCRIPTION_CHARS,
    }
    return await visit.page("edit", values, fault=fault)


async def change_model(visit: Visit) -> Response:
    """Change a model as the form says; only what it changes is touched."""
    name, form, catalog = visit.params["name"], visit.form, visit.services.catalog

    def change() -> None:
        model = catalog.model(name)
        changes = ModelChanges(
            description=_new_description(visit, model.description),
            tags=changes_in(form.get("tags", ""), model.tags),
        )
        catalog.update_model(name, changes, if_match=_revision(visit))

    try:
        await visit.wait_for(change)
    except MunimentError as fault:
        return await show_model(visit, fault)
    return visit.lead_on(model_path(name), f"{name:.200} was changed.")


async def change_version(visit: Visit) -> Response:
    """Change a version as the form says; only what it changes is touched."""
    name, number = visit.params["name"], number_in(visit)
    form, catalog = visit.form, visit.services.catalog

    def change() -> None:
        version = catalog.version(name, number)
        label = form.get("label", "").strip()
        changes = VersionChanges(
            label=None if label == (version.label or "") else label,
            description=_new_description(visit, version.description),
            tags=changes_in(form.get("tags", ""), version.tags),
        )
        catalog.update_version(name, number, changes, if_match=_revision(visit))

    try:
        await visit.wait_for(change)
    except MunimentError as fault:
        return await show_version(visit, fault)
    return visit.lead_on(model_path(name, number), f"Version {number} was changed.")


def _new_description(visit: Visit, present: str) -> str | None:
    """Return the description that was typed; None if it is the present one."""
    typed = visit.form.get("description", "").replace("\r\n", "\n")
    return None if typed == present.replace("\r\n", "\n") else typed


def _revision(visit: Visit) -> int:
    """Return the revision that the form was made from; 0, which nothing has, if it says none."""
    text = visit.form.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


routes: Final = [
    *web_routes("/models/{name}/edit", get=show_model, post=change_model),
    *web_routes("/models/{name}/{number}/edit", get=show_version, post=change_version),
]
