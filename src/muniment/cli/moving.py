"""Registries that move: export, migrate, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import words
from muniment.cli.app import BACKUP, MOVE, command
from muniment.cli.places import (
    From,
    Models,
    To,
    WithAccounts,
    opened,
    patterns_of,
    place_of,
    report,
    shown,
)
from muniment.cli.session import Session
from muniment.domain.values import utcnow
from muniment.errors import InvalidInput

Backups = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backups.")]


@command(
    MOVE,
    "muniment export registry.tar",
    "muniment export ./fraud --model 'fraud*' --from /srv/models",
    "muniment export - | ssh other 'cat > registry.tar'",
)
def export(
    session: Session,
    archive: Annotated[
        str, typer.Argument(metavar="ARCHIVE", help="FILE.tar, - for standard output, or a folder.")
    ],
    source: From = None,
    model: Models = None,
    with_accounts: WithAccounts = False,
) -> None:
    """Write models into an archive, with all versions, files, aliases and history.

    Each model is exported as it is at one moment; the server may go on serving. Stopped and run
    again, it goes on where it stopped. docs/moving.md describes the format.
    """
    from muniment.services.moving import RegistrySource, move, open_target

    patterns = patterns_of(model)
    with opened(place_of(source, session), present=True) as stores, shown(session) as tell:
        found = RegistrySource(stores, models=patterns, accounts=with_accounts)
        moved = move(found, open_target(archive), tell=tell)
    if archive == "-":
        session.out.note(f"Exported {words.count(moved.models, 'model')}.")
        return
    done = report(f"Exported to {archive}.", moved)
    session.out.document({"archive": archive, **moved.to_json()}, [archive], done)


@command(
    MOVE,
    "muniment migrate --from ./registry --to 'postgresql://db/models s3://models'",
    "muniment migrate --from @old.txt --to @new.txt -o json",
)
def migrate(session: Session, source: From = None, to: To = None) -> None:
    """Bring a whole registry to other back ends, and compare the two at the end.

    Everything goes along but sign-ins and uploads in progress, and MLflow's runs, which have a
    database of their own. Stop the servers first: what somebody changes meanwhile is found at the
    end (exit code 4), and brought by running it again. The target must be empty, or be what an
    earlier run has begun.
    """
    from muniment.services.moving import migrate as run

    if to is None:
        raise InvalidInput("Where to?", hint="Name a place with --to.")
    old, new = place_of(source, session), place_of(to, session)
    if old == new:
        raise InvalidInput(f"{old.shown!r:.300} is where it is.", hint="Name another place.")
    with (
        opened(old, present=True) as here,
        opened(new) as there,
        shown(session) as tell,
    ):
        done = run(here, there, tell)
    session.out.document(
        {"from": old.shown, "to": new.shown, **done.to_json()},
        [new.shown],
        report(f"Migrated to {new.shown}; both say the same.", done.moved),
    )
    if done.undelivered:
        session.out.note("The source still has events for webhooks to deliver; they did not move.")


@BACKUP.command(
    "muniment backup make ./backups",
    "muniment backup ./backups --from /srv/models",
)
def make(session: Session, folder: Backups, source: From = None) -> None:
    """Make a backup of everything, while the servers serve.

    Bytes that an earlier backup in the folder holds are not copied again. What is cut off is no
    backup; the next one goes on with it.
    """
    from muniment.services.moving import back_up

    with opened(place_of(source, session), present=True) as stores, shown(session) as tell:
        done = back_up(stores, folder, utcnow(), tell)
    page = report(f"Backup {done.name} in {folder}.", done.moved)
    session.out.document(done.to_json(), [done.name], page)


@BACKUP.command("muniment backup ls ./backups")
def ls(session: Session, folder: Backups) -> None:
    """List the backups in a folder, the oldest first."""
    from muniment.cli.reports import sentence
    from muniment.services.moving import backups

    found = backups(folder)
    page = sentence("\n".join(found) if found else "There is no backup.")
    session.out.document([*found], found, page)


@BACKUP.command(
    "muniment backup restore ./backups --to /srv/models",
    "muniment backup restore ./backups 2026-11-21T18-04-33.120Z --to /srv/models",
)
def restore(
    session: Session,
    folder: Backups,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which one; else the newest.")
    ] = None,
    to: To = None,
) -> None:
    """Bring a backup back into an empty place. Every digest is verified on the way."""
    from muniment.services.moving import restore as run

    place = place_of(to, session)
    with opened(place) as stores, shown(session) as tell:
        done = run(stores, folder, name, tell)
    page = report(f"Restored {done.name} to {place.shown}.", done.moved)
    session.out.document(done.to_json(), [done.name], page)
