"""A process may die before any of its writes: whoever comes next finishes what it has begun."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from muniment.domain.activities import verify_chain
from muniment.domain.webhooks import DeliveryState
from muniment.errors import AlreadyExists
from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts.contract import user_of
from muniment.storage.conformance.crashes import End, Mortal, live
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_blobs,
    add_model,
    apply,
    digest,
    entry_of,
    later,
    name_key,
)
from muniment.storage.conformance.metadata.deaths import (
    MANIFEST,
    check_whole,
    commit,
    life_of_a_collection,
)
from muniment.storage.conformance.metadata.threads import refusal
from muniment.storage.conformance.webhooks.contract import delivery_of, webhook_of
from muniment.storage.mongo.store import MongoMetadataStore
from muniment.storage.webhooks import Dispatch
from tests.storage.mongo.dying import open_at, open_mortal

pytestmark = pytest.mark.usefixtures("mongodb")


def deaths(
    tmp_path: Path,
    prepare: Callable[[MongoMetadataStore], None],
    life: Callable[[Mortal, Path], None],
) -> Iterator[tuple[End, MongoMetadataStore]]:
    """Yield how a life ended that was cut off at its first write, its second, … and a store.

    The store was open all the time: what is left unfinished, it meets in the middle of its work.
    """
    for moment in itertools.count(1):
        path = tmp_path / str(moment)
        store = open_at(path)
        try:
            store.ensure_workspace(WORKSPACE, NOON)
            prepare(store)
            end = live(moment, life, path)
            yield end, store
        finally:
            store.close()
        if end is End.LIVED:
            return


# -- models --------------------------------------------------------------------------------------


def prepare_model(store: MongoMetadataStore) -> None:
    add_blobs(store, MANIFEST)
    add_model(store, "m")
    store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, lambda: None))


def life_of_a_commit(mortal: Mortal, path: Path) -> None:
    store = open_mortal(mortal, path)
    store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, lambda: None))
    mortal.acknowledge()


def test_a_change_of_a_model_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    for end, store in deaths(tmp_path, prepare_model, life_of_a_commit):
        number = store.transact(name_key("m"), lambda tx: commit(tx, MANIFEST, lambda: None))
        assert number in ((2, 3) if end is End.DIED else (3,))
        assert check_whole(store, "m") == number


def life_of_a_creation(mortal: Mortal, path: Path) -> None:
    add_model(open_mortal(mortal, path), "m")
    mortal.acknowledge()


def test_a_name_is_free_or_its_models(tmp_path: Path) -> None:
    for end, store in deaths(tmp_path, lambda store: None, life_of_a_creation):
        error = refusal(partial(add_model, store, "m"))
        assert isinstance(error, AlreadyExists) or end is End.DIED
        assert check_whole(store, "m") == 0


def prepare_garbage(store: MongoMetadataStore) -> None:
    prepare_model(store)
    store.add_blob(digest("garbage"), 10, NOON)


def life_of_the_collector(mortal: Mortal, path: Path) -> None:
    path.with_name("bytes").touch()
    life_of_a_collection(mortal, partial(open_mortal, mortal), path)


def test_a_blob_that_is_known_has_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    for end, store in deaths(tmp_path, prepare_garbage, life_of_the_collector):
        if store.known_blobs([digest("garbage")]):
            assert end is End.DIED
            assert file.exists() or file.touch() is None
        remove = partial(file.unlink, missing_ok=True)
        assert store.collect_blob(digest("garbage"), later(1), remove) is True
        assert not file.exists()
        assert not store.known_blobs([digest("garbage")])
        assert MANIFEST.digest in store.known_blobs([MANIFEST.digest])


# -- accounts ------------------------------------------------------------------------------------


def recorded(accounts: AccountStore) -> list[int | None]:
    """Return what was recorded in the audit log, once it is verified."""
    head, log = accounts.audit_head(), list(accounts.audit(limit=100))
    verify_chain(log, count=head.count, head=head.head, first=head.first, base=head.base)
    assert list(accounts.audit(limit=100, newest_first=True)) == log[::-1]
    return [entry.version for entry in log]


def record(accounts: AccountStore, *versions: int) -> None:
    accounts.record_audit([entry_of(version=version, at=later(version)) for version in versions])


def prepare_log(store: MongoMetadataStore) -> None:
    record(store.accounts, 1)
    record(store.accounts, 2, 3)


def life_of_a_log(mortal: Mortal, path: Path) -> None:
    accounts = open_mortal(mortal, path).accounts
    record(accounts, 4, 5)
    accounts.prune_audit(later(3))
    record(accounts, 6)
    mortal.acknowledge()


def test_the_audit_log_is_one_chain_of_whole_batches(tmp_path: Path) -> None:
    found = []
    for end, store in deaths(tmp_path, prepare_log, life_of_a_log):
        found.append(recorded(store.accounts))
        assert end is End.DIED or found[-1] == [3, 4, 5, 6]
        record(store.accounts, 7, 8)
        assert recorded(store.accounts) == [*found[-1], 7, 8]
        store.accounts.prune_audit(later(8))
        assert recorded(store.accounts) == [8]
    ways = [[1, 2, 3], [1, 2, 3, 4, 5], [3, 4, 5], [3, 4, 5, 6]]
    assert [way for way, _ in itertools.groupby(found)] == ways


def life_of_a_user(mortal: Mortal, path: Path) -> None:
    accounts = open_mortal(mortal, path).accounts
    ada = accounts.add_user(user_of("ada", subject="i|1"))
    accounts.save_user(replace(ada, display_name="Ada", subject="i|2"), expect=1)
    mortal.acknowledge()


def test_a_user_is_there_whole_or_can_be_added(tmp_path: Path) -> None:
    for end, store in deaths(tmp_path, lambda store: None, life_of_a_user):
        ada = store.accounts.user("ada")
        if ada is None:
            assert end is End.DIED
            ada = store.accounts.add_user(user_of("ada", subject="i|1"))
        assert ada.subject is not None
        assert store.accounts.user_by_subject(ada.subject) == ada
        assert (ada.display_name, ada.subject, ada.revision) in (("", "i|1", 1), ("Ada", "i|2", 2))


# -- webhooks ------------------------------------------------------------------------------------

SEQUENCES = [1, 2, 3]


def prepare_webhook(store: MongoMetadataStore) -> None:
    store.webhooks.add_webhook(webhook_of())
    add_model(store, "m")
    for _ in SEQUENCES[1:]:
        apply(store, "m", lambda tx: tx.record(entry_of()))


def work(store: MongoMetadataStore, seconds: float, sent: Path) -> None:
    """Dispatch and deliver all there is to, in a minute that begins at `seconds` after noon."""
    (webhook,) = store.webhooks.active_webhooks()
    while store.webhooks.has_work(later(seconds)):
        for model in store.webhooks.undispatched(10):
            behind = range(model.dispatched + 1, model.activity_count + 1)
            made = [delivery_of(webhook, model.model_id, sequence) for sequence in behind]
            store.webhooks.dispatch([Dispatch(model.model_id, behind[-1], made)], later(seconds))
        claimed = store.webhooks.claim(webhook.id, later(seconds), later(seconds + 60), 1)
        for delivery in claimed:
            with sent.open("a") as log:
                log.write(f"{delivery.sequence}\n")
            done = replace(
                delivery,
                state=DeliveryState.DELIVERED,
                next_at=None,
                finished_at=later(seconds),
            )
            store.webhooks.save_delivery(done, later(seconds))


def life_of_a_deliverer(mortal: Mortal, path: Path) -> None:
    work(open_mortal(mortal, path), 0, path.parent / "sent")
    mortal.acknowledge()


def test_all_is_delivered_in_order_and_only_the_last_attempt_is_repeated(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    for end, store in deaths(tmp_path, prepare_webhook, life_of_a_deliverer):
        work(store, 60, sent)
        told = [int(line) for line in sent.read_text().split()]
        sent.unlink()
        assert [sequence for sequence, _ in itertools.groupby(told)] == SEQUENCES
        assert len(told) <= len(SEQUENCES) + (end is End.DIED)
        (webhook,) = store.webhooks.active_webhooks()
        made = store.webhooks.deliveries(webhook.id, limit=10)
        assert {delivery.state for delivery in made} == {DeliveryState.DELIVERED}
        assert len(made) == len(SEQUENCES)
        assert store.webhooks.prune_deliveries(later(99)) == len(SEQUENCES)


def prepare_deliveries(store: MongoMetadataStore) -> None:
    prepare_webhook(store)
    (webhook,) = store.webhooks.active_webhooks()
    (model,) = store.webhooks.undispatched(1)
    made = [delivery_of(webhook, model.model_id, sequence) for sequence in SEQUENCES]
    store.webhooks.dispatch([Dispatch(model.model_id, SEQUENCES[-1], made)], NOON)


def life_of_a_remover(mortal: Mortal, path: Path) -> None:
    webhooks = open_mortal(mortal, path).webhooks
    (webhook,) = webhooks.active_webhooks()
    webhooks.drop_webhook(webhook.id)
    mortal.acknowledge()


def test_a_webhook_is_gone_with_its_deliveries_or_not_at_all(tmp_path: Path) -> None:
    for end, store in deaths(tmp_path, prepare_deliveries, life_of_a_remover):
        if left := store.webhooks.active_webhooks():
            assert end is End.DIED
            assert len(store.webhooks.deliveries(left[0].id, limit=10)) == len(SEQUENCES)
            assert store.webhooks.drop_webhook(left[0].id)
        store.webhooks.prune_deliveries(NOON)
        assert store._db["webhooks"].find_one() is None
        assert store._db["deliveries"].find_one() is None


def life_of_the_first(mortal: Mortal, path: Path) -> None:
    open_mortal(mortal, path).webhooks.add_webhook(webhook_of())
    mortal.acknowledge()


def test_the_first_webhook_is_there_with_all_marks_or_can_be_added(tmp_path: Path) -> None:
    def prepare(store: MongoMetadataStore) -> None:
        for name in "abc":
            add_model(store, name)

    for end, store in deaths(tmp_path, prepare, life_of_the_first):
        if not store.webhooks.active_webhooks():
            assert end is End.DIED
            store.webhooks.add_webhook(webhook_of())
        assert not store.webhooks.has_work(NOON)
        apply(store, "a", lambda tx: tx.record(entry_of()))
        assert [model.name for model in store.webhooks.undispatched(9)] == ["a"]
