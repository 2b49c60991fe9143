"""Webhooks: whom to tell of which events, and each telling of one until it has arrived.

    (an event happens) ──> PENDING ── 2xx ────────────────────> DELIVERED ──┐
                           ▲  │  └─── 410, or tried too long ──> FAILED ────┤
                           │  └─ anything else: tried again, ever later     │
                           └──────────────── replay ────────────────────────┘

The deliveries to one webhook about one model go out in the order of its history: one waits until
that before it is DELIVERED or FAILED. Others don't wait.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, cast
from uuid import NAMESPACE_OID, uuid5

from muniment.domain.events import Event, Occurred
from muniment.domain.patterns import matches
from muniment.domain.values import (
    Json,
    JsonObject,
    as_object,
    time_from_json,
    time_to_json,
    to_millis,
)

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(hours=1)
TRIED_FOR: Final = timedelta(days=3)
GONE: Final = 410
UNTOLD: Final = "(untold)"
"""The secret of a webhook that was read from its API's form: there is one."""


class WebhookStatus(StrEnum):
    """Whether a webhook is told of anything. What is pending waits while it is DISABLED."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send which events of a workspace's models.

    `models` is a pattern of their names, `stage` one of the stages (in any case) that an event is
    about; it does not limit events about none. `secret` signs what is sent; it is shown nowhere.
    """

    id: int
    uuid: str
    workspace: str
    name: str
    url: str
    events: tuple[Event, ...]
    created_at: datetime
    updated_at: datetime
    description: str = ""
    status: WebhookStatus = WebhookStatus.ACTIVE
    models: str = "*"
    stage: str = "*"
    secret: str = field(default="", repr=False)

    def wants(self, occurred: Occurred, model: str) -> bool:
        """Say whether it is to be told of an event of a model; not of what was before it."""
        pattern = self.stage.lower()
        return (
            self.status is WebhookStatus.ACTIVE
            and occurred.event in self.events
            and occurred.at >= self.created_at
            and matches(self.models, model)
            and (
                not occurred.stages
                or any(matches(pattern, stage.lower()) for stage in occurred.stages)
            )
        )

    def to_json(self) -> JsonObject:
        """Return the API's form: `id` is the uuid, `signed` whether there is a secret."""
        return {
            "id": self.uuid,
            "name": self.name,
            "url": self.url,
            "events": [str(event) for event in self.events],
            "description": self.description,
            "status": self.status.value,
            "models": self.models,
            "stage": self.stage,
            "signed": bool(self.secret),
            "created_at": time_to_json(self.created_at),
            "updated_at": time_to_json(self.updated_at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Webhook:
        """Read what `to_json` wrote, which is not all: a secret is `UNTOLD`."""
        v = as_object(value, "a webhook")
        return cls(
            id=0,
            uuid=cast(str, v["id"]),
            workspace="",
            name=cast(str, v["name"]),
            url=cast(str, v["url"]),
            events=tuple(Event.parse(event) for event in cast("list[str]", v["events"])),
            created_at=time_from_json(cast(str, v["created_at"])),
            updated_at=time_from_json(cast(str, v["updated_at"])),
            description=cast(str, v["description"]),
            status=WebhookStatus(cast(str, v["status"])),
            models=cast(str, v["models"]),
            stage=cast(str, v["stage"]),
            secret=UNTOLD if v["signed"] is True else "",
        )


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """What a webhook is to be. None stays as it is; with an empty secret nothing is signed."""

    name: str | None = None
    url: str | None = None
    events: Iterable[Event] | None = None
    description: str | None = None
    secret: str | None = None
    status: WebhookStatus | None = None
    models: str | None = None
    stage: str | None = None

    def to_json(self) -> JsonObject:
        """Return the API's form: what is to change."""
        everything: JsonObject = {
            "name": self.name,
            "url": self.url,
            "events": None if self.events is None else [str(event) for event in self.events],
            "description": self.description,
            "secret": self.secret,
            "status": None if self.status is None else self.status.value,
            "models": self.models,
            "stage": self.stage,
        }
        return {key: value for key, value in everything.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: when, how long it took, and the answer's status and beginning, or what went wrong.

    `retry_after` is in seconds from then on, as the receiver asked for it.
    """

    at: datetime
    milliseconds: int
    status: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: float | None = None

    @property
    def arrived(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "at": time_to_json(self.at),
            "milliseconds": self.milliseconds,
            "status": self.status,
            "answer": self.answer,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, value: Json) -> Attempt:
        """Read what `to_json` wrote."""
        v = as_object(value, "an attempt to deliver")
        return cls(
            at=time_from_json(cast(str, v["at"])),
            milliseconds=cast(int, v["milliseconds"]),
            status=cast("int | None", v["status"]),
            answer=cast(str, v["answer"]),
            error=cast(str, v["error"]),
        )


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a receiver made of a sample: its status and answer, or what went wrong."""

    success: bool
    status: int | None = None
    answer: str = ""
    error: str = ""

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "success": self.success,
            "status": self.status,
            "answer": self.answer,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, value: Json) -> TestResult:
        """Read what `to_json` wrote."""
        v = as_object(value, "the result of a test")
        return cls(
            success=v["success"] is True,
            status=cast("int | None", v["status"]),
            answer=cast(str, v["answer"]),
            error=cast(str, v["error"]),
        )


class DeliveryState(StrEnum):
    """How far a delivery is; see the module."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook: the activity it came from, and the body that is sent.

    `ordinal` tells the events of one activity apart, from 0. `next_at` is when it may be tried
    next; None while another one has to arrive before, and when it is finished. It is tried until
    `expires_at`, once at least.
    """

    id: str
    webhook_id: int
    model_id: int
    sequence: int
    ordinal: int
    event: Event
    body: str = field(repr=False)
    created_at: datetime
    expires_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    next_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    def after(self, attempt: Attempt, now: datetime, *, jitter: float) -> Delivery:
        """Return what becomes of it by an attempt; `jitter` (0 to 1) spreads the next one."""
        tried = replace(self, attempts=(*self.attempts, attempt))
        if attempt.arrived:
            return replace(tried, state=DeliveryState.DELIVERED, next_at=None, finished_at=now)
        if attempt.status == GONE or now >= self.expires_at:
            return replace(tried, state=DeliveryState.FAILED, next_at=None, finished_at=now)
        pause = wait_after(len(tried.attempts), jitter)
        if attempt.retry_after is not None:
            asked = min(max(attempt.retry_after, 0), LONGEST_WAIT.total_seconds())
            pause = max(pause, timedelta(seconds=asked))
        return replace(tried, next_at=now + pause)

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "event": str(self.event),
            "state": self.state.value,
            "created_at": time_to_json(self.created_at),
            "expires_at": time_to_json(self.expires_at),
            "next_at": None if self.next_at is None else time_to_json(self.next_at),
            "finished_at": None if self.finished_at is None else time_to_json(self.finished_at),
            "body": self.body,
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }

    @classmethod
    def from_json(cls, value: Json) -> Delivery:
        """Read what `to_json` wrote; which activity of which model it came from is not in it."""
        v = as_object(value, "a delivery")
        next_at, finished_at = v["next_at"], v["finished_at"]
        return cls(
            id=cast(str, v["id"]),
            webhook_id=0,
            model_id=0,
            sequence=0,
            ordinal=0,
            event=Event.parse(cast(str, v["event"])),
            body=cast(str, v["body"]),
            created_at=time_from_json(cast(str, v["created_at"])),
            expires_at=time_from_json(cast(str, v["expires_at"])),
            state=DeliveryState(cast(str, v["state"])),
            next_at=None if next_at is None else time_from_json(cast(str, next_at)),
            finished_at=None if finished_at is None else time_from_json(cast(str, finished_at)),
            attempts=tuple(Attempt.from_json(item) for item in cast("list[Json]", v["attempts"])),
        )


def delivery_id(webhook_uuid: str, model_uuid: str, sequence: int, ordinal: int) -> str:
    """Return the id of a delivery, always the same: whoever sends or gets it twice can tell."""
    return str(uuid5(NAMESPACE_OID, f"muniment {webhook_uuid} {model_uuid} {sequence} {ordinal}"))


def wait_after(attempts: int, jitter: float) -> timedelta:
    """Return the pause after so many attempts: 1 s, 2 s, 4 s … 1 h, and up to a quarter more."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 12)
    return min(doubled, LONGEST_WAIT) * (1 + jitter / 4)


def headers_of(delivery: str, body: str, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of an attempt: its id and time, and both signed with the body."""
    seconds = str(to_millis(now) // 1000)
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": seconds,
    }
    if secret:
        headers["X-MLflow-Signature"] = signature(secret, f"{delivery}.{seconds}.{body}")
    return headers


def signature(secret: str, signed: str) -> str:
    """Return `v1,` and the HMAC-SHA256 of `signed`, as base64."""
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"
