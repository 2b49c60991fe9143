"""What people see of stages, policies, requests and who held what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muniment.cli import blocking, words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Lines, Paragraph, Styled, Table
from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.domain.rules import written
from muniment.domain.stages import Policy, Stage
from muniment.domain.timeline import Post, Tenure, Undone
from muniment.domain.values import utcnow

_NAME = "bold"
_DIM = "dim"
_STATES = {
    RequestState.OPEN: "yellow",
    RequestState.APPROVED: "green",
    RequestState.REJECTED: "red",
    RequestState.CANCELLED: "dim",
    RequestState.EXPIRED: "dim",
}


def stages(found: Sequence[Stage]) -> list[Block]:
    """Stages in their order, with what they demand in few words."""
    columns = [
        Column("STAGE", style=_NAME),
        Column("ORDER", right=True),
        Column("COLOUR"),
        Column("DEMANDS", flexible=True),
        Column("DESCRIPTION", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            stage.name,
            str(stage.order),
            Styled(stage.colour, stage.colour) if stage.colour else "",
            "; ".join(text for policy in stage.policies for text in demands(policy)),
            stage.description,
        ]
        for stage in found
    ]
    return [Table(columns, rows).without_empty("COLOUR", "DEMANDS", "DESCRIPTION")]


def policies(stage: Stage) -> list[Block]:
    """What entering a stage demands, policy by policy."""
    if not stage.policies:
        return [Paragraph(f"Entering {stage.name} demands nothing.")]
    blocks: list[Block] = []
    for policy in stage.policies:
        title = f"{stage.name} demands of {_whom(policy)}"
        blocks.append(Heading([Styled(title, _NAME)], section=True))
        blocks.append(Lines([[f"- {text}"] for text in demands(policy)] or [["- nothing"]]))
    return blocks


def demands(policy: Policy) -> Iterator[str]:
    """Yield what a policy demands, in few words each."""
    if policy.approvals:
        who = f" (role {policy.approver} or higher)" if policy.approver else ""
        asker = "; who asks may be one" if policy.self_approval else ""
        yield words.count(policy.approvals, "approval") + who + asker
    for rule in policy.metrics:
        yield from written(rule)
    yield from (f"check {check}" for check in policy.checks)
    yield from (f"tag {tag}" for tag in policy.tags)
    if policy.description:
        yield "a description"
    if policy.owner:
        yield "an owner"
    if policy.signed:
        yield "a signature by a trusted key"
    if policy.automation_only:
        yield "automation only"
    if policy.request_days is not None:
        yield f"requests expire after {policy.request_days:g} days"
    if policy.review_days is not None:
        yield f"review after {policy.review_days:g} days"


def requests(found: Sequence[TransitionRequest]) -> list[Block]:
    """Transition requests, one a line."""
    if not found:
        return [Paragraph(Styled("No requests.", _DIM))]
    now = utcnow()
    columns = [
        Column("ID", right=True, style=_NAME),
        Column("VERSION", flexible=True),
        Column("TO"),
        Column("STATE"),
        Column("BY", flexible=True),
        Column("ASKED"),
        Column("APPROVED BY", flexible=True),
        Column("COMMENT", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            str(asked.id),
            f"{asked.model}/{asked.version}",
            asked.to_stage,
            Styled(asked.state.value, _STATES[asked.state]),
            asked.requested_by,
            words.age(asked.created_at, now),
            ", ".join(approval.by for approval in asked.approvals),
            asked.comment,
        ]
        for asked in found
    ]
    return [Table(columns, rows).without_empty("APPROVED BY", "COMMENT")]


def request(asked: TransitionRequest, found: Sequence[Requirement]) -> list[Block]:
    """One request, and what its stage demands."""
    now, ref = utcnow(), f"{asked.model}/{asked.version}"
    state = Styled(asked.state.value, _STATES[asked.state])
    title: list[Cell] = [Styled(f"Request {asked.id}", _NAME), f"{ref} → {asked.to_stage}", state]
    facts: list[tuple[str, Cell]] = [
        ("asked", f"{words.age(asked.created_at, now)} by {asked.requested_by}"),
        ("comment", asked.comment),
    ]
    facts += [("approved", _said(a.by, a.comment)) for a in asked.approvals]
    if asked.state is RequestState.OPEN:
        expires = asked.expires_at
        facts.append(("expires", "" if expires is None else words.moment(expires)))
    elif asked.state is not RequestState.APPROVED:
        facts.append((asked.state.value, _said(asked.closed_by, asked.closing_comment)))
    blocks: list[Block] = [Heading(title), Facts([(name, text) for name, text in facts if text])]
    return [*blocks, *blocking.demanded(found, ref, asked.to_stage, asked.id)]


def tenures(found: Sequence[Tenure]) -> list[Block]:
    """Who held what, and when, the latest first."""
    if not found:
        return [Paragraph(Styled("Nothing was held.", _DIM))]
    columns = [
        Column("STAGE OR ALIAS", style=_NAME),
        Column("VERSION", right=True),
        Column("SINCE"),
        Column("UNTIL"),
        Column("BY", flexible=True),
        Column("COMMENT", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            post_name(held.post, held.name),
            str(held.version),
            words.moment(held.since),
            Styled("now", "green") if held.until is None else words.moment(held.until),
            held.by,
            held.comment,
        ]
        for held in reversed(found)
    ]
    return [Table(columns, rows).without_empty("COMMENT")]


def undone(model: str, done: Undone) -> list[Block]:
    """What a rollback did."""
    back = ", ".join(f"{model}/{number}" for number in done.versions)
    gone = ", ".join(f"{model}/{number}" for number in done.instead_of)
    instead = f", instead of {gone}" if gone else ""
    return [Paragraph(f"{post_name(done.post, done.name)} is {back} again{instead}.")]


def post_name(post: Post, name: str) -> str:
    """Return what a stage or an alias is called on the command line."""
    return f"@{name}" if post is Post.ALIAS else name


def _whom(policy: Policy) -> str:
    names = "all models" if policy.models == "*" else f"models {policy.models}"
    return f"{names} with the tag {policy.tag}" if policy.tag else names


def _said(by: str, comment: str) -> str:
    return f"by {by}: {comment}" if comment else f"by {by}"
