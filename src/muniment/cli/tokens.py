"""Tokens: token create, ls, revoke."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from muniment.cli import words
from muniment.cli.app import TOKEN
from muniment.cli.scopes import read_grant
from muniment.cli.session import EVERYWHERE, Session


@TOKEN.command(
    "muniment token create --description laptop --expires 30d",
    "muniment token create --user ci --automation --scope contributor",
    "muniment token create --scope 'alias.move on models=fraud-* alias=champion'",
    "export MUNIMENT_TOKEN=$(muniment token create -q --scope viewer)",
)
def create(
    session: Session,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Whose; else your own.")] = None,
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for, or where it is kept.")
    ] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it lives, e.g. 30d; else for ever.")
    ] = None,
    automation: Annotated[
        bool, typer.Option("--automation", help="It acts for a machine, not for a person.")
    ] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="GRANT", help="Only this, of what its user may; may be given again."),
    ] = None,
) -> None:
    """Make a token, and print it, this once.

    A scope is a role or verbs, then where: 'read,download on models=fraud-*'. What it says is a
    limit: a token never allows more than its user may do.
    """
    token, secret = session.administration.create_token(
        user=user,
        description=description,
        lifetime=None if expires is None else timedelta(seconds=words.duration(expires)),
        automation=automation,
        scopes=None if scope is None else [read_grant(text) for text in scope],
    )
    until = f"until {words.moment(token.expires_at)}" if token.expires_at else "until it is revoked"
    session.out.secret(
        {"token": token.to_json(), "secret": secret},
        secret,
        f"Token {token.id} of {token.user}, good {until}. It is shown only now:",
    )
    session.out.hint("Programs find it in MUNIMENT_TOKEN. Keep it out of code and history.")


@TOKEN.command("muniment token ls", "muniment token ls --user ci", "muniment token ls --all")
def ls(
    session: Session,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Whose; else your own.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's.")] = False,
) -> None:
    """List tokens: their limits and when they were used, never the secrets."""
    session.out.tokens(session.administration.tokens(EVERYWHERE if everybody else user))


@TOKEN.command("muniment token revoke 4f1d2c3b4a596877")
def revoke(
    session: Session,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `muniment token ls` lists it.")],
) -> None:
    """Make a token worthless, at once and for ever."""
    session.administration.revoke_token(token_id)
    session.out.said(
        {"token": token_id, "revoked": True}, token_id, f"The token {token_id} is revoked."
    )
