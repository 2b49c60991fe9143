"""Many at once: changes to one model are serial, and nobody's change is lost."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Barrier
from typing import Final, TypeVar

from muniment.domain.activities import ActivityKind
from muniment.domain.entities import ReferenceKind
from muniment.errors import AlreadyExists, Conflict, MunimentError
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    alias_of,
    change_model,
    entry_of,
    held,
    history,
    model_of,
    name_key,
    stored,
    stored_version,
    version_of,
)
from muniment.storage.metadata import MetadataStore, Remembered, Transaction

T = TypeVar("T")
THREADS: Final = 16
ROUNDS: Final = 5


def at_once(*works: Callable[[], T]) -> list[T]:
    """Run all works in threads that start together; return their results."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def refusal(work: Callable[[], object]) -> MunimentError | None:
    """Run a work; return the error that it ended with, if it is one of ours."""
    try:
        work()
    except MunimentError as error:
        return error
    return None


def next_version(tx: Transaction) -> int:
    """Add the version after the last one, as services do."""
    model = held(tx)
    number = model.last_number + 1
    tx.add_version(version_of(model.name, number))
    tx.record(entry_of(ActivityKind.VERSION_CREATED, version=number))
    tx.save_model(
        replace(model, last_number=number, version_count=model.version_count + 1, latest=number)
    )
    return number


def check_numbered(store: MetadataStore, name: str, numbers: Sequence[int], count: int) -> None:
    """Assert that versions 1 to `count` were made, each once, and that history says the same."""
    model = stored(store, name)
    assert sorted(numbers) == list(range(1, count + 1))
    assert (model.last_number, model.version_count, model.latest) == (count, count, count)
    created = history(store, model)[1:]
    assert [activity.version for activity in created] == list(range(1, count + 1))
    assert all(store.version(WORKSPACE, name, number) for number in numbers)


