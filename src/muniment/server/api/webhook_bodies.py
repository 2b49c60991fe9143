"""Request bodies about webhooks."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from muniment.domain.events import SAMPLES, Event
from muniment.domain.patterns import MAX_PATTERN_CHARS
from muniment.domain.webhooks import WebhookChanges, WebhookStatus
from muniment.server.api import lifecycle_examples as examples
from muniment.server.api.base_bodies import Body, Description, Text, _example, _limit

Pattern: TypeAlias = Annotated[str, _limit(minLength=1, maxLength=MAX_PATTERN_CHARS)]
EventName: TypeAlias = Annotated[
    str, Field(json_schema_extra={"enum": sorted(str(event) for event in SAMPLES)})
]


class WebhookPatch(Body):
    """What is to change: what is left out stays. With an empty secret nothing is signed."""

    model_config = _example(status="DISABLED")

    name: Text | None = None
    url: Text | None = None
    events: list[EventName] | None = None
    description: Description | None = None
    secret: Annotated[str | None, Field(json_schema_extra={"format": "password"}, repr=False)] = (
        None
    )
    status: Literal["ACTIVE", "DISABLED"] | None = None
    models: Pattern | None = None
    stage: Pattern | None = None

    def to_changes(self) -> WebhookChanges:
        """Return it as the service knows it. Raises InvalidInput."""
        return WebhookChanges(
            name=self.name,
            url=self.url,
            events=None if self.events is None else [Event.parse(text) for text in self.events],
            description=self.description,
            secret=self.secret,
            status=None if self.status is None else WebhookStatus(self.status),
            models=self.models,
            stage=self.stage,
        )


class NewWebhook(WebhookPatch):
    """Where to send which events of which models; `stage` limits those that are about stages."""

    model_config = _example(
        name="promotions",
        url="https://hooks.example.com/muniment",
        events=examples.WEBHOOK["events"],
        models="fraud-*",
        stage="Production",
        secret="…",  # noqa: S106
    )

    name: Text
    url: Text
    events: list[EventName]


class WebhookTest(Body):
    """Which event to send a sample of; the first that the webhook is told of, if none is named."""

    model_config = _example(event="stage.changed")

    event: EventName | None = None

    def to_event(self) -> Event | None:
        """Return it as the domain knows it. Raises InvalidInput."""
        return None if self.event is None else Event.parse(self.event)
