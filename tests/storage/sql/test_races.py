"""PostgreSQL: many at once, where no row of a model keeps them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep

import psycopg
import pytest

from muniment.domain.activities import verify_chain
from muniment.domain.deployments import Use, UseKind
from muniment.domain.files import StoredFile
from muniment.errors import MissingBlobs
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_blobs,
    add_model,
    add_version,
    entry_of,
    later,
    manifest_of,
    name_key,
    seal,
    stored,
    version_of,
)
from muniment.storage.conformance.metadata.threads import at_once, refusal
from muniment.storage.metadata import Transaction
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.store import SqlMetadataStore

MANIFEST = manifest_of("a", "b")


@pytest.fixture
def stores(postgres_url: str) -> Iterator[list[SqlMetadataStore]]:
    """Yield two openings of one database, as two processes have them."""
    stores = [open_postgres(postgres_url) for _ in range(2)]
    stores[0].ensure_workspace(WORKSPACE, NOON)
    yield stores
    for store in stores:
        store.close()


def wait_for_waiting(url: str) -> None:
    """Return when a session of the database waits for a lock."""
    asked = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = monotonic() + 20
        while connection.execute(asked).fetchone() is None:
            assert monotonic() < deadline, "nobody waits"
            sleep(0.01)


def test_first_uses_are_all_counted(stores: list[SqlMetadataStore]) -> None:
    model = add_model(stores[0], "m")
    for number in range(1, 6):
        add_version(stores[0], version_of("m", number))
        use = Use("m", number, "job", True, UseKind.DOWNLOAD, NOON, NOON, 1, model.id)
        at_once(*[partial(store.add_uses, [use]) for store in stores * 4])
    counted = stores[0].uses(WORKSPACE, model_id=model.id, limit=100)
    assert sorted((use.version, use.count) for use in counted) == [(n, 8) for n in range(1, 6)]


def test_the_first_entries_of_the_audit_log_make_one_chain(stores: list[SqlMetadataStore]) -> None:
    at_once(*[partial(store.accounts.record_audit, [entry_of()] * 3) for store in stores * 4])
    entries = list(stores[0].accounts.audit(limit=100))
    head = stores[1].accounts.audit_head()
    assert (head.first, head.count) == (1, 24)
    verify_chain(entries, count=24, head=head.head)


def test_a_blob_is_added_once(stores: list[SqlMetadataStore]) -> None:
    for n in range(5):
        digest = f"{n:064x}"
        at_once(*[partial(store.add_blob, digest, 10, later(n)) for store in stores * 4])
    assert stores[0].totals().stored_blobs == 5


def test_who_commits_first_keeps_the_blobs(
    stores: list[SqlMetadataStore], postgres_url: str
) -> None:
    """A collection that comes while a version is committed waits, then finds it."""
    committing, collecting = stores
    add_blobs(committing, MANIFEST)
    add_model(committing, "m")
    collected: list[bool] = []
    thread = Thread(
        target=lambda: collected.append(
            collecting.collect_blob(MANIFEST.files[0].digest, later(1), lambda: None)
        )
    )

    def decide(tx: Transaction) -> None:
        tx.add_manifest(MANIFEST)
        if not thread.ident:
            thread.start()
        wait_for_waiting(postgres_url)
        tx.add_version(version_of("m", 1, digest=MANIFEST.digest))

    committing.transact(name_key("m"), decide)
    thread.join()
    assert collected == [False]
    assert MANIFEST.files[0].digest in committing.known_blobs([MANIFEST.files[0].digest])


def test_a_known_manifest_keeps_its_blobs_for_the_next_version(
    stores: list[SqlMetadataStore], postgres_url: str
) -> None:
    committing, collecting = stores
    add_blobs(committing, MANIFEST)
    add_model(committing, "m")
    committing.transact(name_key("m"), lambda tx: tx.add_manifest(MANIFEST))  # and no version
    collected: list[bool] = []
    thread = Thread(
        target=lambda: collected.append(
            collecting.collect_blob(MANIFEST.files[0].digest, later(1), lambda: None)
        )
    )

    def decide(tx: Transaction) -> None:
        tx.add_manifest(MANIFEST)
        if not thread.ident:
            thread.start()
        wait_for_waiting(postgres_url)
        tx.add_version(version_of("m", 1, digest=MANIFEST.digest))

    committing.transact(name_key("m"), decide)
    thread.join()
    assert collected == [False]


def test_who_comes_while_bytes_are_removed_waits_and_finds_nothing(
    stores: list[SqlMetadataStore], postgres_url: str
) -> None:
    adding, collecting = stores
    digest = MANIFEST.files[0].digest
    add_blobs(adding, MANIFEST)
    add_model(adding, "m")
    order: list[str] = []

    def add_again() -> None:
        adding.add_blob(digest, 10, later(5))
        order.append("added")

    thread = Thread(target=add_again)

    def remove() -> None:
        assert not adding.lease_blobs([digest], later(5))
        assert isinstance(refusal(lambda: seal(adding, "m", 1, MANIFEST)), MissingBlobs)
        thread.start()
        wait_for_waiting(postgres_url)
        order.append("removed")

    assert collecting.collect_blob(digest, later(1), remove)
    thread.join()
    assert order == ["removed", "added"]
    assert adding.known_blobs([digest]) == {digest}
    seal(adding, "m", 1, MANIFEST)


def test_a_new_file_and_a_new_folder_of_its_name_exclude_each_other(
    stores: list[SqlMetadataStore],
) -> None:
    digest = MANIFEST.files[0].digest
    add_blobs(stores[0], MANIFEST)
    plain = StoredFile(WORKSPACE, "", digest, 10, NOON, "ann")
    for n in range(10):
        errors = at_once(
            lambda: refusal(lambda: stores[0].put_file(replace(plain, path=f"{n}"))),  # noqa: B023
            lambda: refusal(lambda: stores[1].put_file(replace(plain, path=f"{n}/x/y"))),  # noqa: B023
        )
        assert errors.count(None) == 1
        assert len(stores[0].files(WORKSPACE, "", limit=100)) == n + 1


def test_one_change_of_a_model_waits_for_the_other_and_others_do_not(
    stores: list[SqlMetadataStore],
) -> None:
    add_model(stores[0], "a")
    add_model(stores[0], "b")
    inside, go_on = Event(), Event()

    def decide(tx: Transaction) -> None:
        inside.set()
        assert go_on.wait(20)
        tx.record(entry_of())

    thread = Thread(target=lambda: stores[0].transact(name_key("a"), decide))
    thread.start()
    inside.wait()
    stores[1].transact(name_key("b"), lambda tx: tx.record(entry_of()))
    assert stored(stores[1], "a").activity_count == 1  # who reads doesn't wait
    go_on.set()
    stores[1].transact(name_key("a"), lambda tx: tx.record(entry_of()))
    thread.join()
    assert stored(stores[1], "a").activity_count == 3
