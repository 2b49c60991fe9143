"""Oneself, and the beginning: init, passwd, whoami, can."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import exits
from muniment.cli.app import PEOPLE, command
from muniment.cli.session import EVERYWHERE, BlobsOption, DatabaseOption, Session, first_line
from muniment.domain.access import Asked, Role, Verb
from muniment.errors import AlreadyExists, Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from muniment.local import LocalBackend


@command(
    PEOPLE,
    "muniment init",
    "muniment init --admin ada --home /srv/models",
    "muniment init --reset ada",
    "muniment init --password-file /run/secrets/admin",
)
def init(
    session: Session,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data. (else MUNIMENT_HOME, else ./.muniment)"),
    ] = None,
    database: DatabaseOption = None,
    blobs: BlobsOption = None,
    admin: Annotated[
        str | None, typer.Option(metavar="NAME", help="The first admin's name. (else admin)")
    ] = None,
    reset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Give this admin a new one-time password."),
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Take the one-time password from here; do nothing if there are users.",
        ),
    ] = None,
) -> None:
    """Give a registry its first admin, and so a sign-in.

    Works on the stores themselves, no server needed. Prints a one-time password, which allows
    nothing but choosing another. Whoever owns the stores owns the registry: --reset lets them in
    again. With --password-file it may run before every start, of several servers at once.
    """
    from muniment.connecting import open_here
    from muniment.server.settings import load_settings

    if reset is not None and (admin is not None or password_file is not None):
        raise InvalidInput("--admin makes the first admin, --reset helps one who is there.")
    place = load_settings(home=home, database=database, blobs=blobs).place
    if reset is not None and place.sqlite_file is not None and not place.sqlite_file.exists():
        raise NotFound(f"There is no registry in {place.shown!r}.", hint="Name it with --home.")
    registry = open_here(place)
    try:
        if reset is not None:
            name, password = reset, _reset(registry, reset)
            sentence = f"{name} can sign in once more, with this password, to choose another:"
        else:
            name = admin or "admin"
            if password_file is not None:
                _ensure_admin(registry, name, password_file, session)
                return
            password = _first_admin(registry, name)
            sentence = (
                f"{name} is the admin of {place.shown}, and signs in once with this password:"
            )
    finally:
        registry.close()
    session.out.secret(
        {"user": name, "home": place.shown, "one_time_password": password}, password, sentence
    )
    where = place.folder or "http://…"
    session.out.hint(f"Choose your own: `muniment passwd --name {name} --registry {where}`.")
    session.out.hint("Then `muniment serve --host …` may listen to the network: docs/security.md.")


@command(
    PEOPLE,
    "muniment passwd",
    "muniment passwd --name ada",
    "muniment passwd --name ada --old-file old.txt --new-file new.txt",
)
def passwd(
    session: Session,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who you are. (else MUNIMENT_USERNAME)")
    ] = None,
    old_file: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="The present password; else it is asked.")
    ] = None,
    new_file: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="The new password; else it is asked.")
    ] = None,
) -> None:
    """Choose your own password; all your browser sessions end.

    With - it is read from standard input; if both are, the old one stands on the first line.
    """
    from muniment.connecting import DEFAULT_ADDRESS, connect, is_server

    name = name or os.environ.get("MUNIMENT_USERNAME") or _ask("Name")
    old = _ask("Present password", hide=True) if old_file is None else first_line(old_file)
    new = _ask("New password", hide=True) if new_file is None else first_line(new_file)
    address = session.address or os.environ.get("MUNIMENT_REGISTRY") or DEFAULT_ADDRESS
    if is_server(address):
        registry = connect(address, workspace=session.place, username=name, password=old)
    else:
        registry = connect(address, workspace=session.place, actor=name)
    with registry:
        registry.backend.change_password(old, new)
    session.out.said({"user": name, "changed": True}, name, f"{name} has a new password.")


@command(PEOPLE, "muniment whoami", "muniment whoami -o json | jq .grants")
def whoami(session: Session) -> None:
    """Show who the registry takes you for, and what you may do.

    MUNIMENT_TOKEN, or MUNIMENT_USERNAME and MUNIMENT_PASSWORD, say who you are.
    """
    session.out.whoami(session.registry.whoami(), session.registry.address)


@command(
    PEOPLE,
    "muniment can ada model.delete fraud",
    "muniment can ada alias.move fraud@champion",
    "muniment can bot stage.move fraud/Production -q",
)
def can(
    session: Session,
    user: Annotated[str, typer.Argument(metavar="USER", help="Who.")],
    verb: Annotated[Verb, typer.Argument(metavar="VERB", help="Does what, e.g. alias.move.")],
    what: Annotated[
        str | None,
        typer.Argument(metavar="OBJECT", help="To a model, an alias or a stage; else to any."),
    ] = None,
) -> None:
    """Say whether a user may do something, and why.

    The exit code is 0 for yes and 5 for no. docs/security.md lists the verbs.
    """
    asked = Asked() if what is None else Asked.of(what)
    decision = session.administration.explain(user, verb, asked)
    session.out.decision(decision)
    if not decision:
        raise typer.Exit(exits.DENIED)


def _ensure_admin(registry: LocalBackend, name: str, file: str, session: Session) -> None:
    made = False
    if not registry.has_users:  # else the file may be gone by now
        with suppress(AlreadyExists):  # another process does the same at this moment
            _first_admin(registry, name, first_line(file))
            made = True
    session.out.said(
        {"user": name, "home": registry.address, "made": made},
        name if made else "",
        f"{name} is the admin of {registry.address}, and signs in once with that password."
        if made
        else f"{registry.address} has users: nothing was done.",
    )


def _first_admin(registry: LocalBackend, name: str, given: str | None = None) -> str:
    if registry.has_users:
        raise AlreadyExists(
            "This registry has users already.",
            hint="An admin makes others with `muniment user add`; "
            "`muniment init --reset NAME` lets an admin in again.",
        )
    _, password = registry.administration.create_user(
        name, role=Role.ADMIN, workspace=EVERYWHERE, one_time_password=given
    )
    return str(password)


def _reset(registry: LocalBackend, name: str) -> str:
    administration = registry.administration
    user = administration.user(name)
    subjects = {f"user:{name}", *(f"group:{group}" for group in user.groups)}
    if not any(
        held.workspace == EVERYWHERE and held.subject in subjects and Verb.USERS in held.grant.verbs
        for held in administration.grants()
    ):
        raise Conflict(
            f"{name!r} is no admin of this registry.",
            hint=f"`muniment grant add user:{name} admin --everywhere` makes one, with "
            f"--registry {registry.address}.",
        )
    password = administration.reset_password(name)
    if not user.active:
        administration.set_active(name, True)
    return password


def _ask(question: str, *, hide: bool = False) -> str:
    """Ask on a terminal; what is hidden and new must be written twice."""
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"Nobody is there to be asked for: {question.lower()}.",
            hint="Give --name, --old-file and --new-file.",
        )
    twice = hide and question.startswith("New")
    answer: str = typer.prompt(question, hide_input=hide, confirmation_prompt=twice, err=True)
    return answer
