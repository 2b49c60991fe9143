"""The audit log: one chain, whoever writes, whatever is cut off."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from muniment.domain.activities import Activity, Entry, verify_chain
from muniment.errors import Conflict, Corrupt
from muniment.storage.accounts import AUDIT, AccountStore, AuditHead
from muniment.storage.conformance.accounts.contract import AccountContract
from muniment.storage.conformance.metadata.contract import entry_of, later
from muniment.storage.conformance.metadata.threads import ROUNDS, THREADS, at_once

EMPTY = AuditHead(first=1, count=0, base="", head="")


def entries(*seconds: float) -> list[Entry]:
    """Return entries of these times."""
    return [entry_of(at=later(second), comment=f"at {second}") for second in seconds]


def verified(accounts: AccountStore) -> list[Activity]:
    """Return the whole log, once it is verified."""
    head, log = accounts.audit_head(), list(accounts.audit(limit=100_000))
    verify_chain(log, count=head.count, head=head.head, first=head.first, base=head.base)
    return log


class AuditSuite(AccountContract):
    """The audit log."""

    def test_there_is_nothing_in_a_new_log(self, accounts: AccountStore) -> None:
        assert accounts.audit_head() == EMPTY
        assert verified(accounts) == []
        accounts.record_audit([])
        assert accounts.prune_audit(later(1)) == 0
        assert accounts.audit_head() == EMPTY

    def test_an_entry_is_read_back_as_it_was_recorded(self, accounts: AccountStore) -> None:
        details = {"address": "::1", "n": 2**70, "x": 0.1, "list": [None, True, "Ünï 模型"]}
        entry = entry_of(version=3, comment="why\x00", details=details)
        accounts.record_audit([entry, entry_of(actor="🦆")])
        first, second = verified(accounts)
        assert (first.kind, first.actor, first.at) == (entry.kind.value, "ann", entry.at)
        assert (first.version, first.comment, first.details) == (3, "why\x00", details)
        assert (first.model_uuid, first.sequence, first.previous) == (AUDIT, 1, "")
        assert (second.actor, second.sequence, second.previous) == ("🦆", 2, first.hash)
        assert accounts.audit_head() == AuditHead(1, 2, "", second.hash)

    def test_the_chain_goes_on_from_call_to_call_and_from_opening_to_opening(
        self, tmp_path: Path
    ) -> None:
        for opening in range(3):
            metadata, accounts = self.open_stores(tmp_path / "reopened")
            accounts.record_audit(entries(opening))
            accounts.record_audit(entries(opening, opening))
            assert len(verified(accounts)) == 3 * (opening + 1)
            metadata.close()

    def test_an_entry_that_was_changed_no_longer_verifies(self, accounts: AccountStore) -> None:
        accounts.record_audit(entries(1, 2, 3))
        head, log = accounts.audit_head(), list(accounts.audit(limit=10))
        log[1] = replace(log[1], actor="eve")
        with pytest.raises(Corrupt, match="entry 2"):
            verify_chain(log, count=head.count, head=head.head)

    def test_the_log_is_read_in_pieces_from_both_ends(self, accounts: AccountStore) -> None:
        accounts.record_audit(entries(*range(5)))

        def read(after: int, *, newest_first: bool = False) -> list[int]:
            found = accounts.audit(after=after, limit=2, newest_first=newest_first)
            return [activity.sequence for activity in found]

        assert [read(0), read(2), read(4), read(5)] == [[1, 2], [3, 4], [5], []]
        newest = [read(after, newest_first=True) for after in (0, 4, 2, 1)]
        assert newest == [[5, 4], [3, 2], [1], []]

    def test_entries_that_cannot_all_be_recorded_leave_nothing(
        self, accounts: AccountStore
    ) -> None:
        accounts.record_audit(entries(1))
        head = accounts.audit_head()
        with pytest.raises(ValueError, match="JSON"):
            accounts.record_audit([*entries(2), entry_of(details={"x": float("nan")})])
        assert accounts.audit_head() == head
        assert len(verified(accounts)) == 1

    # -- many at once ----------------------------------------------------------------------------

    def test_threads_that_record_at_once_make_one_chain(self, accounts: AccountStore) -> None:
        def work(n: int) -> None:
            for round_ in range(ROUNDS):
                pair = [entry_of(actor=f"a{n}", version=2 * round_ + half) for half in (0, 1)]
                accounts.record_audit(pair)

        at_once(*[partial(work, n) for n in range(THREADS)])
        log = verified(accounts)
        assert len(log) == 2 * ROUNDS * THREADS
        for n in range(THREADS):  # nothing lost, nothing moved, no pair torn apart
            own = [entry for entry in log if entry.actor == f"a{n}"]
            assert [entry.version for entry in own] == list(range(2 * ROUNDS))
            for one, other in zip(own[::2], own[1::2], strict=True):
                assert other.sequence == one.sequence + 1

    def test_two_openings_of_one_store_make_one_chain(self, tmp_path: Path) -> None:
        stores = [self.open_stores(tmp_path / "shared") for _ in range(2)]
        try:

            def work(accounts: AccountStore) -> None:
                for _ in range(ROUNDS):
                    accounts.record_audit(entries(1))

            at_once(*[partial(work, accounts) for _, accounts in stores * (THREADS // 2)])
            for _, accounts in stores:
                assert len(verified(accounts)) == ROUNDS * THREADS
        finally:
            for metadata, _ in stores:
                metadata.close()

    def test_the_chain_holds_while_its_beginning_is_cut_off(self, accounts: AccountStore) -> None:
        def record() -> int:
            for second in range(ROUNDS):
                accounts.record_audit(entries(second, second))
            return 0

        def prune() -> int:
            return sum(accounts.prune_audit(later(ROUNDS - 1)) for _ in range(ROUNDS))

        cut = sum(at_once(*[record, prune] * (THREADS // 2)))
        log = verified(accounts)
        assert len(log) + cut == ROUNDS * THREADS
        assert log[0].sequence == accounts.audit_head().first == cut + 1

    # -- cutting off -----------------------------------------------------------------------------

    def test_what_is_left_of_a_pruned_log_verifies(self, accounts: AccountStore) -> None:
        accounts.record_audit(entries(*range(6)))
        whole = verified(accounts)
        assert accounts.prune_audit(later(2)) == 2
        assert verified(accounts) == whole[2:]
        assert accounts.audit_head() == AuditHead(3, 6, whole[1].hash, whole[5].hash)
        assert accounts.prune_audit(later(2)) == 0
        accounts.record_audit(entries(6))
        assert accounts.prune_audit(later(4)) == 2
        assert [entry.sequence for entry in verified(accounts)] == [5, 6, 7]
        assert list(accounts.audit(limit=1)) == [whole[4]]

    def test_the_last_entry_is_never_cut_off(self, accounts: AccountStore) -> None:
        accounts.record_audit(entries(*range(4)))
        last = verified(accounts)[-1]
        assert accounts.prune_audit(later(100)) == 3
        assert accounts.prune_audit(later(100)) == 0
        assert verified(accounts) == [last]
        accounts.record_audit(entries(4))
        assert [entry.sequence for entry in verified(accounts)] == [4, 5]

    def test_only_the_beginning_is_cut_off_whatever_clocks_said(
        self, accounts: AccountStore
    ) -> None:
        accounts.record_audit(entries(0, 9, 1, 2, 10))
        assert accounts.prune_audit(later(5)) == 1
        assert [entry.sequence for entry in verified(accounts)] == [2, 3, 4, 5]

    def test_a_long_log_is_cut_off_whole(self, accounts: AccountStore) -> None:
        accounts.record_audit(entries(*range(12_000)))
        assert accounts.prune_audit(later(11_990)) == 11_990
        assert [entry.at for entry in verified(accounts)] == [
            later(second) for second in range(11_990, 12_000)
        ]

    def test_a_log_that_moved_here_goes_on_where_it_was_cut_off(
        self, accounts: AccountStore
    ) -> None:
        base = "b" * 64
        accounts.begin_audit(8, base)
        assert accounts.audit_head() == AuditHead(8, 7, base, base)
        assert verified(accounts) == []
        accounts.begin_audit(9, base)
        accounts.record_audit(entries(1, 2))
        first, second = verified(accounts)
        assert (first.sequence, first.previous, second.sequence) == (9, base, 10)
        with pytest.raises(Conflict):
            accounts.begin_audit(1, "")
        assert accounts.audit_head() == AuditHead(9, 10, base, second.hash)
