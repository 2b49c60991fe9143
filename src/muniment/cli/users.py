"""Users: user add, ls, show, deactivate, activate, reset-password."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli.app import USER
from muniment.cli.look import Limit
from muniment.cli.session import EVERYWHERE, Session
from muniment.domain.access import Role, Verb
from muniment.domain.accounts import User

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user.")]


@USER.command(
    "muniment user add ada --role contributor",
    "muniment user add grace --role admin --everywhere",
    "muniment user add ci --service --role contributor",
)
def add(
    session: Session,
    name: Name,
    service: Annotated[
        bool, typer.Option("--service", help="A service account: tokens, no password.")
    ] = False,
    display_name: Annotated[
        str, typer.Option(metavar="TEXT", help="What the user is called.")
    ] = "",
    role: Annotated[
        Role | None, typer.Option(help="What they may do in the workspace; else nothing.")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="The role is for all workspaces.")
    ] = False,
) -> None:
    """Add a user; print the one-time password of a person.

    It allows nothing but choosing another, with `muniment passwd` or on the sign-in page.
    """
    user, password = session.administration.create_user(
        name,
        service=service,
        display_name=display_name,
        role=role,
        workspace=EVERYWHERE if everywhere else session.place,
    )
    if password is None:
        session.out.said({"user": user.to_json()}, name, f"Added the service account {name}.")
        session.out.hint(f"`muniment token create --user {name}` makes a token for it.")
    else:
        session.out.secret(
            {"user": user.to_json(), "one_time_password": password},
            password,
            f"Added {name}, who signs in once with this password, to choose another:",
        )
    if role is None:
        session.out.hint(f"`muniment grant add user:{name} viewer` lets them see the models.")


@USER.command("muniment user ls", "muniment user ls -q")
def ls(session: Session, limit: Limit = None) -> None:
    """List users."""
    administration = session.administration
    found = session.listed(
        lambda token=None, *, size: administration.users(page_size=size, page_token=token), limit
    )
    session.out.users(found.items)
    session.tell_of_more(found)


@USER.command("muniment user show ada", "muniment user show ada -o json | jq .grants")
def show(session: Session, name: Name) -> None:
    """Show a user, and what they hold in the workspace."""
    user = session.administration.user(name)
    held = None
    if session.registry.can(Verb.GRANT):
        subjects = {f"user:{name}", *(f"group:{group}" for group in user.groups)}
        held = [grant for grant in session.administration.grants() if grant.subject in subjects]
    session.out.user(user, held)


@USER.command("muniment user deactivate ada")
def deactivate(session: Session, name: Name) -> None:
    """Lock a user out: sessions and tokens stop working at once."""
    _told(session, session.administration.set_active(name, False), f"{name} is locked out.")
    session.out.hint(f"`muniment user activate {name}` undoes it.")


@USER.command("muniment user activate ada")
def activate(session: Session, name: Name) -> None:
    """Let a deactivated user in again."""
    _told(session, session.administration.set_active(name, True), f"{name} can sign in again.")


@USER.command("muniment user reset-password ada")
def reset_password(session: Session, name: Name) -> None:
    """Give a person a new one-time password; the old one and all sessions end."""
    password = session.administration.reset_password(name)
    session.out.secret(
        {"user": name, "one_time_password": password},
        password,
        f"{name} signs in once with this password, to choose another:",
    )


def _told(session: Session, user: User, sentence: str) -> None:
    session.out.said(user.to_json(), user.name, sentence)
