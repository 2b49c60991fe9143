"""The audit log in MongoDB: what slow processes do to it, and how much fits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.errors import LimitExceeded
from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts.audit import EMPTY, entries, verified
from muniment.storage.conformance.metadata.contract import entry_of, later
from muniment.storage.mongo import open_mongo
from muniment.storage.mongo.accounts import MongoAccountStore


@pytest.fixture
def accounts(mongodb_url: str) -> Iterator[MongoAccountStore]:
    store = open_mongo(mongodb_url)
    yield store.accounts
    store.close()


def sequences(accounts: AccountStore) -> list[int]:
    return [activity.sequence for activity in verified(accounts)]


def test_who_sleeps_while_others_append_and_prune_changes_nothing(
    accounts: MongoAccountStore,
) -> None:
    accounts.record_audit(entries(1, 1))
    log = accounts._audit
    seen = log._state()
    accounts.record_audit(entries(2))
    accounts.record_audit(entries(3))
    assert accounts.prune_audit(later(3)) == 3
    log._copy_tail(seen)
    assert sequences(accounts) == [4]
    assert not log._swap(seen, {"count": 3})
    assert not log._cut(1, 2, "")
    accounts.record_audit(entries(4))
    assert accounts.prune_audit(later(4)) == 1
    assert sequences(accounts) == [5]
    assert log._batches.find_one({"last": {"$lt": 4}}) is None  # the slow one's copy is gone, too


def test_a_cut_within_a_batch_hides_its_beginning(accounts: MongoAccountStore) -> None:
    accounts.record_audit(entries(1, 2, 3))
    accounts.record_audit(entries(4, 5))
    assert accounts.prune_audit(later(3)) == 2
    assert sequences(accounts) == [3, 4, 5]
    newest = accounts.audit(after=5, limit=9, newest_first=True)
    assert [activity.sequence for activity in newest] == [4, 3]
    assert accounts.prune_audit(later(5)) == 2
    assert sequences(accounts) == [5]


def test_what_is_too_large_for_a_document_is_refused_and_leaves_nothing(
    accounts: MongoAccountStore,
) -> None:
    large = [entry_of(comment="x" * 9_000_000)] * 2
    with pytest.raises(LimitExceeded):
        accounts.record_audit(large)
    assert accounts.audit_head() == EMPTY
    accounts.record_audit(entries(1))
    with pytest.raises(LimitExceeded):
        accounts.record_audit(large)
    accounts.record_audit(entries(2))
    assert sequences(accounts) == [1, 2]
