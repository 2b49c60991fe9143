"""registry-webhooks/*: webhooks as Databricks asks for them.

    MODEL_VERSION_CREATED                        model_version.created
    REGISTERED_MODEL_CREATED                     registered_model.created
    MODEL_VERSION_TAG_SET                        model_version_tag.set
    COMMENT_CREATED                              comment.added
    MODEL_VERSION_TRANSITIONED_STAGE             stage.entered
    MODEL_VERSION_TRANSITIONED_TO_PRODUCTION     stage.entered     limited to the stage Production
    TRANSITION_REQUEST_CREATED                   request.created
    TRANSITION_REQUEST_TO_PRODUCTION_CREATED     request.created   limited to the stage Production

One webhook is limited to one stage, or to none. What has no word here (jobs to start, a header to
send, certificates not to look at) is refused, never left out. Receivers are sent what all webhooks
send: see the manual.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.domain.entities import Page
from muniment.domain.events import ENTERED, Event
from muniment.domain.stages import stage_key
from muniment.domain.values import to_millis
from muniment.domain.webhooks import TestResult, Webhook, WebhookChanges, WebhookStatus
from muniment.errors import InvalidInput, NotImplementedHere
from muniment.server.mlflow.wire import LIFECYCLE_PREFIXES, Call, answer, mlflow_routes

_NAME: Final = "registry-webhook"  # there, they have none
_ANY: Final = "*"
_MODEL_CREATED: Final = Event("registered_model", "created")
_REQUESTED: Final = Event("request", "created")
_STAGES: Final = ("Staging", "Production", "Archived")


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a word for an event means: ours, and the stage that it is limited to.

    A stage of None: it is about none.
    """

    event: Event
    stage: str | None = None


_EVENTS: Final = {
    "MODEL_VERSION_CREATED": _Meaning(Event("model_version", "created")),
    "REGISTERED_MODEL_CREATED": _Meaning(_MODEL_CREATED),
    "MODEL_VERSION_TAG_SET": _Meaning(Event("model_version_tag", "set")),
    "COMMENT_CREATED": _Meaning(Event("comment", "added")),
    "MODEL_VERSION_TRANSITIONED_STAGE": _Meaning(ENTERED, _ANY),
    "TRANSITION_REQUEST_CREATED": _Meaning(_REQUESTED, _ANY),
    **{f"MODEL_VERSION_TRANSITIONED_TO_{s.upper()}": _Meaning(ENTERED, s) for s in _STAGES},
    **{f"TRANSITION_REQUEST_TO_{s.upper()}_CREATED": _Meaning(_REQUESTED, s) for s in _STAGES},
}
_STATES: Final = {
    "ACTIVE": WebhookStatus.ACTIVE,
    "DISABLED": WebhookStatus.DISABLED,
    "TEST_MODE": WebhookStatus.DISABLED,  # which can be tried, too
}


async def create(call: Call) -> Response:
    """Make a webhook, for one model or for all."""
    url, secret = _receiver(call)
    words, model = _words(call), call.text("model_name")
    if not words or not url:
        missing = "http_url_spec.url" if words else "events"
        raise InvalidInput(f"Missing value for required parameter {missing!r}.")
    events, stage = _meant(words)
    changes = WebhookChanges(
        name=_NAME,
        url=url,
        events=events,
        description=call.text("description"),
        secret=secret,
        status=_status(call),
        models=_checked_models(events, _only(model)) if model else None,
        stage=stage,
    )

    def make() -> Webhook:
        if model:
            call.services.catalog.model(model)  # there is one
        return call.services.webhooks.create(changes)

    return answer({"webhook": _document(await call.wait_for(make))})


async def find(call: Call) -> Response:
    """Return webhooks, newest first: those of one model, those with one of some events.

    Of a page, only those are returned that fit: there may be none, and a next page.
    """
    asked, model = set(_words(call)), call.text("model_name")

    def read() -> Page[Webhook]:
        size, token = call.integer("max_results") or None, call.text("page_token")
        return call.services.webhooks.list(page_size=size, page_token=token)

    page = await call.wait_for(read)
    found = [
        _document(webhook)
        for webhook in page.items
        if (words := set(_words_of(webhook)))
        and (not asked or asked & words)
        and model in ("", webhook.models)
    ]
    document: dict[str, object] = {"webhooks": found}
    if page.next_token:
        document["next_page_token"] = page.next_token
    return answer(document)


async def update(call: Call) -> Response:
    """Change what is given."""
    url, secret = _receiver(call)
    words, uuid, webhooks = _words(call), call.required("id"), call.services.webhooks
    events, stage = _meant(words) if words else (None, None)
    changes = WebhookChanges(
        url=url,
        events=events,
        description=call.text("description") if call.has("description") else None,
        secret=secret,
        status=_status(call),
        stage=stage,
    )

    def change() -> Webhook:
        if events is not None:
            _checked_models(events, webhooks.get(uuid).models)
        return webhooks.update(uuid, changes)

    return answer({"webhook": _document(await call.wait_for(change))})


async def delete(call: Call) -> Response:
    """Remove a webhook."""
    await call.wait_for(partial(call.services.webhooks.delete, call.required("id")))
    return answer({})


