"""The WebhookStore over MongoDB.

Which activities were dispatched is said by the models' own documents:

    behind        set by every change of a model that records something (see `transaction`)
    dispatched    up to which activity, missing for 0; commits leave it alone

Several documents change together in four places. Each is a row of steps that may end anywhere, and
is finished by whoever comes next:

- The first webhook: what was counted before it was seen that there is none is dispatched, then it
  is inserted. A process that dies in between has told nobody of nothing.
- A dispatch: its deliveries, in their order, each under an id made of what it tells; then the
  first of each lane is woken; then the mark moves. Without the mark it is done again.
- An attempt that finishes a delivery: that keeps a `next_at`, the next one in its lane is woken,
  then the `next_at` is taken away. Until then it is found among what is due, by whoever claims.
- A webhook that is removed: it is `dropped`, its deliveries are removed, then itself. Whoever
  dispatches to it meanwhile looks again afterwards, and removes what they have added.

A lane is what goes to one webhook about one model. To wake it is to give its first PENDING delivery
a `next_at` unless it has one. Both who adds and who finishes do that afterwards, so that the later
of the two sees what the other did.
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from muniment.domain.values import to_millis
from muniment.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookStatus
from muniment.storage.mongo import webhooks_documents as documents
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.counters import next_id
from muniment.storage.mongo.webhooks_marks import Marks
from muniment.storage.webhooks import Dispatch, Undispatched, WebhookStore

_THERE: Final = {"dropped": False}
_PENDING: Final = {"state": DeliveryState.PENDING.value}
_FINISHED: Final = {"state": {"$ne": DeliveryState.PENDING.value}}


class MongoWebhookStore(WebhookStore):
    """See `muniment.storage.webhooks.WebhookStore`. Whoever opened the connection closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._webhooks = connection[documents.WEBHOOKS]
        self._deliveries = connection[documents.DELIVERIES]
        self._marks = Marks(connection)

    # -- webhooks --------------------------------------------------------------------------------

    def add_webhook(self, webhook: Webhook) -> Webhook:
        added = replace(webhook, id=next_id(self._connection, documents.WEBHOOKS))
        if not self._any_webhook():
            counted = self._marks.counted()
            if not self._any_webhook():  # still: none of these counts is of after another's
                self._marks.move_all(counted)
        with self._connection.guarded():
            self._webhooks.insert_one(documents.webhook_document(added))
        return added

    def webhook(self, workspace: str, uuid: str) -> Webhook | None:
        with self._connection.guarded():
            found = self._webhooks.find_one({"uuid": uuid, "workspace": workspace, **_THERE})
        return None if found is None else documents.webhook_from(found)

    def webhooks(self, workspace: str, *, before: int = 0, limit: int) -> Sequence[Webhook]:
        asked: Document = {"workspace": workspace, **_THERE}
        if before:
            asked["_id"] = {"$lt": before}
        with self._connection.guarded():
            found = self._webhooks.find(asked).sort("_id", DESCENDING).limit(limit)
            return [*map(documents.webhook_from, found)]

    def active_webhooks(self) -> Sequence[Webhook]:
        asked = {"status": WebhookStatus.ACTIVE.value, **_THERE}
        with self._connection.guarded():
            found = self._webhooks.find(asked).sort("_id", ASCENDING)
            return [*map(documents.webhook_from, found)]

    def save_webhook(self, webhook: Webhook) -> bool:
        changed = {"$set": documents.changing_fields_of(webhook)}
        with self._connection.guarded():
            found = self._webhooks.update_one({"_id": webhook.id, **_THERE}, changed)
        return found.matched_count > 0

    def drop_webhook(self, webhook_id: int) -> bool:
        dropped = {"$set": {"dropped": True}}
        with self._connection.guarded():
            found = self._webhooks.update_one({"_id": webhook_id, **_THERE}, dropped)
        self._clear_away(webhook_id)
        return found.matched_count > 0

    # -- from activities to deliveries -----------------------------------------------------------

    def has_work(self, now: datetime) -> bool:
        if not self._any_webhook():
            return False
        if self._marks.any_behind():
            return True
        with self._connection.guarded():
            active = {"status": WebhookStatus.ACTIVE.value, **_THERE}
            ids = [webhook["_id"] for webhook in self._webhooks.find(active, {"_id": 1})]
            due = {"webhook_id": {"$in": ids}, "next_at": {"$lte": to_millis(now)}}
            return self._deliveries.find_one(due, {"_id": 1}) is not None

    def undispatched(self, limit: int) -> Sequence[Undispatched]:
        return self._marks.behind(limit)

    def dispatch(self, dispatches: Sequence[Dispatch], now: datetime) -> None:
        for dispatch in dispatches:
            told = {delivery.webhook_id for delivery in dispatch.deliveries}
            there = self._which_are_there(told)
            self._add([d for d in dispatch.deliveries if d.webhook_id in there], now)
            for gone in told - self._which_are_there(told):
                self._clear_away(gone)
            self._marks.move(dispatch.model_id, dispatch.upto)

    # -- deliveries ------------------------------------------------------------------------------

    def claim(
        self, webhook_id: int, now: datetime, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        due = {"webhook_id": webhook_id, "next_at": {"$lte": to_millis(now)}}
        claimed: list[Delivery] = []
        with self._connection.guarded():
            for finished in [*self._deliveries.find({**due, **_FINISHED})]:
                self._hand_on(finished, now)
            while len(claimed) < limit:
                found = self._deliveries.find_one_and_update(
                    {**due, **_PENDING},
                    {"$set": {"next_at": to_millis(until)}},
                    sort=[("next_at", ASCENDING)],
                    return_document=ReturnDocument.AFTER,
                )
                if found is None:
                    break
                claimed.append(documents.delivery_from(found))
        return claimed

    def save_delivery(self, delivery: Delivery, now: datetime) -> bool:
        fields = documents.attempted_fields(delivery)
        done = delivery.state is not DeliveryState.PENDING
        if done:
            fields["next_at"] = to_millis(now)
        with self._connection.guarded():
            saved = self._deliveries.find_one_and_update(
                {"_id": delivery.id, **_PENDING},
                {"$set": fields},
                return_document=ReturnDocument.AFTER,
            )
        if saved is None:
            return False
        if done:
            self._hand_on(saved, now)
        return True

    def replay(self, delivery_id: str, now: datetime, expires_at: datetime) -> bool:
        again = {
            "state": DeliveryState.PENDING.value,
            "next_at": to_millis(now),
            "finished_at": None,
            "expires_at": to_millis(expires_at),
        }
        with self._connection.guarded():
            found = self._deliveries.update_one({"_id": delivery_id}, {"$set": again})
        return found.matched_count > 0

    def delivery(self, webhook_id: int, delivery_id: str) -> Delivery | None:
        with self._connection.guarded():
            found = self._deliveries.find_one({"_id": delivery_id, "webhook_id": webhook_id})
        return None if found is None else documents.delivery_from(found)

    def deliveries(
        self, webhook_id: int, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> Sequence[Delivery]:
        asked: Document = {"webhook_id": webhook_id}
        if before is not None:
            at = to_millis(before[0])
            older = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": before[1]}}]
            asked |= {"created_at": {"$lte": at}, "$or": older}
        with self._connection.guarded():
            found = self._deliveries.find(asked).sort(documents.NEWEST_FIRST).limit(limit)
            return [*map(documents.delivery_from, found)]

    def prune_deliveries(self, before: datetime) -> int:
        old = {"finished_at": {"$lt": to_millis(before)}, "next_at": None}
        with self._connection.guarded():
            for dropped in [*self._webhooks.find({"dropped": True}, {"_id": 1})]:
                self._clear_away(dropped["_id"])
            return self._deliveries.delete_many(old).deleted_count

    # -- within ----------------------------------------------------------------------------------

    def _any_webhook(self) -> bool:
        with self._connection.guarded():
            return self._webhooks.find_one(_THERE, {"_id": 1}) is not None

    def _which_are_there(self, ids: Collection[int]) -> frozenset[int]:
        """Return those ids of webhooks that were not removed."""
        with self._connection.guarded():
            asked = {"_id": {"$in": list(ids)}, **_THERE}
            found = self._webhooks.find(asked, {"_id": 1}) if ids else ()
            return frozenset(webhook["_id"] for webhook in found)

    def _add(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Add deliveries, unless they are there, and wake their lanes."""
        for delivery in deliveries:
            document = documents.delivery_document(replace(delivery, next_at=None))
            with self._connection.guarded(), suppress(DuplicateKeyError):
                self._deliveries.insert_one(document)
        for webhook_id, model_id in {(d.webhook_id, d.model_id) for d in deliveries}:
            self._wake(webhook_id, model_id, now)

    def _clear_away(self, webhook_id: int) -> None:
        """Remove what is left of a webhook that was removed."""
        with self._connection.guarded():
            self._deliveries.delete_many({"webhook_id": webhook_id})
            self._webhooks.delete_one({"_id": webhook_id, "dropped": True})

    def _wake(self, webhook_id: int, model_id: int, now: datetime) -> None:
        """Make the first PENDING delivery of a lane due, unless it has its time already."""
        lane = {"webhook_id": webhook_id, "model_id": model_id, **_PENDING}
        with self._connection.guarded():
            first = self._deliveries.find_one(lane, {"next_at": 1}, sort=documents.LANE)
            if first is not None and first["next_at"] is None:
                asleep = {"_id": first["_id"], "next_at": None, **_PENDING}
                self._deliveries.update_one(asleep, {"$set": {"next_at": to_millis(now)}})

    def _hand_on(self, finished: Document, now: datetime) -> None:
        """Wake the lane of a finished delivery, which is then done with."""
        self._wake(finished["webhook_id"], finished["model_id"], now)
        this = {"_id": finished["_id"], "next_at": finished["next_at"], **_FINISHED}
        with self._connection.guarded():
            self._deliveries.update_one(this, {"$set": {"next_at": None}})
