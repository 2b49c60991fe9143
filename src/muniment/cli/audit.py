"""The audit log: audit ls, export, verify, prune."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Final

import typer

from muniment.cli import exits, exporting, words
from muniment.cli.app import AUDIT
from muniment.cli.exporting import ExportForm, To
from muniment.cli.keep_house import DryRun, Yes
from muniment.cli.look import Limit
from muniment.cli.reports import Chain
from muniment.cli.session import Session, ask
from muniment.client.verification import read_history
from muniment.domain.activities import Activity
from muniment.domain.values import utcnow
from muniment.errors import Corrupt, PermissionDenied

_COLUMNS: Final = ("sequence", "at", "kind", "actor", "comment", "details", "previous", "hash")


@AUDIT.command("muniment audit ls", "muniment audit ls --limit 20 --oldest")
def ls(
    session: Session,
    limit: Limit = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="Begin with the oldest.")] = False,
) -> None:
    """List what the audit log holds, newest first."""
    administration = session.administration
    found = session.listed(
        lambda token=None, *, size: administration.audit(
            page_size=size, page_token=token, newest_first=not oldest
        ),
        limit,
    )
    session.out.activities(found.items)
    session.tell_of_more(found)


@AUDIT.command(
    "muniment audit export --to audit.jsonl",
    "muniment audit export --format csv --to audit.csv",
    "muniment audit export | jq 'select(.kind == \"refused\")'",
)
def export(
    session: Session,
    form: Annotated[
        ExportForm, typer.Option("--format", help="JSON lines hold all; CSV is for spreadsheets.")
    ] = ExportForm.JSONL,
    to: To = None,
) -> None:
    """Write the whole audit log, oldest first.

    JSON lines keep every entry as it was hashed. In CSV a cell that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    entries = (entry.to_json() for entry in session.administration.export_audit())
    exporting.export(session, entries, form, _COLUMNS, to)


@AUDIT.command("muniment audit verify")
def verify(session: Session) -> None:
    """Check the audit log, and the histories of all models that you may read.

    Each entry holds the hash of the one before: what was changed, removed or moved is named. The
    exit code is 7 if anything was.
    """
    chains = [_audit_log(session)]
    for model in session.registry.models():
        session.out.note(model.name)
        history = read_history(session.registry.backend.catalog, model.name)
        chains.append(Chain(model.name, history.activities, tuple(history.problems)))
    session.out.chains(chains)
    if not all(chain.ok for chain in chains):
        raise typer.Exit(exits.NOT_VERIFIED)


def _audit_log(session: Session) -> Chain:
    try:
        return Chain(None, session.administration.verify_audit())
    except Corrupt as error:
        return Chain(None, None, (error.message,))
    except PermissionDenied:
        session.out.note("The audit log is not yours to read; only histories are verified.")
        return Chain(None, None)


@AUDIT.command(
    "muniment audit prune --older-than 365d --dry-run", "muniment audit prune --older-than 365d"
)
def prune(
    session: Session,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="Forget what is older, e.g. 365d; at least 1d.")
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Forget old entries of the audit log, for ever; what is left still verifies.

    That it was done stands in the log. Export it first, if you may need it.
    """
    age = timedelta(seconds=words.duration(older_than))
    if dry_run:
        count = _older(session.administration.export_audit(), age)
        done = f"Would forget {words.count(count, 'entry', 'entries')}. Nothing was changed."
    else:
        if not yes:
            ask(f"Forget what is older than {older_than}, for ever?")
        count = session.administration.prune_audit(age)
        done = f"Forgot {words.count(count, 'entry', 'entries')}."
    session.out.said({"pruned": count, "dry_run": dry_run}, str(count), done)


def _older(entries: Iterable[Activity], age: timedelta) -> int:
    """Count what a pruning would cut off: the old ones at the beginning, never the last one."""
    before, count = utcnow() - age, 0
    for entry in entries:
        if entry.at >= before:
            return count
        count += 1
    return max(count - 1, 0)
