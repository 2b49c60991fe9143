"""The statements of webhooks, each prepared once. A lookup is one statement, and one index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from muniment.storage.sql import webhook_rows as rows
from muniment.storage.sql.engine import Prepared, insert_new
from muniment.storage.sql.tables import models, workspaces
from muniment.storage.sql.webhook_tables import PENDING, deliveries, webhooks

_d, _m, _w = deliveries.c, models.c, webhooks.c
_LIMIT: Any = bindparam("limit")
_ONE: Any = literal_column("1")
_ACTIVE = _w.status == literal_column("'ACTIVE'")
_this_webhook = _w.id == bindparam("webhook_id")
_of_webhook = _d.webhook_id == bindparam("webhook_id")
_this_delivery = _d.id == bindparam("delivery_id")

# -- webhooks ------------------------------------------------------------------------------------

_webhooks = select(*rows.WEBHOOK_COLUMNS)
_in_workspace = _w.workspace == bindparam("workspace")
_newest_first = (_w.id.desc(),)
_webhook_values: dict[Any, Any] = {c: bindparam(c.name) for c in _w if c.name != "id"}
ANY_WEBHOOK = Prepared(select(_w.id).limit(_ONE))
WEBHOOK = Prepared(_webhooks.where(_w.uuid == bindparam("uuid"), _in_workspace))
WEBHOOKS = Prepared(_webhooks.where(_in_workspace).order_by(*_newest_first).limit(_LIMIT))
WEBHOOKS_BEFORE = Prepared(
    _webhooks.where(_in_workspace, _w.id < bindparam("before"))
    .order_by(*_newest_first)
    .limit(_LIMIT)
)
ACTIVE_WEBHOOKS = Prepared(_webhooks.where(_ACTIVE).order_by(_w.id))
ADD_WEBHOOK = Prepared(insert(webhooks).values(_webhook_values).returning(_w.id))
SAVE_WEBHOOK = Prepared(
    update(webhooks)
    .where(_this_webhook)
    .values(
        {
            c: parameter
            for c, parameter in _webhook_values.items()
            if c.name not in ("uuid", "workspace", "created_at")
        }
    )
)
# Deliveries are filed and finished by one at a time, so that of those which wait the first is due.
LOCK_WEBHOOK = Prepared(select(_w.id).where(_this_webhook).with_for_update(key_share=True))
DROP_DELIVERIES = Prepared(delete(deliveries).where(_of_webhook))
DROP_WEBHOOK = Prepared(delete(webhooks).where(_this_webhook))

# -- from activities to deliveries ---------------------------------------------------------------

_BEHIND = _m.activity_count > _m.dispatched  # as the partial index has it
ANY_BEHIND = Prepared(select(_m.id).where(_BEHIND).limit(_ONE))
UNDISPATCHED = Prepared(
    select(_m.id, _m.uuid, workspaces.c.name, _m.name, _m.tags, _m.dispatched, _m.activity_count)
    .join(workspaces, workspaces.c.id == _m.workspace_id)
    .where(_BEHIND)
    .order_by(_m.id)
    .limit(_LIMIT)
)
MARK_ALL = Prepared(update(models).where(_BEHIND).values(dispatched=_m.activity_count))
MARK = Prepared(
    update(models)
    .where(_m.id == bindparam("model_id"), _m.dispatched < bindparam("upto"))
    .values(dispatched=bindparam("upto"))
)
FIRST_PENDING = Prepared(
    select(_d.id, _d.next_at)
    .where(_of_webhook, _d.model_id == bindparam("model_id"), PENDING)
    .order_by(_d.sequence, _d.ordinal)
    .limit(_ONE)
)
ADD_DELIVERY = Prepared(insert_new(deliveries).values({c: bindparam(c.name) for c in _d}))

# -- deliveries ----------------------------------------------------------------------------------

_deliveries = select(*rows.DELIVERY_COLUMNS)
_due = _d.next_at <= bindparam("now")
ANY_DUE = Prepared(
    select(_w.id).where(_ACTIVE, exists().where(_d.webhook_id == _w.id, _due)).limit(_ONE)
)
DUE = Prepared(_deliveries.where(_of_webhook, _due).order_by(_d.next_at).limit(_LIMIT))
CLAIMED = Prepared(  # what somebody else is just claiming is left to them
    _deliveries.where(_of_webhook, _due)
    .order_by(_d.next_at)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
)
DUE_AT = Prepared(update(deliveries).where(_this_delivery).values(next_at=bindparam("at")))
SAVE_DELIVERY = Prepared(
    update(deliveries)
    .where(_this_delivery, PENDING)
    .values({name: bindparam(name) for name in ("state", "next_at", "finished_at", "attempts")})
)
REPLAY = Prepared(
    update(deliveries)
    .where(_this_delivery)
    .values(
        state=literal_column("'PENDING'"),
        next_at=bindparam("now"),
        finished_at=null(),
        expires_at=bindparam("expires_at"),
    )
)
DELIVERY = Prepared(_deliveries.where(_of_webhook, _this_delivery))
_latest_first = (_d.created_at.desc(), _d.id.desc())
DELIVERIES = Prepared(_deliveries.where(_of_webhook).order_by(*_latest_first).limit(_LIMIT))
DELIVERIES_BEFORE = Prepared(
    _deliveries.where(
        _of_webhook,
        _d.created_at <= bindparam("at"),
        or_(_d.created_at < bindparam("at"), _d.id < bindparam("before")),
    )
    .order_by(*_latest_first)
    .limit(_LIMIT)
)
PRUNE = Prepared(
    delete(deliveries).where(
        _d.id.in_(
            select(_d.id)
            .where(_d.finished_at < bindparam("before"), _d.finished_at.is_not(None))
            .limit(_LIMIT)
        )
    )
)
