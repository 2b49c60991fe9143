"""Deliveries: each event arrives, in order per model, whatever the receiver does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.events import MLFLOW
from muniment.domain.webhooks import DeliveryState, Webhook, WebhookChanges, WebhookStatus
from muniment.services.webhooks.delivering import LEASED_FOR, Deliverer

from .conftest import House, house_over
from .receivers import Answer, Received, Receiver, receiving

WEEK = timedelta(days=7)


def deliverer_of(house: House, wake: Callable[[], None] = lambda: None) -> Deliverer:
    webhooks, leases = house.ports.webhooks, house.ports.leases
    assert webhooks is not None
    assert leases is not None
    return Deliverer(house.ports, webhooks, leases, wake=wake, retention=WEEK)


def deliver(house: House, *, until: Callable[[], bool]) -> None:
    """Deliver until something holds, and what is under way is recorded."""
    woken = threading.Event()
    deliverer = deliverer_of(house, woken.set)
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        woken.clear()
        deliverer.round()
        woken.wait(0.05)
    deliverer.close()


def webhook(house: House, receiver: Receiver, **fields: object) -> Webhook:
    changes = WebhookChanges(name="hook", url=receiver.url, events=MLFLOW)
    return house.webhooks.create(replace(changes, **fields))  # type: ignore[arg-type]


def states(house: House, hook: Webhook) -> list[DeliveryState]:
    return [delivery.state for delivery in house.webhooks.deliveries(hook.uuid).items]


def settled(house: House, hook: Webhook, count: int) -> Callable[[], bool]:
    def check() -> bool:
        found = states(house, hook)
        return len(found) == count and DeliveryState.PENDING not in found

    return check


def test_every_change_is_told_of_in_order_with_its_data(open_house: House) -> None:
    catalog = open_house.catalog
    with receiving() as receiver:
        hook = webhook(open_house, receiver)
        catalog.create_model("a", ModelChanges(description="d", tags={"t": 1}))
        catalog.create_version("a", NewVersion(source_uri="s3://x", tags={"u": "v"}, run_id="r"))
        catalog.rename_model("a", "b")
        catalog.update_version("b", 1, VersionChanges(tags={"u": None, "w": "x"}))
        catalog.set_alias("b", "champion", 1)
        catalog.delete_alias("b", "champion")
        catalog.delete_model("b")
        deliver(open_house, until=settled(open_house, hook, 6))
        assert [(came.event, came.data) for came in receiver.received] == [
            ("registered_model.created", {"name": "a", "tags": {"t": "1"}, "description": "d"}),
            (
                "model_version.created",
                {
                    "name": "a",
                    "version": "1",
                    "source": "s3://x",
                    "run_id": "r",
                    "tags": {"u": "v"},
                    "description": None,
                },
            ),
            ("model_version_tag.deleted", {"name": "b", "version": "1", "key": "u"}),
            (
                "model_version_tag.set",
                {"name": "b", "version": "1", "key": "w", "value": "x"},
            ),
            (
                "model_version_alias.created",
                {"name": "b", "alias": "champion", "version": "1"},
            ),
            ("model_version_alias.deleted", {"name": "b", "alias": "champion"}),
        ]


def test_a_long_history_keeps_the_names_of_its_time(open_house: House) -> None:
    catalog = open_house.catalog
    with receiving() as receiver:
        hook = webhook(open_house, receiver)
        catalog.create_model("a")
        for n in range(1_100):  # more than is dispatched at once
            catalog.update_model("a", ModelChanges(description=f"d{n}"))
        catalog.rename_model("a", "b")
        deliver(open_house, until=settled(open_house, hook, 1))
        assert receiver.received[0].data["name"] == "a"


def test_a_webhook_is_told_of_nothing_before_it_nor_of_what_it_does_not_ask_for(
    open_house: House,
) -> None:
    with receiving() as receiver, receiving() as other:
        open_house.catalog.create_model("before")
        hook = webhook(open_house, receiver, models="fraud-*")
        webhook(open_house, other, status=WebhookStatus.DISABLED)
        open_house.catalog.create_model("other")
        open_house.catalog.create_model("fraud-eu")
        deliver(open_house, until=settled(open_house, hook, 1))
        assert [came.data["name"] for came in receiver.received] == ["fraud-eu"]
        assert other.received == []


def test_a_receiver_that_was_down_gets_everything_in_order_once_it_is_back(
    open_house: House,
) -> None:
    catalog = open_house.catalog
    with receiving() as gone:
        pass
    hook = webhook(open_house, gone)
    for name in "ab":
        catalog.create_model(name)
        for n in range(5):
            catalog.create_version(name, NewVersion(source_uri=f"s3://x/{n}"))

    def tried() -> bool:
        history = open_house.webhooks.deliveries(hook.uuid).items
        return all(d.attempts for d in history if d.event.entity == "registered_model")

    deliver(open_house, until=lambda: len(states(open_house, hook)) == 12 and tried())
    with receiving(int(gone.url.split(":")[2].partition("/")[0])) as receiver:
        open_house.clock.forward(minutes=1)
        deliver(open_house, until=settled(open_house, hook, 12))
        for name in "ab":
            versions = [
                came.data.get("version") for came in receiver.received if came.data["name"] == name
            ]
            assert versions == [None, "1", "2", "3", "4", "5"]
        assert len({came.id for came in receiver.received}) == 12


def test_a_further_try_bears_the_same_id_and_body_and_a_later_time(open_house: House) -> None:
    with receiving() as receiver:
        answers = iter([Answer(503, {"Retry-After": "120"}), Answer()])
        receiver.answer = lambda came: next(answers)
        hook = webhook(open_house, receiver, secret="hush")
        open_house.catalog.create_model("a")
        deliver(open_house, until=lambda: len(receiver.received) == 1)
        open_house.clock.forward(seconds=100)
        deliverer = deliverer_of(open_house)
        deliverer.round()
        deliverer.close()
        assert len(receiver.received) == 1  # it has asked for two minutes
        open_house.clock.forward(seconds=30)
        deliver(open_house, until=settled(open_house, hook, 1))
        one, other = receiver.received
        assert (one.id, one.body) == (other.id, other.body)
        times = [int(came.headers["x-mlflow-timestamp"]) for came in (one, other)]
        assert times[1] >= times[0] + 130
        assert one.headers["x-mlflow-signature"] != other.headers["x-mlflow-signature"]


def test_one_that_is_refused_for_days_is_given_up_and_the_next_one_goes(
    open_house: House,
) -> None:
    with receiving() as receiver:
        receiver.answer = lambda came: Answer(400 if "version" not in came.data else 200)
        hook = webhook(open_house, receiver)
        open_house.catalog.create_model("a")
        open_house.catalog.create_version("a", NewVersion(source_uri="s3://x"))
        deliver(open_house, until=lambda: len(receiver.received) == 1)
        open_house.clock.forward(days=3)
        deliver(open_house, until=settled(open_house, hook, 2))
        ends = {d.sequence: d.state for d in open_house.webhooks.deliveries(hook.uuid).items}
        assert ends == {1: DeliveryState.FAILED, 2: DeliveryState.DELIVERED}


def test_a_receiver_that_is_gone_for_good_is_told_no_more(open_house: House) -> None:
    with receiving() as receiver:
        receiver.answer = lambda came: Answer(410)
        hook = webhook(open_house, receiver)
        for name in "ab":
            open_house.catalog.create_model(name)
        deliver(open_house, until=lambda: DeliveryState.FAILED in states(open_house, hook))
        assert open_house.webhooks.get(hook.uuid).status is WebhookStatus.DISABLED


def test_a_receiver_that_hangs_holds_up_no_other(open_house: House) -> None:
    over = threading.Event()

    def hang(came: Received) -> Answer:
        over.wait(30)
        return Answer()

    with receiving() as slow, receiving() as quick:
        slow.answer = hang
        stuck, hook = webhook(open_house, slow), webhook(open_house, quick)
        for n in range(30):
            open_house.catalog.create_model(f"m{n}")
        deliverer = deliverer_of(open_house)
        while not settled(open_house, hook, 30)():
            deliverer.round()
            time.sleep(0.01)
        assert DeliveryState.DELIVERED not in states(open_house, stuck)
        over.set()
        deliverer.close()


def test_one_of_several_processes_delivers_and_another_takes_over(tmp_path: Path) -> None:
    houses = [house_over(tmp_path / "registry") for _ in range(2)]
    try:
        with receiving() as receiver:
            answering = threading.Event()
            receiver.answer = lambda came: Answer() if answering.wait(30) else Answer(500)
            hook = webhook(houses[0], receiver)
            houses[0].catalog.create_model("a")
            first, second = map(deliverer_of, houses)
            first.round()
            receiver.wait_for(1)
            houses[1].catalog.create_model("b")
            second.round()
            assert len(states(houses[1], hook)) == 1  # the first holds the lease, and is busy
            first.round()
            receiver.wait_for(2)
            houses[1].catalog.create_model("c")
            for house in houses:  # the first says nothing any more: its lease runs out
                house.clock.forward(seconds=LEASED_FOR.total_seconds())
            second.round()
            receiver.wait_for(3)
            answering.set()
            first.close()
            second.close()
            assert settled(houses[0], hook, 3)()
            assert len({came.id for came in receiver.received}) == 3
    finally:
        for house in houses:
            house.ports.close()


def test_finished_deliveries_are_forgotten_in_time(open_house: House) -> None:
    with receiving() as receiver:
        hook = webhook(open_house, receiver)
        open_house.catalog.create_model("a")
        deliver(open_house, until=settled(open_house, hook, 1))
        open_house.clock.forward(days=8)
        open_house.catalog.create_model("b")
        deliver(open_house, until=lambda: len(receiver.received) == 2)
        names = [d.body for d in open_house.webhooks.deliveries(hook.uuid).items]
        assert len(names) == 1
        assert '"b"' in names[0]
