"""What people see of signatures, trusted keys and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Paragraph, Styled, Table
from muniment.domain.signatures import JudgedSignature, Signatures, SignatureState, TrustedKey
from muniment.domain.values import utcnow
from muniment.signing.proofs import PackReport

_NAME: Final = "bold"
_STATES: Final = {
    SignatureState.VERIFIED: "green",
    SignatureState.UNTRUSTED: "yellow",
    SignatureState.INVALID: "bold red",
    SignatureState.UNSIGNED: "dim",
}


def signed(found: Signatures) -> Styled:
    """Whether a version is signed, and by which trusted keys."""
    return state(found.state, found.keys)


def state(worth: SignatureState, keys: Sequence[str] = ()) -> Styled:
    """What signatures are worth, in one word, and by which keys they are verified."""
    by = f" by {', '.join(keys)}" if keys else ""
    return Styled(f"{worth.value}{by}", _STATES[worth])


def signatures(found: Sequence[JudgedSignature]) -> list[Block]:
    """Signatures of a version, one a line, and why those that are not verified are not."""
    if not found:
        return [Paragraph(Styled("It is unsigned.", "dim"))]
    now = utcnow()
    columns = [
        Column("ID", right=True),
        Column("STATE"),
        Column("KEY", style=_NAME, flexible=True),
        Column("FILED"),
        Column("BY", flexible=True),
        Column("BUNDLE"),
    ]
    rows: list[list[Cell]] = [
        [
            str(one.signature.id),
            state(one.state),
            one.judgement.key,
            words.age(one.signature.created_at, now),
            one.signature.created_by,
            words.digest(one.signature.sha256),
        ]
        for one in found
    ]
    blocks: list[Block] = [Table(columns, rows)]
    for one in found:
        for reason in one.judgement.reasons:
            said = f"{one.signature.id}: {reason}"
            blocks.append(Paragraph(Styled(said, _STATES[one.state])))
    return blocks


def keys(found: Sequence[TrustedKey]) -> list[Block]:
    """Trusted keys, one a line."""
    if not found:
        return [Paragraph(Styled("No key is trusted.", "dim"))]
    now = utcnow()
    columns = [
        Column("NAME", style=_NAME, flexible=True),
        Column("KIND"),
        Column("ID"),
        Column("ADDED"),
        Column("BY", flexible=True),
    ]
    rows: list[list[Cell]] = [
        [key.name, key.kind.value, words.digest(key.id), words.age(key.added_at, now), key.added_by]
        for key in found
    ]
    return [Table(columns, rows)]


def proved(report: PackReport) -> list[Block]:
    """What an evidence pack proves, and what is wrong with it."""
    verdict = Styled("sound", "green") if report.ok else Styled("NOT SOUND", "bold red")
    facts: list[tuple[str, Cell]] = [
        ("digest", f"sha256:{report.digest}" if report.digest else "no files"),
        ("history", words.count(report.activities, "entry", "entries")),
        ("head", report.head),
        ("signed", state(report.signatures, report.keys)),
    ]
    blocks: list[Block] = [Heading([Styled(report.ref or "?", _NAME), verdict]), Facts(facts)]
    return [*blocks, *(Paragraph(Styled(problem, "red")) for problem in report.problems)]
