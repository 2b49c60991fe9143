"""Where versions run, and who uses them: deploy, retire, deployments, drift, consumers."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import usage_pages
from muniment.cli.app import IN_USE, command
from muniment.cli.look import Limit
from muniment.cli.session import Session, time_of
from muniment.domain.deployments import DeploymentStatus
from muniment.domain.names import MAX_PAGE_SIZE
from muniment.domain.refs import parse_ref
from muniment.errors import InvalidInput

Environment = Annotated[
    str, typer.Argument(metavar="ENVIRONMENT", help="Where it runs, e.g. prod.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The job, service or endpoint.")]
Model = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="Of this model; else of all of them.")
]
Comment = Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="Why.")]
InEnvironment = Annotated[
    str | None, typer.Option("--env", metavar="ENVIRONMENT", help="Only in this environment.")
]


@command(
    IN_USE,
    "muniment deploy fraud@champion prod scoring --url https://scoring.example.com",
    "muniment deploy fraud/3 prod nightly-batch",
    "muniment deploy fraud@champion prod scoring --running 2 --status pending",
)
def deploy(
    session: Session,
    ref: Annotated[
        str, typer.Argument(metavar="REF", help="What it runs; an alias or stage is followed.")
    ],
    environment: Environment,
    name: Name,
    running: Annotated[
        int | None,
        typer.Option(metavar="VERSION", help="What it runs right now, if it may lag behind."),
    ] = None,
    forget_running: Annotated[
        bool, typer.Option("--forget-running", help="It is no longer known what it runs right now.")
    ] = False,
    status: Annotated[
        DeploymentStatus | None, typer.Option(help="How it is doing; a new one is running.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where it answers.")] = None,
    comment: Annotated[
        str | None, typer.Option("--comment", "-m", metavar="TEXT", help="Why.")
    ] = None,
) -> None:
    """Say that something runs a version, or what an alias or a stage means.

    It is told, not made: whoever deploys says so here. Said again, it changes what is given.
    """
    found = session.registry.deploy(
        ref,
        environment,
        name,
        running=running,
        forget_running=forget_running,
        status=status,
        url=url,
        comment=comment,
    )
    done = f"{found.place} runs {found.target} ({found.status})."
    session.out.said(found.to_json(), found.place, done)


@command(IN_USE, "muniment retire fraud prod scoring -m 'replaced by scoring-2'")
def retire(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model.")],
    environment: Environment,
    name: Name,
    comment: Comment = "",
) -> None:
    """Say that a deployment is no more."""
    gone = session.registry.retire(model, environment, name, comment=comment)
    session.out.said(gone.to_json(), gone.place, f"Retired {gone.place} of {gone.model}.")


@command(
    IN_USE,
    "muniment deployments",
    "muniment deployments fraud --env prod",
    "muniment deployments --status retired",
)
def deployments(
    session: Session,
    model: Model = None,
    env: InEnvironment = None,
    status: Annotated[
        DeploymentStatus | None,
        typer.Option(help="Only those in this state; else all that are not retired."),
    ] = None,
    limit: Limit = None,
) -> None:
    """List what runs where, as it was told."""
    listing = session.registry.deployments(model=model, environment=env, status=status)
    found = session.listed(listing.page, limit)
    session.out.entities(found.items, lambda one: one.place, usage_pages.deployments)
    session.tell_of_more(found)


@command(IN_USE, "muniment drift", "muniment drift fraud --env prod", "muniment drift --all")
def drift(
    session: Session,
    model: Model = None,
    env: InEnvironment = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that run what they should, too.")
    ] = False,
    limit: Limit = None,
) -> None:
    """List the deployments that run something else than they should.

    One that follows an alias or a stage is measured by that, one that names a version by what is in
    Production.
    """
    listing = session.registry.drift(model=model, environment=env, drifted_only=not everything)
    found = session.listed(listing.page, limit)
    session.out.entities(found.items, lambda one: one.deployment.place, usage_pages.drift)
    session.tell_of_more(found)


@command(
    IN_USE,
    "muniment consumers fraud/3",
    "muniment consumers fraud --since 30d",
    "muniment consumers --consumer nightly-scoring",
)
def consumers(
    session: Session,
    what: Annotated[
        str | None,
        typer.Argument(metavar="NAME|REF", help="A model, or one version; else all models."),
    ] = None,
    consumer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this job, or user.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since then, or in the last e.g. 7d.")
    ] = None,
    limit: Limit = None,
) -> None:
    """Show who uses what: which jobs resolved and fetched versions, latest first.

    Of one version also the deployments that run it.
    """
    ref = None if what is None else parse_ref(what)
    if ref is not None and str(ref) != ref.model:
        if consumer is not None or since is not None or limit is not None:
            raise InvalidInput(
                "All users of a version are shown.", hint=f"Name the model alone: {ref.model}."
            )
        found = session.registry.users_of(ref)
        lines = [deployment.place for deployment in found.deployments]
        lines += dict.fromkeys(use.consumer for use in found.uses)
        session.out.document(found.to_json(), lines, usage_pages.usage(found))
        return
    uses = session.registry.consumers(
        None if ref is None else ref.model,
        consumer=consumer,
        since=time_of(since),
        limit=MAX_PAGE_SIZE if limit is None else limit,
    )
    session.out.entities(
        uses, lambda use: f"{use.model}/{use.version} {use.consumer}", usage_pages.uses
    )
