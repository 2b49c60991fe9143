"""Group commit: what shares a transaction shares nothing else."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from muniment.errors import MunimentError, NotFound, Unavailable
from muniment.storage.conformance.metadata.contract import (
    NOON,
    add_model,
    entry_of,
    held,
    history,
    name_key,
    stored,
    version_of,
)
from muniment.storage.metadata import Transaction
from muniment.storage.sql import writer
from muniment.storage.sql.store import SqlMetadataStore


class Gate:
    """Holds the writing thread inside one transaction until it is opened."""

    def __init__(self, store: SqlMetadataStore, pool: ThreadPoolExecutor) -> None:
        self._inside, self._open = threading.Event(), threading.Event()
        self.done = pool.submit(store.transact, name_key("gate"), self._wait)
        assert self._inside.wait(30)

    def _wait(self, _: Transaction) -> None:
        self._inside.set()
        assert self._open.wait(30)

    def open(self) -> None:
        self._open.set()


def together(
    store: SqlMetadataStore, decisions: list[Callable[[Transaction], Any]]
) -> list[Future[Any]]:
    """Run the decisions on the model `m` in as few transactions as group commit makes of them."""
    with ThreadPoolExecutor(len(decisions) + 1) as pool:
        gate = Gate(store, pool)
        futures = [pool.submit(store.transact, name_key("m"), decide) for decide in decisions]
        while store._engine._writer._queue.qsize() < len(decisions):  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
        gate.open()
    return futures


def adding(number: int) -> Callable[[Transaction], int]:
    def decide(tx: Transaction) -> int:
        tx.add_version(version_of("m", number))
        return number

    return decide


def failing(error: BaseException) -> Callable[[Transaction], None]:
    def decide(tx: Transaction) -> None:
        adding(1_000)(tx)
        raise error

    return decide


def numbers(store: SqlMetadataStore) -> list[int]:
    found = (n for n in (*range(1, 40), 1_000) if store.version("default", "m", n))
    return list(found)


def test_one_that_fails_among_many_is_undone_alone(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    error = KeyError("mine")
    decisions = [adding(n) for n in range(1, 20)]
    futures = together(store, [*decisions[:9], failing(error), *decisions[9:]])

    assert futures[9].exception() is error
    assert [f.result() for f in futures if f is not futures[9]] == list(range(1, 20))
    assert numbers(store) == list(range(1, 20))


def test_works_are_made_again_only_if_one_has_changed_something_and_failed(
    store: SqlMetadataStore,
) -> None:
    add_model(store, "m")
    made: list[int] = []

    def counting(number: int) -> Callable[[Transaction], int]:
        def decide(tx: Transaction) -> int:
            made.append(number)
            return adding(number)(tx)

        return decide

    def refused(tx: Transaction) -> None:
        raise KeyError("nothing was changed")

    def in_turn(*decisions: Callable[[Transaction], Any]) -> list[End]:
        with ThreadPoolExecutor(1) as pool:
            gate, ends = Gate(store, pool), [End() for _ in decisions]
            for decide, end in zip(decisions, ends, strict=True):
                store.submit(partial(store.transact, name_key("m"), decide), end)
            gate.open()
        return ends

    first, nothing, second = in_turn(counting(1), refused, counting(2))
    with pytest.raises(KeyError, match="nothing"):
        nothing.result()
    assert (first.result(), second.result(), made, numbers(store)) == (1, 2, [1, 2], [1, 2])

    third, mine, nothing, fourth = in_turn(
        counting(3), failing(KeyError("mine")), refused, counting(4)
    )
    for end, said in ((mine, "mine"), (nothing, "nothing")):
        with pytest.raises(KeyError, match=said):
            end.result()
    assert (third.result(), fourth.result()) == (3, 4)
    assert (made, numbers(store)) == ([1, 2, 3, 3, 4], [1, 2, 3, 4])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_what_would_end_a_thread_ends_only_its_transaction(
    store: SqlMetadataStore, error: BaseException
) -> None:
    add_model(store, "m")
    with pytest.raises(type(error)):
        store.transact(name_key("m"), failing(error))
    futures = together(store, [adding(1), failing(error), adding(2)])

    assert type(futures[1].exception()) is type(error)
    assert numbers(store) == [1, 2]


def test_nobody_is_told_of_success_before_the_commit(
    store: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")

    def refuse(self: Any) -> None:
        raise Unavailable("The commit was refused.")

    monkeypatch.setattr(writer._Writing, "commit", refuse)
    futures = together(store, [adding(n) for n in range(1, 6)])

    assert [str(f.exception()) for f in futures] == ["The commit was refused."] * 5
    monkeypatch.undo()
    assert numbers(store) == []
    assert store.transact(name_key("m"), adding(7)) == 7
    assert numbers(store) == [7]


def test_a_transaction_that_was_lost_is_no_success(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def lose(tx: Transaction) -> None:
        tx._session.driver.execute("ROLLBACK")  # type: ignore[attr-defined]

    futures = together(store, [adding(1), lose, adding(2)])
    assert isinstance(futures[0].exception(), MunimentError)
    assert isinstance(futures[1].exception(), MunimentError)
    assert futures[2].result() == 2
    assert numbers(store) == [2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_if_the_writing_thread_dies_everybody_hears_of_it(
    store: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")

    def die(self: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(writer._Writing, "commit", die)
    futures = together(store, [adding(n) for n in range(1, 4)])

    for future in futures:
        assert isinstance(future.exception(), Unavailable)
    with pytest.raises(Unavailable, match="has ended"):
        store.transact(name_key("m"), adding(9))
    with pytest.raises(Unavailable, match="has ended"):
        store.ping()


def test_a_write_that_waits_for_another_is_refused(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    with pytest.raises(RuntimeError, match="wait for itself"):
        store.transact(name_key("m"), lambda tx: store.ensure_workspace("other", NOON))


def test_closing_finishes_what_was_accepted_and_refuses_the_rest(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    with ThreadPoolExecutor(8) as pool:
        gate = Gate(store, pool)
        accepted = [pool.submit(store.transact, name_key("m"), adding(n)) for n in range(1, 5)]
        while store._engine._writer._queue.qsize() < 4:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
        closing = pool.submit(store.close)
        while not store._engine._writer._refusal:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
        with pytest.raises(Unavailable, match="closed"):
            store.transact(name_key("m"), adding(9))
        gate.open()
        closing.result(30)
        assert [future.result() for future in accepted] == [1, 2, 3, 4]
    with pytest.raises(Unavailable, match="closed"):
        store.model(name_key("m"))
    store.close()


def test_closing_ends_though_the_last_commit_fails(
    store: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")
    with ThreadPoolExecutor(2) as pool:
        gate = Gate(store, pool)
        closing = pool.submit(store.close)
        while not store._engine._writer._refusal:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)

        def refuse(self: Any) -> None:
            raise Unavailable("The commit was refused.")

        monkeypatch.setattr(writer._Writing, "commit", refuse)
        gate.open()
        closing.result(30)
        assert isinstance(gate.done.exception(), Unavailable)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_is_told_to_open_the_store_itself(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    child = os.fork()
    if child == 0:
        try:
            store.transact(name_key("m"), adding(1))
        except Unavailable as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_that_add_versions_leave_no_gap(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def add_next(_: int) -> int:
        def decide(tx: Transaction) -> int:
            model = held(tx)
            number = model.last_number + 1
            tx.add_version(version_of("m", number))
            tx.save_model(replace(model, last_number=number))
            return number

        return store.transact(name_key("m"), decide)

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(add_next, range(320)))
    assert sorted(made) == list(range(1, 321))


def test_a_model_without_history_is_refused_by_name(store: SqlMetadataStore) -> None:
    with pytest.raises(NotFound, match="no model"):
        store.transact(name_key("nobody"), lambda tx: tx.add_version(version_of("nobody", 1)))


class End:
    """What is heard of a call."""

    def __init__(self) -> None:
        self._heard: Future[Any] = Future()

    def __call__(self, result: Any, error: BaseException | None) -> None:
        if error is None:
            self._heard.set_result(result)
        else:
            self._heard.set_exception(error)

    def result(self) -> Any:
        return self._heard.result(30)


def added_by(store: SqlMetadataStore, *new: int) -> list[int]:
    """Add versions, each in a transaction of its own; return what can be seen then."""
    for number in new:
        store.transact(name_key("m"), adding(number))
    return numbers(store)


def test_a_call_sees_what_it_has_written_and_ends_when_that_is_durable(
    store: SqlMetadataStore,
) -> None:
    add_model(store, "m")
    seen_elsewhere: list[list[int]] = []

    def call() -> list[int]:
        seen = added_by(store, 1, 2)
        with ThreadPoolExecutor(1) as other:
            seen_elsewhere.append(other.submit(numbers, store).result(30))
        return seen

    end = End()
    assert store.submit(call, end)
    assert end.result() == [1, 2]
    assert seen_elsewhere == [[]]
    assert numbers(store) == [1, 2]


def test_a_change_that_fails_within_a_call_is_undone_alone(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def call() -> list[int]:
        added_by(store, 1)
        with pytest.raises(KeyError):
            store.transact(name_key("m"), failing(KeyError("mine")))
        return added_by(store, 2)

    end = End()
    store.submit(call, end)
    assert end.result() == numbers(store) == [1, 2]


def test_a_call_that_fails_keeps_the_changes_that_it_had_made(store: SqlMetadataStore) -> None:
    add_model(store, "m")

    def call() -> None:
        added_by(store, 1)
        raise KeyError("mine")

    end = End()
    store.submit(call, end)
    with pytest.raises(KeyError, match="mine"):
        end.result()
    assert numbers(store) == [1]


def test_a_call_takes_a_snapshot_among_its_own_changes(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    model = stored(store, "m")

    def staged() -> list[int]:
        return [v.version for v in store.newest_in_stages("default", [model.id])]

    def call() -> tuple[list[int], list[int]]:
        before = staged()
        added_by(store, 1)
        return before, staged()

    end = End()
    store.submit(call, end)
    assert end.result() == ([], [1])


def test_a_call_hears_of_a_commit_that_fails(
    store: SqlMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")

    def refuse(self: Any) -> None:
        raise Unavailable("The commit was refused.")

    monkeypatch.setattr(writer._Writing, "commit", refuse)
    end = End()
    store.submit(lambda: added_by(store, 1), end)
    with pytest.raises(Unavailable, match="refused"):
        end.result()
    assert numbers(store) == []


def test_no_change_of_a_call_outlives_the_transaction_that_it_was_in(
    store: SqlMetadataStore,
) -> None:
    add_model(store, "m")

    def lose(tx: Transaction) -> None:
        tx._session.driver.execute("ROLLBACK")  # type: ignore[attr-defined]

    def call() -> str:
        added_by(store, 1)
        with pytest.raises(Unavailable, match="lost"):
            store.transact(name_key("m"), lose)
        return "all is well"

    end = End()
    store.submit(call, end)
    with pytest.raises(Unavailable, match="lost"):
        end.result()
    assert numbers(store) == []
    assert added_by(store, 2) == [2]


def test_a_closed_store_takes_no_call(store: SqlMetadataStore) -> None:
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.submit(lambda: None, End())


def add_entry(tx: Transaction) -> None:
    tx.record(entry_of())


def test_history_survives_a_failed_neighbour(store: SqlMetadataStore) -> None:
    add_model(store, "m")
    futures = together(
        store,
        [add_entry, failing(ValueError("no")), add_entry],
    )
    assert [type(f.exception()) for f in futures] == [type(None), ValueError, type(None)]
    assert len(history(store, stored(store, "m"))) == 3
