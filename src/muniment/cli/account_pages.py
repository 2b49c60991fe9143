"""What people see of users, tokens, grants and the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from muniment.cli import words
from muniment.cli.draw import Block, Cell, Column, Facts, Heading, Paragraph, Styled, Table
from muniment.cli.scopes import written
from muniment.domain.access import Decision, Grant
from muniment.domain.accounts import HeldGrant, Token, User, WhoAmI
from muniment.domain.values import utcnow

_NAME = "bold"
_DIM = "dim"
_BAD = "red"


def users(found: Sequence[User]) -> list[Block]:
    """Users, one a line."""
    if not found:
        return [Paragraph(Styled("No users: everybody who reaches this registry owns it.", _DIM))]
    now = utcnow()
    columns = [
        Column("NAME", style=_NAME, flexible=True),
        Column("KIND"),
        Column("STATE"),
        Column("DISPLAY NAME", flexible=True),
        Column("GROUPS", flexible=True),
        Column("CREATED"),
    ]
    rows = [
        [
            user.name,
            user.kind.value,
            _state(user),
            user.display_name,
            ", ".join(user.groups),
            words.age(user.created_at, now),
        ]
        for user in found
    ]
    return [Table(columns, rows).without_empty("DISPLAY NAME", "GROUPS")]


def user(found: User, held: Sequence[HeldGrant] | None) -> list[Block]:
    """One user, and what they hold in the workspace (None: the caller may not know)."""
    blocks: list[Block] = [
        Heading([Styled(found.name, _NAME), found.kind.value, _state(found)]),
    ]
    proofs = [
        *(["password"] if found.password is not None else []),
        *([f"OIDC {found.subject}"] if found.subject else []),
    ]
    facts: list[tuple[str, Cell]] = [
        ("display name", found.display_name),
        ("signs in with", ", ".join(proofs) or "tokens"),
        ("groups", ", ".join(found.groups)),
        ("created", words.moment(found.created_at)),
    ]
    blocks.append(Facts([(name, text) for name, text in facts if text]))
    if held is not None:
        blocks += [Heading([Styled("Grants", _NAME)], section=True), *grants(held)]
    return blocks


def tokens(found: Sequence[Token]) -> list[Block]:
    """Tokens, one a line; never their secrets, which nobody has."""
    if not found:
        return [Paragraph(Styled("No tokens.", _DIM))]
    now = utcnow()
    columns = [
        Column("ID", style=_NAME),
        Column("USER", flexible=True),
        Column("STATE"),
        Column("LAST USED"),
        Column("AUTOMATION"),
        Column("SCOPES", flexible=True),
        Column("DESCRIPTION", flexible=True),
    ]
    rows = [
        [
            token.id,
            token.user,
            _token_state(token, now),
            words.age(token.last_used_at, now) if token.last_used_at else "never",
            "yes" if token.automation else "",
            _scopes(token.scopes),
            token.description,
        ]
        for token in found
    ]
    return [Table(columns, rows).without_empty("AUTOMATION", "SCOPES", "DESCRIPTION")]


def grants(found: Sequence[HeldGrant]) -> list[Block]:
    """Grants, one a line, as they are written."""
    if not found:
        return [Paragraph(Styled("No grants.", _DIM))]
    columns = [
        Column("ID", right=True),
        Column("WHO", style=_NAME, flexible=True),
        Column("MAY", flexible=True),
        Column("WORKSPACE"),
        Column("SINCE"),
        Column("BY", flexible=True),
    ]
    now = utcnow()
    rows = [
        [
            str(held.id),
            held.subject,
            written(held.grant),
            "all" if held.workspace == "*" else held.workspace,
            words.age(held.created_at, now),
            held.created_by,
        ]
        for held in found
    ]
    return [Table(columns, rows)]


def whoami(found: WhoAmI, address: str) -> list[Block]:
    """Who somebody is, and what they may do."""
    if found.by == "none":
        how = "nobody signs in here: everybody who gets this far is the owner"
    else:
        how = f"signed in by {found.by}" + (", as automation" if found.automation else "")
    facts: list[tuple[str, Cell]] = [
        ("registry", address),
        ("workspace", found.workspace),
        ("may", _listed(found.grants) or "nothing"),
    ]
    if found.scopes is not None:
        facts.append(("token only", _listed(found.scopes) or "nothing"))
    if found.must_change:
        facts.append(("password", Styled("to be used once: `muniment passwd`", _BAD)))
    return [Heading([Styled(found.name, _NAME), how]), Facts(facts)]


def decision(found: Decision) -> list[Block]:
    """Yes or no, and why."""
    verdict = Styled("yes", "green") if found else Styled("no", _BAD)
    return [Heading([verdict, found.because])]


def secret(sentence: str, text: str) -> list[Block]:
    """A secret that is shown once, on a line of its own."""
    return [Paragraph(sentence), Heading([Styled(text, _NAME)])]


def _state(user: User) -> Cell:
    if not user.active:
        return Styled("deactivated", _BAD)
    return Styled("one-time password", "yellow") if user.must_change else "active"


def _token_state(token: Token, now: datetime) -> Cell:
    if token.revoked_at is not None:
        return Styled("revoked", _BAD)
    if token.expires_at is None:
        return "does not expire"
    if token.expires_at <= now:
        return Styled("expired", _BAD)
    return f"until {token.expires_at:%Y-%m-%d}"


def _scopes(scopes: Iterable[Grant] | None) -> str:
    return "" if scopes is None else _listed(scopes) or "nothing"


def _listed(found: Iterable[Grant]) -> str:
    return "; ".join(map(written, found))
