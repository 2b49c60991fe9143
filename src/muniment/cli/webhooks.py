"""Webhooks: webhook ls, show, create, set, rotate, test, deliveries, replay, rm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import exits, webhook_pages
from muniment.cli.app import WEBHOOK
from muniment.cli.keep_house import Yes
from muniment.cli.look import Limit
from muniment.cli.session import Session, ask, first_line
from muniment.domain.events import SAMPLES, Event
from muniment.domain.webhooks import WebhookChanges, WebhookStatus
from muniment.errors import InvalidInput

if TYPE_CHECKING:
    from muniment.client.backend import WebhooksBackend

Id = Annotated[str, typer.Argument(metavar="ID", help="As `muniment webhook ls` lists it.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="EVENT", help="What to be told of; may be given again."),
]
Models = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="Of models with such names only.")
]
Stage = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="Of events about stages, such ones only.")
]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")]
Secret = Annotated[
    str | None,
    typer.Option("--secret-file", metavar="FILE|-", help="Sign with what stands in it."),
]


@WEBHOOK.command("muniment webhook ls")
def ls(session: Session, limit: Limit = None) -> None:
    """List the webhooks of the workspace, newest first; never their secrets."""
    hooks = _hooks(session)
    found = session.listed(
        lambda token=None, *, size: hooks.list(page_size=size, page_token=token), limit
    )
    session.out.entities(found.items, lambda hook: hook.uuid, webhook_pages.webhooks)
    session.tell_of_more(found)


@WEBHOOK.command("muniment webhook show 0f6e…")
def show(session: Session, webhook: Id) -> None:
    """Show a webhook."""
    found = _hooks(session).get(webhook)
    session.out.entity(found, found.uuid, webhook_pages.webhook)


@WEBHOOK.command(
    "muniment webhook create ci https://ci.example.com/hook --event version.created",
    "muniment webhook create chat https://chat.example.com/x --event stage.changed "
    "--stage Production",
)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send events.")],
    event: Events = None,
    models: Models = None,
    stage: Stage = None,
    description: Description = None,
    secret_file: Secret = None,
) -> None:
    """Make a webhook; it is told of what happens from now on."""
    made = _hooks(session).create(
        WebhookChanges(
            name=name,
            url=url,
            events=_events(event),
            description=description,
            secret=_secret(secret_file),
            models=models,
            stage=stage,
        )
    )
    session.out.entity(made, made.uuid, webhook_pages.webhook)
    if not made.secret:
        session.out.hint(f"`muniment webhook rotate {made.uuid}` signs what is sent.")
    session.out.hint(f"`muniment webhook test {made.uuid}` tries it.")


@WEBHOOK.command(
    "muniment webhook set 0f6e… --status disabled",
    "muniment webhook set 0f6e… --event stage.changed --event request.created",
    name="set",
)
def set_webhook(
    session: Session,
    webhook: Id,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is called.")] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where to send events.")] = None,
    event: Events = None,
    models: Models = None,
    stage: Stage = None,
    status: Annotated[
        WebhookStatus | None,
        typer.Option(case_sensitive=False, help="A disabled one is told of nothing."),
    ] = None,
    description: Description = None,
    secret_file: Secret = None,
) -> None:
    """Change what is given of a webhook."""
    changed = _hooks(session).update(
        webhook,
        WebhookChanges(
            name=name,
            url=url,
            events=None if event is None else _events(event),
            description=description,
            secret=_secret(secret_file),
            status=status,
            models=models,
            stage=stage,
        ),
    )
    session.out.entity(changed, changed.uuid, webhook_pages.webhook)


@WEBHOOK.command("muniment webhook rotate 0f6e…")
def rotate(session: Session, webhook: Id) -> None:
    """Give a webhook a new random secret, and print it, this once."""
    secret = _hooks(session).rotate_secret(webhook)
    session.out.secret(
        {"webhook": webhook, "secret": secret},
        secret,
        "What is sent from now on is signed with this secret. It is shown only now:",
    )


@WEBHOOK.command(
    "muniment webhook test 0f6e…", "muniment webhook test 0f6e… --event stage.changed", name="test"
)
def try_webhook(
    session: Session,
    webhook: Id,
    event: Annotated[
        str | None, typer.Option(metavar="EVENT", help="Which; else the first it is told of.")
    ] = None,
) -> None:
    """Send a sample of an event now, and once; the exit code is 1 if it does not arrive."""
    result = _hooks(session).test(webhook, None if event is None else Event.parse(event))
    session.out.entity(result, "arrived" if result.success else "", webhook_pages.tested)
    if not result.success:
        raise typer.Exit(exits.FAILURE)


@WEBHOOK.command("muniment webhook deliveries 0f6e…")
def deliveries(session: Session, webhook: Id, limit: Limit = None) -> None:
    """List what was sent to a webhook, or is to be, newest first."""
    hooks = _hooks(session)
    found = session.listed(
        lambda token=None, *, size: hooks.deliveries(webhook, page_size=size, page_token=token),
        limit,
    )
    session.out.entities(found.items, lambda one: one.id, webhook_pages.deliveries)
    session.tell_of_more(found)


@WEBHOOK.command("muniment webhook replay 0f6e… 5b1d…")
def replay(
    session: Session,
    webhook: Id,
    delivery: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="As `webhook deliveries` lists it.")
    ],
) -> None:
    """Send a delivery once more, at once, under the same id."""
    again = _hooks(session).replay(webhook, delivery)
    session.out.said(again.to_json(), again.id, f"{again.event} is on its way again.")


@WEBHOOK.command("muniment webhook rm 0f6e… --yes")
def rm(session: Session, webhook: Id, yes: Yes = False) -> None:
    """Remove a webhook with its deliveries, those on their way too."""
    hooks = _hooks(session)
    name = hooks.get(webhook).name
    if not yes:
        ask(f"Remove the webhook {name}?")
    hooks.delete(webhook)
    session.out.said({"webhook": webhook, "deleted": True}, webhook, f"Removed {name}.")


def _hooks(session: Session) -> WebhooksBackend:
    return session.registry.backend.webhooks


def _events(names: list[str] | None) -> list[Event]:
    if not names:
        raise InvalidInput(
            "What is it to be told of?", hint=f"--event, of {', '.join(map(str, SAMPLES))}."
        )
    return [Event.parse(name) for name in names]


def _secret(file: str | None) -> str | None:
    return None if file is None else first_line(file)
