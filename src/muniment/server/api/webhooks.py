"""Webhooks: who is told of what happens, and what became of the telling."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment.server.api import usage_documents as documents
from muniment.server.api import webhook_bodies as bodies
from muniment.server.api.answers import json_answer, page_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, DeliveryId, PageSize, PageToken, WebhookId
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import wait_for

router = api_router("webhooks")

WEBHOOK = "/webhooks/{id}"
DELIVERIES = f"{WEBHOOK}/deliveries"


@router.post(
    "/webhooks",
    operation_id="createWebhook",
    summary="Make a webhook",
    status_code=201,
    responses=answers(documents.Webhook, 415, status=201),
)
async def create_webhook(request: Request, body: bodies.NewWebhook, services: Acting) -> Response:
    """Say where to send which events of which models, from now on."""
    webhook = await wait_for(request, partial(services.webhooks.create, body.to_changes()))
    location = {"Location": f"{PREFIX}/webhooks/{webhook.uuid}"}
    return json_answer(webhook.to_json(), status=201, headers=location)


@router.get(
    "/webhooks",
    operation_id="listWebhooks",
    summary="List webhooks",
    responses=answers(documents.WebhookPage),
)
async def list_webhooks(
    request: Request,
    services: Acting,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return the webhooks of the workspace, newest first; never their secrets."""
    find = partial(services.webhooks.list, page_size=page_size, page_token=page_token)
    return page_answer(await wait_for(request, find))


@router.get(
    WEBHOOK,
    operation_id="getWebhook",
    summary="Get a webhook",
    responses=answers(documents.Webhook, 404),
)
async def get_webhook(request: Request, id: WebhookId, services: Acting) -> Response:
    """Return a webhook, without its secret."""
    webhook = await wait_for(request, partial(services.webhooks.get, id))
    return json_answer(webhook.to_json())


@router.patch(
    WEBHOOK,
    operation_id="changeWebhook",
    summary="Change a webhook",
    responses=answers(documents.Webhook, 404, 415),
)
async def change_webhook(
    request: Request, id: WebhookId, body: bodies.WebhookPatch, services: Acting
) -> Response:
    """Change what is named; a DISABLED webhook is told of nothing, and what is on its way waits."""
    change = partial(services.webhooks.update, id, body.to_changes())
    return json_answer((await wait_for(request, change)).to_json())


@router.delete(
    WEBHOOK,
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    status_code=204,
    responses=answers(None, 404, status=204, description="Nothing is sent there any more."),
)
async def delete_webhook(request: Request, id: WebhookId, services: Acting) -> Response:
    """Remove a webhook with its deliveries, those on their way too."""
    await wait_for(request, partial(services.webhooks.delete, id))
    return Response(status_code=204)


@router.post(
    f"{WEBHOOK}/test",
    operation_id="testWebhook",
    summary="Try a webhook",
    responses=answers(documents.TestResult, 404, 415),
)
async def try_webhook(
    request: Request,
    id: WebhookId,
    services: Acting,
    body: bodies.WebhookTest = bodies.WebhookTest(),  # noqa: B008  # FastAPI copies it
) -> Response:
    """Send a sample of an event now, and once; answer what the receiver made of it."""
    result = await wait_for(request, partial(services.webhooks.test, id, body.to_event()))
    return json_answer(result.to_json())


@router.post(
    f"{WEBHOOK}/secret",
    operation_id="rotateWebhookSecret",
    summary="Give a webhook a new secret",
    responses=answers(documents.WebhookSecret, 404),
)
async def rotate_webhook_secret(request: Request, id: WebhookId, services: Acting) -> Response:
    """Sign with a new random secret from now on; it is shown this once."""
    secret = await wait_for(request, partial(services.webhooks.rotate_secret, id))
    return json_answer({"secret": secret}, headers={"Cache-Control": "no-store"})


@router.get(
    DELIVERIES,
    operation_id="listDeliveries",
    summary="List what was sent to a webhook",
    responses=answers(documents.DeliveryPage, 404),
)
async def list_deliveries(
    request: Request,
    id: WebhookId,
    services: Acting,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """Return what was sent, or is to be, newest first, with every attempt."""
    find = partial(services.webhooks.deliveries, id, page_size=page_size, page_token=page_token)
    return page_answer(await wait_for(request, find))


@router.post(
    f"{DELIVERIES}/{{delivery}}/replay",
    operation_id="replayDelivery",
    summary="Send a delivery once more",
    responses=answers(documents.Delivery, 404),
)
async def replay_delivery(
    request: Request, id: WebhookId, delivery: DeliveryId, services: Acting
) -> Response:
    """Send it again, at once and out of its order, under the same id."""
    replay = partial(services.webhooks.replay, id, delivery)
    return json_answer((await wait_for(request, replay)).to_json())