class ThreadsSuite(MetadataContract):
    """`transact` from many threads."""

    def test_threads_that_add_to_one_model_leave_no_gap_and_no_duplicate(
        self, store: MetadataStore
    ) -> None:
        add_model(store, "m")

        def work() -> list[int]:
            return [store.transact(name_key("m"), next_version) for _ in range(ROUNDS)]

        numbers = [*chain.from_iterable(at_once(*[work] * THREADS))]
        check_numbered(store, "m", numbers, THREADS * ROUNDS)

    def test_threads_that_use_two_openings_of_one_store_do_not_either(self, tmp_path: Path) -> None:
        stores = [self.open_store(tmp_path / "store") for _ in range(2)]
        try:
            stores[0].ensure_workspace(WORKSPACE, NOON)
            add_model(stores[0], "m")

            def work(store: MetadataStore) -> list[int]:
                return [store.transact(name_key("m"), next_version) for _ in range(ROUNDS)]

            works = [lambda store=store: work(store) for store in stores * 4]
            numbers = [*chain.from_iterable(at_once(*works))]
            check_numbered(stores[1], "m", numbers, 8 * ROUNDS)
        finally:
            for store in stores:
                store.close()

    def test_threads_that_add_to_models_of_their_own_do_not_disturb_each_other(
        self, store: MetadataStore
    ) -> None:
        names = [f"model-{n}" for n in range(THREADS)]
        for name in names:
            add_model(store, name)

        def work(name: str) -> list[int]:
            return [store.transact(name_key(name), next_version) for _ in range(ROUNDS)]

        results = at_once(*[lambda name=name: work(name) for name in names])
        for name, numbers in zip(names, results, strict=True):
            check_numbered(store, name, numbers, ROUNDS)

    def test_failing_threads_leave_nothing_among_those_that_succeed(
        self, store: MetadataStore
    ) -> None:
        add_model(store, "m")

        def succeed() -> int | None:
            return store.transact(name_key("m"), next_version)

        def fail() -> int | None:
            def decide(tx: Transaction) -> None:
                next_version(tx)
                raise Conflict("no")

            assert isinstance(refusal(lambda: store.transact(name_key("m"), decide)), Conflict)
            return None

        for _ in range(ROUNDS):
            at_once(*[succeed, fail] * (THREADS // 2))
        count = ROUNDS * THREADS // 2
        check_numbered(store, "m", range(1, count + 1), count)

    def test_one_of_many_threads_creates_a_model(self, store: MetadataStore) -> None:
        for n in range(ROUNDS):
            name = f"m{n}"
            errors = at_once(*[lambda n=name: refusal(lambda: add_model(store, n))] * THREADS)
            assert errors.count(None) == 1
            assert {type(error) for error in errors if error} == {AlreadyExists}
            assert len(history(store, stored(store, name))) == 1

    def test_one_of_many_models_takes_a_slug(self, store: MetadataStore) -> None:
        works = [
            lambda n=n: refusal(lambda: add_model(store, model_of(f"m{n}", slug="same")))
            for n in range(THREADS)
        ]
        errors = at_once(*works)
        assert errors.count(None) == 1
        assert {type(error) for error in errors if error} == {AlreadyExists}
        assert len(list(store.all_models())) == 1

    def test_one_of_many_threads_takes_a_label(self, store: MetadataStore) -> None:
        add_model(store, "m")

        def decide(tx: Transaction) -> None:
            if tx.version_by_label("1.0"):
                raise AlreadyExists("taken")
            number = next_version(tx)
            version = tx.version(number)
            assert version is not None
            tx.save_version(replace(version, label="1.0"))

        works = [lambda: refusal(lambda: store.transact(name_key("m"), decide))] * THREADS
        errors = at_once(*works)
        assert errors.count(None) == 1
        check_numbered(store, "m", [1], 1)

    def test_a_rename_and_a_creation_race_for_one_name(self, store: MetadataStore) -> None:
        for n in range(2 * ROUNDS):
            old, new = f"old-{n}", f"new-{n}"
            add_model(store, old)
            errors = at_once(
                lambda: refusal(
                    lambda: change_model(store, name_key(old), name=new, slug=new)  # noqa: B023
                ),
                lambda: refusal(lambda: add_model(store, new)),  # noqa: B023
            )
            assert errors.count(None) == 1
            assert {type(error) for error in errors if error} == {AlreadyExists}
            names = {model.name for model in store.all_models()}
            assert new in names
            assert (old in names) == (errors[1] is None)

    def test_two_models_that_swap_names_do_not_block_each_other(self, store: MetadataStore) -> None:
        for n in range(ROUNDS):
            a, b = f"a-{n}", f"b-{n}"
            add_model(store, a)
            add_model(store, b)
            errors = at_once(
                lambda: refusal(lambda: change_model(store, name_key(a), name=b)),  # noqa: B023
                lambda: refusal(lambda: change_model(store, name_key(b), name=a)),  # noqa: B023
            )
            assert {type(error) for error in errors} == {AlreadyExists}

    def test_compare_and_swap_of_an_alias_is_won_by_one(self, store: MetadataStore) -> None:
        add_model(store, "m")
        for _ in range(THREADS):
            store.transact(name_key("m"), next_version)
        store.transact(name_key("m"), lambda tx: tx.save_reference(alias_of("champion", 1)))

        def swap(number: int) -> bool:
            def decide(tx: Transaction) -> bool:
                present = tx.reference(ReferenceKind.ALIAS, "champion")
                if present is None or present.revision != 1:
                    return False
                tx.save_reference(alias_of("champion", number, revision=2))
                return True

            return store.transact(name_key("m"), decide)

        won = at_once(*[lambda n=n: swap(n) for n in range(1, THREADS + 1)])
        assert won.count(True) == 1
        winner = won.index(True) + 1
        assert stored(store, "m").aliases == {"champion": winner}
        for number in range(1, THREADS + 1):
            aliases = ("champion",) if number == winner else ()
            assert stored_version(store, "m", number).aliases == aliases

    def test_an_idempotency_key_makes_one_version(self, store: MetadataStore) -> None:
        add_model(store, "m")

        def decide(tx: Transaction) -> int:
            done = tx.remembered("key")
            if done is not None:
                assert done.number is not None
                return done.number
            number = next_version(tx)
            tx.remember(Remembered("key", "request", number, NOON))
            return number

        numbers = at_once(*[lambda: store.transact(name_key("m"), decide)] * THREADS)
        assert numbers == [1] * THREADS
        check_numbered(store, "m", [1], 1)

    def test_readers_see_whole_changes_only(self, store: MetadataStore) -> None:
        add_model(store, "m")

        def write() -> None:
            for _ in range(4 * ROUNDS):
                store.transact(name_key("m"), next_version)

        def read() -> None:
            last = 0
            while last < 4 * ROUNDS:
                model = stored(store, "m")
                assert model.last_number == model.version_count == model.activity_count - 1
                assert model.last_number >= last
                last = model.last_number
                assert last == 0 or store.version(WORKSPACE, "m", last) is not None

        at_once(write, read, read, read)

    def test_a_workspace_is_made_once_by_many(self, store: MetadataStore) -> None:
        made = at_once(*[lambda: store.ensure_workspace("team", NOON)] * THREADS)
        assert len({workspace.id for workspace in made}) == 1
