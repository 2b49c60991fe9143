"""The schema of accounts: who somebody is, what they may do, and what is written down about them.

    users <- - tokens, sessions      by name
          <- - grants.subject        `user:<name>`, `group:<group>`
          <- - claims.actor          - -> blobs, by digest
    failures                         sign-ins that went wrong
    audit, audit_state               one hash chain, and where it stands

Names refer to each other without foreign keys, as in histories: groups have no table, a grant may
wait for somebody who has not signed in yet, and a user is never removed, only made inactive.
The columns keep the habits of `tables`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table

from muniment.storage.sql.tables import TEXT, metadata

_Id = BigInteger().with_variant(Integer(), "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("kind", TEXT, nullable=False),  # `accounts.UserKind`
    Column("created_at", BigInteger, nullable=False),
    Column("display_name", TEXT, nullable=False),
    Column("password", TEXT),
    Column("must_change", Integer, nullable=False),
    Column("subject", TEXT, unique=True),
    Column("groups", TEXT, nullable=False),  # JSON list
    Column("active", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

grants = Table(
    "grants",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace", TEXT, nullable=False),  # a name, or * for all
    Column("subject", TEXT, nullable=False),
    Column("terms", TEXT, nullable=False),  # JSON of `access.Grant`
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    sqlite_autoincrement=True,
)
Index("grants_by_subject", grants.c.subject, grants.c.workspace)

tokens = Table(
    "tokens",
    metadata,
    Column("id", TEXT, nullable=False),
    Column("user_name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("secret", TEXT, nullable=False),  # its SHA-256
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("automation", Integer, nullable=False),
    Column("scopes", TEXT),  # JSON list of `access.Grant`
    PrimaryKeyConstraint("id"),
    sqlite_with_rowid=False,
)
Index("tokens_by_user", tokens.c.user_name, tokens.c.created_at)

sessions = Table(
    "sessions",
    metadata,
    Column("secret", TEXT, nullable=False),  # its SHA-256
    Column("user_name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("secret"),
    sqlite_with_rowid=False,
)
Index("sessions_by_user", sessions.c.user_name)
Index("sessions_by_end", sessions.c.expires_at)

failures = Table(
    "failures",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("key", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index("failures_by_key", failures.c.key, failures.c.at)
Index("failures_by_time", failures.c.at)

claims = Table(
    "claims",
    metadata,
    Column("digest", TEXT, nullable=False),
    Column("workspace", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("digest", "workspace", "actor"),
    sqlite_with_rowid=False,
)

# The columns of `activities`, but for the model.
audit = Table(
    "audit",
    metadata,
    Column("sequence", _Id, primary_key=True, autoincrement=False),
    Column("kind", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("version", BigInteger),
    Column("comment", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),  # JSON
    Column("previous", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False),
)

# One row, from the first entry on: `storage.accounts.AuditHead`.
audit_state = Table(
    "audit_state",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("base", TEXT, nullable=False),
    Column("head", TEXT, nullable=False),
)
