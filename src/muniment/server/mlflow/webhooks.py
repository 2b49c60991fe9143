"""Webhooks: create, read, change, delete, try.

A kind of event is written `{"entity": "MODEL_VERSION", "action": "CREATED"}`; entities, actions and
states are enumerations of protocol buffers, so each may also be written as its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.events import MLFLOW, Event
from muniment.domain.values import to_millis
from muniment.domain.webhooks import TestResult, Webhook, WebhookChanges, WebhookStatus
from muniment.errors import InvalidInput
from muniment.server.mlflow.wire import Call, answer, mlflow_routes

# In the order of their numbers, from 0; what stands first means "none".
_ENTITIES: Final = (
    "",
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
    "BUDGET_POLICY",
)
_ACTIONS: Final = ("", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
_STATES: Final = ("", "ACTIVE", "DISABLED")


async def create(call: Call) -> Response:
    """Make a webhook."""
    changes = WebhookChanges(
        name=call.required("name"),
        url=call.required("url"),
        events=_events(call),
        description=call.text("description"),
        secret=call.text("secret"),
        status=_status(call),
    )
    if changes.events is None:
        raise InvalidInput(
            "Missing value for required parameter 'events'.", details={"field": "events"}
        )
    webhook = await call.wait_for(partial(call.services.webhooks.create, changes))
    return answer({"webhook": _document(webhook)})


async def get(call: Call) -> Response:
    """Return a webhook."""
    webhook = await call.read(partial(call.services.webhooks.get, _id(call)))
    return answer({"webhook": _document(webhook)})


async def find(call: Call) -> Response:
    """Return the webhooks, newest first, a page at a time."""
    page = await call.wait_for(
        partial(
            call.services.webhooks.list,
            page_size=call.integer("max_results") or None,
            page_token=call.text("page_token"),
        )
    )
    document: dict[str, object] = {}
    # A client of MLflow fails at a webhook without an event that it knows.
    if known := [webhook for webhook in page.items if not MLFLOW.isdisjoint(webhook.events)]:
        document["webhooks"] = [_document(webhook) for webhook in known]
    if page.next_token:
        document["next_page_token"] = page.next_token
    return answer(document)


async def update(call: Call) -> Response:
    """Change what is given, and not empty; only description and secret can be emptied."""
    changes = WebhookChanges(
        name=call.text("name") or None,
        url=call.text("url") or None,
        events=_events(call) or None,
        description=call.text("description") if call.has("description") else None,
        secret=call.text("secret") if call.has("secret") else None,
        status=_status(call),
    )
    webhook = await call.wait_for(partial(call.services.webhooks.update, _id(call), changes))
    return answer({"webhook": _document(webhook)})


async def delete(call: Call) -> Response:
    """Remove a webhook."""
    await call.wait_for(partial(call.services.webhooks.delete, _id(call)))
    return answer({})


async def test(call: Call) -> Response:
    """Send a sample now, and say what came back."""
    sample = call.value("event")
    event = None if sample is None else _event(sample)
    result = await call.wait_for(partial(call.services.webhooks.test, _id(call), event))
    return answer({"result": _result(result)})


# -- fields --------------------------------------------------------------------------------------


def _id(call: Call) -> str:
    return str(call.request.path_params["webhook_id"])


def _events(call: Call) -> list[Event] | None:
    value = call.value("events")
    if value is None:
        return None
    if not isinstance(value, list):
        raise _no_event(value)
    return [_event(item) for item in value]


def _event(value: object) -> Event:
    if not isinstance(value, dict):
        raise _no_event(value)
    entity, action = _word(_ENTITIES, value.get("entity")), _word(_ACTIONS, value.get("action"))
    if not entity or not action:
        raise _no_event(value)
    return Event.parse(f"{entity}.{action}".lower())


def _status(call: Call) -> WebhookStatus | None:
    """Return the state that is asked for; a word that means none counts as not said."""
    value = call.value("status")
    word = _word(_STATES, value)
    if not word and value is not None and not isinstance(value, str):
        raise InvalidInput(
            f"Invalid value {value!r:.100} for parameter 'status': it must be ACTIVE or DISABLED.",
            details={"field": "status"},
        )
    return WebhookStatus(word) if word else None


def _word(words: Sequence[str], value: object) -> str:
    """Return the word of an enumeration that is meant by itself or its number, "" if none is."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value) if len(value) < 3 else None
    if isinstance(value, int) and not isinstance(value, bool):
        return words[value] if 0 <= value < len(words) else ""
    return value if isinstance(value, str) and value in words else ""


def _no_event(value: object) -> InvalidInput:
    return InvalidInput(
        f"Invalid value {value!r:.200} for an event.",
        hint='Write it like {"entity": "MODEL_VERSION", "action": "CREATED"}.',
        details={"field": "events"},
    )


# -- documents -----------------------------------------------------------------------------------


def _document(webhook: Webhook) -> dict[str, object]:
    """Return a webhook, without its secret; a description that is empty is left out.

    So are events of our own: the protocol's enumerations have no words for them.
    """
    document: dict[str, object] = {
        "webhook_id": webhook.uuid,
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "events": [
            {"entity": event.entity.upper(), "action": event.action.upper()}
            for event in webhook.events
            if event in MLFLOW
        ],
        "status": webhook.status.value,
        "creation_timestamp": to_millis(webhook.created_at),
        "last_updated_timestamp": to_millis(webhook.updated_at),
    }
    if not webhook.description:
        del document["description"]
    return document


def _result(result: TestResult) -> dict[str, object]:
    if result.status is None:
        return {"success": result.success, "error_message": result.error}
    return {
        "success": result.success,
        "response_status": result.status,
        "response_body": result.answer,
    }


routes: list[Route] = [
    *mlflow_routes("webhooks", POST=create, GET=find),
    *mlflow_routes("webhooks/{webhook_id}", GET=get, PATCH=update, DELETE=delete),
    *mlflow_routes("webhooks/{webhook_id}/test", POST=test),
]
