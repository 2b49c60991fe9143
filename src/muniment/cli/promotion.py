"""The way of a version between stages: request, approve, reject, cancel, promote, rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import blocking, exits, lifecycle_pages
from muniment.cli.app import LIFECYCLE, command
from muniment.cli.draw import Paragraph
from muniment.cli.look import Limit
from muniment.cli.session import Session
from muniment.domain.entities import Page
from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import blockers
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput

Ref = Annotated[str, typer.Argument(metavar="REF", help="The version.")]
ToStage = Annotated[str, typer.Argument(metavar="STAGE", help="Where it is to go.")]
RequestId = Annotated[int, typer.Argument(metavar="ID", help="The request.")]
Comment = Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="Why.")]
Archive = Annotated[
    bool, typer.Option("--archive", help="Archive the other versions that are in the stage.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Archive what is replaced even if something uses it.")
]


@command(
    LIFECYCLE,
    "muniment request fraud/3 Production -m 'better on weekends'",
    "muniment request fraud/3 Production --archive",
)
def request(
    session: Session, ref: Ref, stage: ToStage, comment: Comment = "", archive: Archive = False
) -> None:
    """Ask for a version to be moved to a stage.

    What the stage demands need not be met yet; it must be when the request is approved.
    """
    asked = session.registry.request(ref, stage, comment=comment, archive_existing=archive)
    _show(session, asked)


@command(LIFECYCLE, "muniment approve 7", "muniment approve 7 -m 'checked by hand'")
def approve(
    session: Session, request_id: RequestId, comment: Comment = "", force: Force = False
) -> None:
    """Approve a request; with enough approvals, and all else met, the version is moved."""
    asked = session.registry.approve(request_id, comment=comment, force=force)
    if asked.state is RequestState.OPEN:
        sentence = f"Approved request {asked.id}; more approvals are needed."
    else:
        sentence = f"Approved: {asked.model}/{asked.version} is in {asked.to_stage} now."
    _done(session, asked, sentence)


@command(LIFECYCLE, "muniment reject 7 -m 'no test on new customers'")
def reject(session: Session, request_id: RequestId, comment: Comment = "") -> None:
    """Reject a request: it is closed, the version stays where it is."""
    asked = session.registry.reject(request_id, comment=comment)
    _done(session, asked, f"Rejected request {asked.id}.")


@command(LIFECYCLE, "muniment cancel 7")
def cancel(session: Session, request_id: RequestId, comment: Comment = "") -> None:
    """Take back a request of your own (who manages the stages: any)."""
    asked = session.registry.cancel(request_id, comment=comment)
    _done(session, asked, f"Cancelled request {asked.id}.")


@command(
    LIFECYCLE,
    "muniment requests --open",
    "muniment requests fraud --mine",
    "muniment requests --id 7",
)
def requests(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model; else all of them.")
    ] = None,
    request_id: Annotated[
        int | None,
        typer.Option("--id", metavar="ID", help="Show this one, with what its stage demands."),
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you have made.")] = False,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only those that wait for a decision.")
    ] = False,
    state: Annotated[RequestState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Limit = None,
) -> None:
    """List transition requests, newest first, or show one."""
    if request_id is not None:
        _show(session, session.registry.backend.lifecycle.request(request_id))
        return
    if only_open and state is not None:
        raise InvalidInput("--open is a state, too.", hint="Leave out --open or --state.")
    wanted = RequestState.OPEN if only_open else state
    listing = session.registry.requests(model=model, state=wanted)
    me = session.registry.whoami().name if mine else None

    def fetch(token: str | None = None, *, size: int) -> Page[TransitionRequest]:
        page = listing.page(token, size=size)
        kept = tuple(asked for asked in page.items if me in (None, asked.requested_by))
        return Page(kept, page.next_token)

    found = session.listed(fetch, limit)
    session.out.entities(found.items, lambda asked: str(asked.id), lifecycle_pages.requests)
    session.tell_of_more(found)


@command(
    LIFECYCLE,
    "muniment promote fraud/3 Staging",
    "muniment promote fraud/3 Production --archive -m 'release 7'",
    "muniment promote fraud/3 Production --dry-run",
)
def promote(
    session: Session,
    ref: Ref,
    stage: ToStage,
    comment: Comment = "",
    archive: Archive = False,
    force: Force = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the stage demands, met or not.")
    ] = False,
) -> None:
    """Move a version to a stage at once, if the policies of the stage allow it.

    Where they demand approvals, ask with `muniment request`. With --dry-run the exit code is 4 if
    something is not met.
    """
    version = session.registry.version(ref)
    if dry_run:
        found = version.requirements(stage)
        missing = blockers(found)
        document: JsonObject = {
            "stage": stage,
            "met": not missing,
            "items": [requirement.to_json() for requirement in found],
        }
        page = blocking.demanded(found, version.ref, stage)
        session.out.document(document, map(str, missing), page or [Paragraph("Nothing is asked.")])
        if missing:
            raise typer.Exit(exits.CONFLICT)
        return
    moved = version.move_to_stage(stage, archive_existing=archive, comment=comment, force=force)
    session.out.done(moved, f"{moved.ref} is in {moved.stage} now.")


@command(
    LIFECYCLE,
    "muniment rollback fraud Production -m 'false alarms'",
    "muniment rollback fraud @champion",
)
def rollback(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    of: Annotated[
        str, typer.Argument(metavar="STAGE|@ALIAS", help="What is to be as it was before.")
    ],
    comment: Comment = "",
    force: Force = False,
) -> None:
    """Undo the last change of a stage or of an alias.

    What comes back must meet what the stage demands, but needs no approval: it was there before.
    """
    done = session.registry.rollback(model, of, comment=comment, force=force)
    lines = [f"{model}/{number}" for number in done.versions]
    session.out.document(done.to_json(), lines, lifecycle_pages.undone(model, done))


def _show(session: Session, asked: TransitionRequest) -> None:
    found = session.registry.backend.lifecycle.blockers(asked.id)
    document: JsonObject = {
        **asked.to_json(),
        "requirements": [requirement.to_json() for requirement in found],
    }
    page = lifecycle_pages.request(asked, found)
    session.out.document(document, [str(asked.id)], page)


def _done(session: Session, asked: TransitionRequest, sentence: str) -> None:
    session.out.said(asked.to_json(), str(asked.id), sentence)