async def test(call: Call) -> Response:
    """Send a sample now, and say what came back."""
    word = call.text("event")
    event = _EVENTS[_checked(word)].event if word else None
    result = await call.wait_for(
        partial(call.services.webhooks.test, call.required("id"), event),
    )
    told = _result(result)
    return answer({**told, "webhook": told})  # older clients know the longer form


# -- fields --------------------------------------------------------------------------------------


def _words(call: Call) -> list[str]:
    return [_checked(word) for word in call.texts("events")]


def _checked(word: str) -> str:
    if word not in _EVENTS:
        raise InvalidInput(
            f"There is no event {word!r:.100}.",
            hint=f"The events are {', '.join(_EVENTS)}.",
            details={"field": "events"},
        )
    return word


def _meant(words: Iterable[str]) -> tuple[tuple[Event, ...], str]:
    """Return our events, and the stage that a webhook for them is limited to.

    Raises:
        NotImplementedHere: they are limited to several stages, or one to a stage, one to none.
    """
    meanings = [_EVENTS[word] for word in words]
    stages = {meaning.stage for meaning in meanings if meaning.stage is not None}
    if len(stages) > 1:
        raise NotImplementedHere(
            "A webhook can't be told of several stages each on its own.",
            hint="Make one webhook for each stage, or one for all of them.",
        )
    return tuple(meaning.event for meaning in meanings), stages.pop() if stages else _ANY


def _only(model: str) -> str:
    """Return the pattern that fits one model alone."""
    if {"*", "?"} & set(model):
        raise NotImplementedHere(
            f"A webhook can't be for {model!r:.200} alone: * and ? stand for other characters.",
            hint="Leave model_name out.",
        )
    return model


def _checked_models(events: Iterable[Event], model: str) -> str:
    """Return the pattern of models, where all of the events may be told of them."""
    if model != _ANY and _MODEL_CREATED in events:
        raise InvalidInput(
            "A webhook for one model can't be told of new models.",
            hint="Leave model_name out, or REGISTERED_MODEL_CREATED.",
        )
    return model


def _receiver(call: Call) -> tuple[str | None, str | None]:
    """Return URL and secret, None where they are not given.

    Raises:
        NotImplementedHere: something else is asked for that webhooks can't do here.
    """
    if call.has("job_spec"):
        raise NotImplementedHere(
            "This server starts no jobs.",
            hint="Give an http_url_spec: what is there may start one.",
        )
    spec = call.value("http_url_spec")
    if spec is None:
        return None, None
    if not isinstance(spec, dict):
        raise InvalidInput(f"http_url_spec is {spec!r:.100}; it must be an object with a url.")
    url, secret, header = (_text(spec, field) for field in ("url", "secret", "authorization"))
    if header:
        raise NotImplementedHere(
            "Webhooks send no Authorization header.",
            hint="Give a secret: every request is signed with it.",
        )
    if spec.get("enable_ssl_verification") not in (None, True):
        raise NotImplementedHere(
            "Webhooks always verify the receiver's certificate.",
            hint="Leave enable_ssl_verification out.",
        )
    return url, secret


def _text(spec: dict[str, object], field: str) -> str | None:
    value = spec.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"http_url_spec.{field} is {value!r:.100}; it must be text.")
    return value


def _status(call: Call) -> WebhookStatus | None:
    word = call.text("status")
    if word and word not in _STATES:
        raise InvalidInput(f"status is {word!r:.100}; it must be one of {', '.join(_STATES)}.")
    return _STATES[word] if word else None


# -- documents -----------------------------------------------------------------------------------


def _document(webhook: Webhook) -> dict[str, object]:
    """Return a webhook, without its secret, and with the events that have a word."""
    document: dict[str, object] = {
        "id": webhook.uuid,
        "events": _words_of(webhook),
        "description": webhook.description,
        "status": webhook.status.value,
        "http_url_spec": {"url": webhook.url, "enable_ssl_verification": True},
        "creation_timestamp": to_millis(webhook.created_at),
        "last_updated_timestamp": to_millis(webhook.updated_at),
    }
    if webhook.models != _ANY:
        document["model_name"] = webhook.models
    return document


def _words_of(webhook: Webhook) -> list[str]:
    stage = stage_key(webhook.stage)
    return [
        word
        for word, meaning in _EVENTS.items()
        if meaning.event in webhook.events
        and (meaning.stage is None or stage_key(meaning.stage) == stage)
    ]


def _result(result: TestResult) -> dict[str, object]:
    """Return status and body of the answer; of a receiver that gave none, why."""
    if result.status is None:
        return {"body": result.error}
    return {"status_code": result.status, "body": result.answer}


_routes = partial(mlflow_routes, prefixes=LIFECYCLE_PREFIXES)
routes: list[Route] = [
    *_routes("registry-webhooks/create", POST=create),
    *_routes("registry-webhooks/list", GET=find),
    *_routes("registry-webhooks/update", PATCH=update),
    *_routes("registry-webhooks/delete", DELETE=delete),
    *_routes("registry-webhooks/test", POST=test),
]
