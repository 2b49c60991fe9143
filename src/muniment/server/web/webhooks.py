"""Webhooks: who is told of what; for each, what was sent and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

from starlette.responses import Response

from muniment.domain.events import MLFLOW, SAMPLES, Event
from muniment.domain.webhooks import TestResult, WebhookChanges, WebhookStatus
from muniment.errors import InvalidInput, MunimentError
from muniment.server.web.frame import Visit, web_routes

_PAGE: Final = 25
_OF_EVENT: Final = "event "


def _by_entity(events: Iterable[Event]) -> dict[str, list[str]]:
    """Return the actions of each entity, both by name."""
    by_entity = groupby(sorted(events), key=lambda event: event.entity)
    return {entity: [event.action for event in found] for entity, found in by_entity}


_KNOWN: Final = {
    "events": _by_entity(SAMPLES.keys() - MLFLOW),
    "mlflow_events": _by_entity(MLFLOW),
    "mlflow_names": sorted(map(str, MLFLOW)),
}


async def show(visit: Visit) -> Response:
    """List the webhooks, and ask for a new one."""
    return await _list_page(visit)


async def create(visit: Visit) -> Response:
    """Make a webhook."""
    webhooks, wanted = visit.services.webhooks, _changes(visit.form)
    try:
        made = await visit.wait_for(lambda: webhooks.create(wanted))
    except MunimentError as fault:
        return await _list_page(visit, fault=fault)
    return visit.lead_on(f"/webhooks/{made.uuid}", f"{made.name} is told from now on.")


async def _list_page(visit: Visit, *, fault: MunimentError | None = None) -> Response:
    def gather() -> dict[str, object]:
        found = visit.services.webhooks.list(
            page_size=_PAGE, page_token=visit.asked.get("page_token") or None
        )
        return {"rows": found.items, "next_token": found.next_token}

    known = {**_KNOWN, "chosen": _chosen(visit.form)}
    return await visit.page("webhooks", {**known, **await visit.wait_for(gather)}, fault=fault)


def _changes(form: Mapping[str, str]) -> WebhookChanges:
    return WebhookChanges(
        name=form.get("name", "").strip(),
        url=form.get("url", "").strip(),
        events=[Event.parse(text) for text in sorted(_chosen(form))],
        description=form.get("description", "").strip(),
        models=form.get("models", "").strip() or "*",
        stage=form.get("stage", "").strip() or "*",
    )


def _chosen(form: Mapping[str, str]) -> frozenset[str]:
    """Return the events whose boxes are ticked."""
    return frozenset(name.removeprefix(_OF_EVENT) for name in form if name.startswith(_OF_EVENT))


# -- one webhook ---------------------------------------------------------------------------------


async def show_one(visit: Visit) -> Response:
    """Show a webhook with its deliveries."""
    return await _page_of_one(visit)


async def act(visit: Visit) -> Response:
    """Do one thing to a webhook."""
    uuid, form, webhooks = visit.params["uuid"], visit.form, visit.services.webhooks
    path = f"/webhooks/{uuid}"
    try:
        match form.get("action"):
            case "change":
                changes = _changes(form)
                await visit.wait_for(lambda: webhooks.update(uuid, changes))
                return visit.lead_on(path, "It was changed.")
            case "enable" | "disable" as action:
                on = WebhookStatus.ACTIVE if action == "enable" else WebhookStatus.DISABLED
                await visit.wait_for(lambda: webhooks.update(uuid, WebhookChanges(status=on)))
                return visit.lead_on(path, f"It is {on.lower()} now.")
            case "test":
                event = Event.parse(text) if (text := form.get("event")) else None
                result = await visit.wait_for(lambda: webhooks.test(uuid, event))
                return await _page_of_one(visit, result=result)
            case "rotate":
                secret = await visit.wait_for(lambda: webhooks.rotate_secret(uuid))
                return await _page_of_one(visit, secret=secret)
            case "replay":
                delivery = form.get("delivery", "")
                await visit.wait_for(lambda: webhooks.replay(uuid, delivery))
                visit.request.app.state.changed.set()  # whoever delivers need not wait a second
                return visit.lead_on(path, "It is sent once more.")
            case "remove":
                await visit.wait_for(lambda: webhooks.delete(uuid))
                return visit.lead_on("/webhooks", "The webhook was removed.")
    except MunimentError as fault:
        return await _page_of_one(visit, fault=fault)
    raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")


async def _page_of_one(
    visit: Visit,
    *,
    result: TestResult | None = None,
    secret: str = "",
    fault: MunimentError | None = None,
) -> Response:
    def gather() -> dict[str, object]:
        uuid, webhooks = visit.params["uuid"], visit.services.webhooks
        webhook = webhooks.get(uuid)
        sent = webhooks.deliveries(
            uuid, page_size=_PAGE, page_token=visit.asked.get("page_token") or None
        )
        return {
            "webhook": webhook,
            "deliveries": sent.items,
            "next_token": sent.next_token,
            "chosen": _chosen(visit.form) or frozenset(map(str, webhook.events)),
        }

    known = {**_KNOWN, "result": result, "secret": secret}
    return await visit.page("webhook", {**known, **await visit.wait_for(gather)}, fault=fault)


routes: Final = [
    *web_routes("/webhooks", get=show, post=create),
    *web_routes("/webhooks/{uuid}", get=show_one, post=act),
]
