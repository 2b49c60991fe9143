"""What people see of webhooks, and of what they were sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Paragraph, Styled, Table
from muniment.domain.values import utcnow
from muniment.domain.webhooks import Delivery, DeliveryState, TestResult, Webhook, WebhookStatus

_NAME = "bold"
_DIM = "dim"
_DELIVERIES = {
    DeliveryState.PENDING: "yellow",
    DeliveryState.DELIVERED: "green",
    DeliveryState.FAILED: "red",
}


def webhooks(found: Sequence[Webhook]) -> list[Block]:
    """Webhooks, one a line."""
    if not found:
        return [Paragraph(Styled("No webhooks.", _DIM))]
    columns = [
        Column("ID", style=_NAME),
        Column("NAME", flexible=True),
        Column("STATUS"),
        Column("SIGNED"),
        Column("URL", flexible=True),
        Column("MODELS", flexible=True),
        Column("STAGE"),
        Column("EVENTS", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            hook.uuid,
            hook.name,
            Styled(hook.status.value, "green" if hook.status is WebhookStatus.ACTIVE else "yellow"),
            "yes" if hook.secret else "no",
            hook.url,
            "" if hook.models == "*" else hook.models,
            "" if hook.stage == "*" else hook.stage,
            ", ".join(map(str, hook.events)),
        ]
        for hook in found
    ]
    return [Table(columns, rows).without_empty("MODELS", "STAGE")]


def deliveries(found: Sequence[Delivery]) -> list[Block]:
    """What was sent to a webhook, or is to be."""
    if not found:
        return [Paragraph(Styled("No deliveries.", _DIM))]
    now = utcnow()
    columns = [
        Column("ID", style=_NAME),
        Column("EVENT"),
        Column("STATE"),
        Column("WHEN"),
        Column("TRIES", right=True),
        Column("NEXT"),
        Column("LAST ANSWER", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            one.id,
            str(one.event),
            Styled(one.state.value, _DELIVERIES[one.state]),
            words.age(one.created_at, now),
            str(len(one.attempts)),
            _soon(one.next_at, now),
            _answer(one),
        ]
        for one in found
    ]
    return [Table(columns, rows).without_empty("NEXT", "LAST ANSWER")]


def tested(result: TestResult) -> list[Block]:
    """What a receiver made of a sample."""
    verdict = Styled("arrived", "green") if result.success else Styled("did not arrive", "red")
    told = result.error or " ".join(filter(None, (_text(result.status), result.answer)))
    return [Heading([verdict, told]) if told else Heading([verdict])]


def webhook(hook: Webhook) -> list[Block]:
    """One webhook."""
    title = Heading([Styled(hook.name, _NAME), hook.uuid, hook.status.value])
    facts: list[tuple[str, Cell]] = [
        ("url", hook.url),
        ("events", ", ".join(map(str, hook.events))),
        ("models", hook.models),
        ("stage", hook.stage),
        ("signed", "yes" if hook.secret else "no"),
        ("description", hook.description),
    ]
    return [title, Facts([(name, text) for name, text in facts if text])]


def _answer(delivery: Delivery) -> str:
    if not delivery.attempts:
        return ""
    last = delivery.attempts[-1]
    return last.error or f"{last.status} {last.answer}".strip()


def _soon(at: datetime | None, now: datetime) -> str:
    return "" if at is None else "now" if at <= now else words.moment(at)


def _text(status: int | None) -> str:
    return "" if status is None else str(status)
