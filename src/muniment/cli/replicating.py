"""Copies in another registry: replicate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import words
from muniment.cli.app import MOVE, command
from muniment.cli.draw import Block, Column, Paragraph, Table
from muniment.cli.session import Session
from muniment.domain.patterns import check_pattern

if TYPE_CHECKING:
    from muniment.client.replicating import Replica


@command(
    MOVE,
    "muniment replicate 'fraud*' --to https://models.example.com",
    "muniment replicate --stage Production --to https://models.example.com --dry-run",
    "muniment replicate fraud --alias champion --with-aliases --to ./registry",
)
def replicate(
    session: Session,
    to: Annotated[
        str, typer.Option("--to", metavar="URL|FOLDER", help="The registry that gets copies.")
    ],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[PATTERN]…", help="Which models; else all.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Only versions in this stage.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="Only versions that this alias means.")
    ] = None,
    with_aliases: Annotated[
        bool, typer.Option("--with-aliases", help="Let their aliases mean the copies, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be copied.")
    ] = False,
) -> None:
    """Copy versions to another registry, unless it has the same content already.

    Only bytes that are missing there are sent. A copy has a number of its own and the tag
    muniment.replicated_from. Who signs in there is told by MUNIMENT_TARGET_TOKEN, or
    MUNIMENT_TARGET_USERNAME and MUNIMENT_TARGET_PASSWORD.
    """
    from muniment.client.replicating import Selection, replicate
    from muniment.connecting import connect

    patterns = [check_pattern(one, "PATTERN") for one in models or ["*"]]
    found: list[Replica] = []
    with connect(
        to,
        workspace=session.place,
        token=_given("TOKEN"),
        username=_given("USERNAME"),
        password=_given("PASSWORD"),
    ) as target:
        chosen = Selection(patterns, stage, alias)
        for replica in replicate(
            session.registry,
            target,
            chosen,
            with_aliases=with_aliases,
            dry_run=dry_run,
            progress=None if session.out.human else False,
        ):
            found.append(replica)
    lines = [one.target.ref if one.target else one.source.ref for one in found if one.copied]
    session.out.document([one.to_json() for one in found], lines, _page(found, dry_run=dry_run))


def _given(name: str) -> str | None:
    return os.environ.get(f"MUNIMENT_TARGET_{name}") or None


def _page(found: list[Replica], *, dry_run: bool) -> list[Block]:
    copied = [one for one in found if one.copied]
    here = words.count(len(found) - len(copied), "version")
    verb = "would be copied" if dry_run else "copied"
    sent = words.size(sum(one.bytes for one in copied))
    summary = f"{words.count(len(copied), 'version')} {verb} ({sent} sent), {here} there already."
    if not copied:
        return [Paragraph(summary)]
    columns = [Column("VERSION", style="bold"), Column("IS THERE"), Column("SENT", right=True)]
    rows = [
        [one.source.ref, "" if one.target is None else one.target.ref, words.size(one.bytes)]
        for one in copied
    ]
    return [Table(columns, rows), Paragraph(summary)]
