"""Models from elsewhere: import archive, import mlflow."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import exits, words
from muniment.cli.app import IMPORT
from muniment.cli.draw import Block, Column, Paragraph, Table
from muniment.cli.places import (
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
from muniment.errors import ConfigurationError

if TYPE_CHECKING:
    from muniment.ml.importing import Found

_TOLD = {
    "imported": "imported",
    "changed": "brought up to date",
    "there": "there already",
    "would": "would be imported",
    "missing": "without files",
    "failed": "failed in MLflow",
    "refused": "refused",
}


@IMPORT.command(
    "muniment import archive registry.tar",
    "muniment import ./fraud --model fraud --into fraud-copy",
    "muniment import registry.tar --to /srv/models --with-accounts",
    name="archive",
)
def import_archive(
    session: Session,
    archive: Annotated[
        str, typer.Argument(metavar="ARCHIVE", help="A tar file or a folder, from `export`.")
    ],
    to: To = None,
    model: Models = None,
    into: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another name for the one model.")
    ] = None,
    with_accounts: WithAccounts = False,
) -> None:
    """Read an archive into a registry: the same numbers, times, digests and history.

    Every byte and every history is verified on the way. What is here already as it is in the
    archive is left alone; a model that is here otherwise is refused. Run again, it goes on.
    """
    from muniment.services.moving import RegistryTarget, move, open_source

    patterns = patterns_of(model)
    with (
        open_source(archive) as source,
        opened(place_of(to, session)) as stores,
        shown(session) as tell,
    ):
        target = RegistryTarget(stores, into=into, accounts=with_accounts)
        moved = move(source, target, models=patterns, accounts=with_accounts, tell=tell)
    session.out.document(
        {"archive": archive, **moved.to_json()},
        [str(moved.models - moved.same)],
        report(f"Imported from {archive}.", moved),
    )


@IMPORT.command(
    "muniment import mlflow http://127.0.0.1:5000 --dry-run",
    "muniment import mlflow sqlite:///mlflow.db --model 'fraud*'",
)
def mlflow(
    session: Session,
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="A server of MLflow, or the database of one.")
    ],
    model: Models = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be imported.")
    ] = False,
) -> None:
    """Bring an MLflow registry: files, versions with their numbers, aliases, stages, tags.

    Run again, it brings what is new or changed. What could not be brought is told, and tried again
    then; the exit code is 1. Needs the extra muniment[mlflow].
    """
    try:
        # One line a version is ours to print; MLflow would draw a bar for each.
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from muniment.ml.importing import import_mlflow
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mlflow":
            raise
        raise ConfigurationError(
            "mlflow is not installed.", hint='Install it: pip install "muniment[mlflow]".'
        ) from error

    patterns = patterns_of(model)
    found: list[Found] = []
    for one in import_mlflow(
        session.registry,
        uri,
        models=patterns,
        dry_run=dry_run,
        progress=None if session.out.human else False,
    ):
        found.append(one)
        session.out.note(f"{one.ref}: {_TOLD[one.done]}")
    bad = [one for one in found if not one.ok]
    session.out.document([one.to_json() for one in found], [one.ref for one in bad], _page(found))
    if bad:
        raise typer.Exit(exits.FAILURE)


def _page(found: list[Found]) -> list[Block]:
    counts = Counter(one.done for one in found)
    parts = [f"{words.count(counts[done], 'version')} {told}" for done, told in _TOLD.items()]
    summary = ", ".join(part for part, done in zip(parts, _TOLD, strict=True) if counts[done])
    bad = [one for one in found if not one.ok]
    page: list[Block] = [Paragraph(f"{summary or 'There is nothing to import'}.")]
    if bad:
        columns = [
            Column("NOT BROUGHT", style="bold"),
            Column("", style="bold red"),
            Column("WHY", flexible=True),
        ]
        rows = [[one.ref, _TOLD[one.done], words.printable(one.note, lines=False)] for one in bad]
        page.insert(0, Table(columns, rows))
    return page
