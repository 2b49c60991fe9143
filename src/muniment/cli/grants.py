"""Grants: grant add, ls, rm."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli.app import GRANT
from muniment.cli.scopes import grant_of, written
from muniment.cli.session import EVERYWHERE, Session
from muniment.domain.access import Role, Verb
from muniment.errors import InvalidInput


@GRANT.command(
    "muniment grant add user:ada contributor --models 'fraud-*'",
    "muniment grant add user:ada --verb alias.move --models 'fraud-*' --alias champion",
    "muniment grant add group:auditors --verb audit.read --everywhere",
    "muniment grant add group:risk approver --tag team=risk",
)
def add(
    session: Session,
    subject: Annotated[
        str, typer.Argument(metavar="WHO", help="user:NAME, group:NAME or oidc:ISSUER|SUBJECT.")
    ],
    role: Annotated[
        Role | None, typer.Argument(help="A usual bundle of verbs; or name them with --verb.")
    ] = None,
    verb: Annotated[
        list[Verb] | None,
        typer.Option(metavar="VERB", help="One thing to allow; may be given again."),
    ] = None,
    models: Annotated[
        str, typer.Option(metavar="PATTERN", help="Only for models with such names.")
    ] = "*",
    alias: Annotated[
        str, typer.Option(metavar="PATTERN", help="Of aliases, only such ones may be moved.")
    ] = "*",
    stage: Annotated[
        str, typer.Option(metavar="PATTERN", help="Of stages, only such ones may be entered.")
    ] = "*",
    tag: Annotated[
        str, typer.Option(metavar="K=V", help="Only for models that carry this tag.")
    ] = "",
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="In all workspaces, and about the whole registry.")
    ] = False,
) -> None:
    """Let somebody do something in the workspace, or only to some of its models.

    In patterns * stands for any characters, ? for one. What no grant allows is refused.
    """
    if (role is None) == (verb is None):
        raise InvalidInput("Name a role, or verbs with --verb.", hint="docs/security.md has them.")
    narrowing = {"models": models, "alias": alias, "stage": stage, "tag": tag}
    named = [role.value] if role is not None else [one.value for one in verb or ()]
    held = session.administration.add_grant(
        EVERYWHERE if everywhere else session.place, subject, grant_of(named, narrowing)
    )
    where = "everywhere" if everywhere else f"in the workspace {held.workspace}"
    session.out.said(
        held.to_json(), str(held.id), f"{subject} may {written(held.grant)}, {where}: {held.id}."
    )


@GRANT.command("muniment grant ls", "muniment grant ls --who user:ada")
def ls(
    session: Session,
    who: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only what user:NAME, group:NAME, … holds.")
    ] = None,
) -> None:
    """List who holds what in the workspace."""
    found = session.administration.grants()
    session.out.grants([held for held in found if who is None or held.subject == who])


@GRANT.command("muniment grant rm 7")
def rm(
    session: Session,
    grant_id: Annotated[int, typer.Argument(metavar="ID", help="As `muniment grant ls` lists it.")],
) -> None:
    """Take a grant away, at once."""
    session.administration.drop_grant(grant_id)
    session.out.said(
        {"grant": grant_id, "removed": True}, str(grant_id), f"The grant {grant_id} is gone."
    )
