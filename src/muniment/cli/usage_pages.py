"""What people see of deployments, consumers, comments, checks and what happened."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Heading, Paragraph, Styled, Table
from muniment.domain.activities import Happened
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift, Usage, Use
from muniment.domain.values import utcnow

_NAME = "bold"
_DIM = "dim"
_STATUS = {
    DeploymentStatus.PENDING: "yellow",
    DeploymentStatus.RUNNING: "green",
    DeploymentStatus.FAILED: "red",
    DeploymentStatus.RETIRED: "dim",
}
_VERDICTS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNKNOWN: "yellow"}


def deployments(found: Sequence[Deployment]) -> list[Block]:
    """Deployments, one a line."""
    if not found:
        return [Paragraph(Styled("No deployments.", _DIM))]
    now = utcnow()
    columns = [
        Column("ENVIRONMENT"),
        Column("NAME", style=_NAME, flexible=True),
        Column("FOLLOWS", flexible=True),
        Column("RUNS", right=True),
        Column("STATUS"),
        Column("CHANGED"),
        Column("BY", flexible=True),
        Column("URL", flexible=True),
        Column("COMMENT", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            one.environment,
            one.name,
            one.target,
            _number(one.running),
            Styled(one.status.value, _STATUS[one.status]),
            words.age(one.updated_at, now),
            one.updated_by,
            one.url,
            one.comment,
        ]
        for one in found
    ]
    return [Table(columns, rows).without_empty("RUNS", "URL", "COMMENT")]


def drift(found: Sequence[Drift]) -> list[Block]:
    """What deployments run, and should run."""
    if not found:
        return [Paragraph("No drift: every deployment runs what it should, as far as is known.")]
    now = utcnow()
    columns = [
        Column(""),
        Column("DEPLOYMENT", style=_NAME, flexible=True),
        Column("FOLLOWS", flexible=True),
        Column("RUNS", right=True),
        Column("SHOULD", right=True),
        Column("SINCE"),
        Column("REASON", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            Styled("drift", "red") if one.drifted else Styled("right", "green"),
            one.deployment.place,
            one.deployment.target,
            _number(one.runs),
            _number(one.expected),
            "" if one.since is None else words.age(one.since, now),
            one.reason,
        ]
        for one in found
    ]
    return [Table(columns, rows).without_empty("SINCE", "REASON")]


def uses(found: Sequence[Use]) -> list[Block]:
    """Who used which versions."""
    if not found:
        return [Paragraph(Styled("No consumers.", _DIM))]
    now = utcnow()
    columns = [
        Column("VERSION", style=_NAME, flexible=True),
        Column("CONSUMER", flexible=True),
        Column("KNOWN BY"),
        Column("DID"),
        Column("LAST"),
        Column("TIMES", right=True),
        Column("FIRST"),
    ]
    rows: list[list[Cell]] = [
        [
            f"{use.model}/{use.version}",
            use.consumer,
            "its name" if use.named else "its user",
            use.kind.value,
            words.age(use.last_at, now),
            f"{use.count:,}",
            words.age(use.first_at, now),
        ]
        for use in found
    ]
    return [Table(columns, rows)]


def usage(found: Usage) -> list[Block]:
    """Who uses one version."""
    return [
        Heading([Styled("Deployments", _NAME)], section=True),
        *deployments(found.deployments),
        Heading([Styled("Consumers", _NAME)], section=True),
        *uses(found.uses),
    ]


def comments(found: Sequence[Comment]) -> list[Block]:
    """What was said, in its order."""
    if not found:
        return [Paragraph(Styled("No comments.", _DIM))]
    now, blocks = utcnow(), list[Block]()
    for said in found:
        edited = [Styled("edited", _DIM)] if said.edited_at else []
        title: list[Cell] = [
            Styled(said.author, _NAME),
            words.age(said.created_at, now),
            Styled(f"#{said.id}", _DIM),
            *edited,
        ]
        text = Styled("(deleted)", _DIM) if said.deleted else said.text
        blocks += [Heading(title, section=True), Paragraph(text)]
    return blocks


def checks(found: Sequence[CheckResult]) -> list[Block]:
    """The latest verdicts on a version."""
    if not found:
        return [Paragraph(Styled("No checks.", _DIM))]
    now = utcnow()
    columns = [
        Column("CHECK", style=_NAME, flexible=True),
        Column("VERDICT"),
        Column("WHEN"),
        Column("BY", flexible=True),
        Column("FINDINGS", flexible=True),
        Column("REPORT", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            result.name,
            Styled(result.verdict.value, _VERDICTS[result.verdict]),
            words.age(result.created_at, now),
            result.created_by,
            "; ".join(result.findings),
            result.url,
        ]
        for result in found
    ]
    return [Table(columns, rows).without_empty("FINDINGS", "REPORT")]


def happened(found: Sequence[Happened]) -> list[Block]:
    """What happened to models, the latest first."""
    now = utcnow()
    columns = [
        Column("WHEN"),
        Column("WHO", flexible=True),
        Column("WHAT", style=_NAME),
        Column("MODEL", flexible=True),
        Column("VERSION", right=True),
        Column("COMMENT", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [
            words.age(one.activity.at, now),
            one.activity.actor,
            one.activity.kind,
            one.model,
            _number(one.activity.version),
            one.activity.comment,
        ]
        for one in found
    ]
    return [Table(columns, rows).without_empty("COMMENT")]


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
