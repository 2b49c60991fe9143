"""The schema of webhooks, their deliveries, and of leases.

    webhooks ──< deliveries >── models
    leases                               who of several processes does what only one may do

Of the PENDING deliveries to one webhook about one model only the first has a `next_at`: the others
are not due, whatever the time is, and cost nobody who looks for work anything.
The columns keep the habits of `tables`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    literal_column,
)

from muniment.storage.sql.tables import TEXT, metadata

_Id = BigInteger().with_variant(Integer(), "sqlite")

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", TEXT, nullable=False, unique=True),
    Column("workspace", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("url", TEXT, nullable=False),
    Column("events", TEXT, nullable=False),  # JSON list of `entity.action`
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),  # `webhooks.WebhookStatus`
    Column("models", TEXT, nullable=False),  # a pattern of names
    Column("stage", TEXT, nullable=False),  # likewise
    Column("secret", TEXT, nullable=False),  # as it is: to sign with
    sqlite_autoincrement=True,
)
Index("webhooks_by_workspace", webhooks.c.workspace, webhooks.c.id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", TEXT, nullable=False),
    Column("webhook_id", _Id, ForeignKey("webhooks.id"), nullable=False),
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("event", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),  # `webhooks.DeliveryState`
    Column("next_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("attempts", TEXT, nullable=False),  # JSON list of `webhooks.Attempt`
    PrimaryKeyConstraint("id"),
    sqlite_with_rowid=False,
)
_d = deliveries.c
_DUE = _d.next_at.is_not(None)
PENDING = _d.state == literal_column("'PENDING'")
Index(
    "deliveries_due",
    _d.webhook_id,
    _d.next_at,
    sqlite_where=_DUE,
)
Index(
    "deliveries_pending",
    _d.webhook_id,
    _d.model_id,
    _d.sequence,
    _d.ordinal,
    sqlite_where=PENDING,
)
Index("deliveries_by_time", _d.webhook_id, _d.created_at, _d.id)
Index(
    "deliveries_finished",
    _d.finished_at,
    sqlite_where=_d.finished_at.is_not(None),
)

leases = Table(
    "leases",
    metadata,
    Column("name", TEXT, nullable=False),
    Column("holder", TEXT, nullable=False),
    Column("until", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)
