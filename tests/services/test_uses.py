"""Who uses which version: noted as it happens, written together, told to who may know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.domain.access import Narrowing, Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.deployments import Use, UseKind, check_consumer
from muniment.domain.refs import parse_ref
from muniment.errors import InUse, InvalidInput, LimitExceeded, NotFound, Unavailable
from muniment.services import Observer, Ports, Services
from muniment.services.usage import observer as module
from muniment.services.waiting import MustWait, unwaiting
from muniment.storage.factory import open_folder

from .conftest import Clock, House
from .people import somebody


@pytest.fixture
def watched(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A registry that observes, and writes only when it is told to; `fraud` has two versions."""
    monkeypatch.setattr(module, "FLUSH_SECONDS", 3_600)
    observer = Observer(house.ports.metadata)
    watched = House(replace(house.ports, observer=observer), house.clock)
    for content in (b"1", b"2"):
        watched.catalog.create_version(
            "fraud", NewVersion(files=watched.files(model=content)), create_model=True
        )
    watched.catalog.set_alias("fraud", "champion", 1)
    yield watched
    observer.close()


def job(house: House, name: str) -> Services:
    return Services(house.ports, Caller("ada", consumer=name))


def flushed(house: House, **asked: object) -> list[Use]:
    assert house.ports.observer is not None
    house.ports.observer.flush()
    return list(house.uses.uses(**asked))  # type: ignore[arg-type]


def seen(uses: list[Use]) -> set[tuple[int, str, str, int]]:
    return {(use.version, use.consumer, use.kind.value, use.count) for use in uses}


def test_resolving_and_fetching_is_noted_with_first_last_and_how_often(watched: House) -> None:
    nightly = job(watched, "nightly")
    nightly.catalog.resolve(parse_ref("fraud@champion"))
    first = flushed(watched)[0]
    watched.clock.forward(hours=1)
    for ref in ("fraud@champion", "fraud/1", "fraud"):
        nightly.catalog.resolve(parse_ref(ref))
    b"".join(nightly.artifacts.read("fraud", 2, "model.bin"))
    uses = flushed(watched)
    assert seen(uses) == {
        (1, "nightly", "resolve", 3),
        (2, "nightly", "resolve", 1),
        (2, "nightly", "download", 1),
    }
    again = next(use for use in uses if (use.version, use.kind) == (1, "resolve"))
    assert again.first_at == first.first_at
    assert again.last_at - again.first_at >= timedelta(hours=1)
    assert again.named
    assert Use.from_json(again.to_json()).to_json() == again.to_json()


def test_nothing_is_written_before_a_flush(watched: House) -> None:
    for _ in range(100):
        watched.catalog.resolve(parse_ref("fraud@champion"))
    assert list(watched.uses.uses()) == []
    assert seen(flushed(watched)) == {(1, "ada", "resolve", 100)}


def test_without_a_name_of_its_own_a_consumer_is_its_user(watched: House) -> None:
    watched.catalog.resolve(parse_ref("fraud"))
    (use,) = flushed(watched)
    assert (use.consumer, use.named) == ("ada", False)


def test_looking_a_version_up_by_its_number_is_a_use_only_by_a_named_job(watched: House) -> None:
    watched.catalog.version("fraud", 1)
    job(watched, "nightly").catalog.version("fraud", 1)
    assert seen(flushed(watched)) == {(1, "nightly", "resolve", 1)}


def test_what_fails_is_no_use(watched: House) -> None:
    nightly = job(watched, "nightly")
    for attempt in (
        lambda: nightly.catalog.resolve(parse_ref("fraud@absent")),
        lambda: nightly.catalog.version("fraud", 9),
        lambda: nightly.artifacts.file("fraud", 1, "absent"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert flushed(watched) == []


def test_uses_are_found_by_model_version_consumer_and_time(watched: House) -> None:
    watched.catalog.create_version("credit", NewVersion(pending=True), create_model=True)
    for name in ("nightly", "hourly"):
        job(watched, name).catalog.resolve(parse_ref("fraud/1"))
        watched.clock.forward(hours=1)
    job(watched, "nightly").catalog.version("credit", 1)
    middle = watched.clock() - timedelta(minutes=90)
    assert [(u.model, u.consumer) for u in flushed(watched)] == [
        ("credit", "nightly"),
        ("fraud", "hourly"),
        ("fraud", "nightly"),
    ]
    assert [u.consumer for u in flushed(watched, model="fraud", version=1)] == ["hourly", "nightly"]
    assert [u.model for u in flushed(watched, consumer="nightly")] == ["credit", "fraud"]
    assert [u.consumer for u in flushed(watched, model="fraud", since=middle)] == ["hourly"]
    assert len(flushed(watched, limit=1)) == 1
    with pytest.raises(NotFound):
        watched.uses.uses(model="absent")
    with pytest.raises(InvalidInput):
        watched.uses.uses(limit=0)


def test_uses_of_hidden_models_are_not_told(watched: House) -> None:
    watched.catalog.create_version("credit", NewVersion(pending=True), create_model=True)
    for ref in ("fraud/1", "credit/1"):
        job(watched, "nightly").catalog.resolve(parse_ref(ref))
    assert len(flushed(watched)) == 2
    eve = somebody(watched, "eve", Role.VIEWER, Narrowing(models="credit"))
    assert [use.model for use in eve.uses.uses()] == ["credit"]
    with pytest.raises(NotFound):
        eve.uses.uses(model="fraud")


def test_a_rename_between_use_and_writing_loses_nothing_and_a_deletion_all(watched: House) -> None:
    job(watched, "nightly").catalog.resolve(parse_ref("fraud/1"))
    watched.catalog.rename_model("fraud", "deceit")
    assert [(use.model, use.version) for use in flushed(watched)] == [("deceit", 1)]
    job(watched, "hourly").catalog.resolve(parse_ref("deceit/2"))
    watched.catalog.delete_version("deceit", 2, force=True)
    assert {use.consumer for use in flushed(watched)} == {"nightly"}


def test_what_can_t_be_written_is_written_later(
    watched: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = watched.ports.metadata

    def refuse(_uses: object) -> None:
        raise Unavailable("The store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "add_uses", refuse)
        for _ in range(2):
            job(watched, "nightly").catalog.resolve(parse_ref("fraud/1"))
            assert flushed(watched) == []
    assert len(caplog.records) == 1  # said once
    assert seen(flushed(watched)) == {(1, "nightly", "resolve", 2)}


def test_memory_is_bounded(watched: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NOTED", 3)
    for n in range(5):
        job(watched, f"job-{n}").catalog.resolve(parse_ref("fraud/1"))
    job(watched, "job-0").catalog.resolve(parse_ref("fraud/1"))
    assert {(u.consumer, u.count) for u in flushed(watched)} == {
        ("job-0", 2),
        ("job-1", 1),
        ("job-2", 1),
    }


def test_threads_lose_no_count(watched: House) -> None:
    def work() -> None:
        for _ in range(200):
            job(watched, "nightly").catalog.resolve(parse_ref("fraud/1"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        flushed(watched)
    for thread in threads:
        thread.join()
    assert seen(flushed(watched)) == {(1, "nightly", "resolve", 800)}


def test_closing_writes_what_is_noted_and_time_does_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    stores = open_folder(tmp_path / "registry")
    observer = Observer(stores.metadata)
    ports = Ports(stores.metadata, stores.blobs, accounts=stores.accounts, observer=observer)
    ports.metadata.ensure_workspace("default", ports.clock())
    house = House(ports, Clock())
    house.catalog.create_version("fraud", NewVersion(pending=True), create_model=True)
    add = stores.metadata.add_uses

    def note(uses: object) -> None:
        add(uses)  # type: ignore[arg-type]
        written.set()

    monkeypatch.setattr(stores.metadata, "add_uses", note)
    house.catalog.resolve(parse_ref("fraud/1"))
    assert written.wait(30)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 3_600)
    house.catalog.resolve(parse_ref("fraud/1"))
    ports.close()
    reopened = open_folder(tmp_path / "registry")
    assert [use.count for use in reopened.metadata.uses("default", limit=9)] == [2]
    reopened.metadata.close()


# -- in use --------------------------------------------------------------------------------------


def test_what_a_named_job_used_lately_is_deleted_only_by_force(watched: House) -> None:
    job(watched, "nightly").catalog.resolve(parse_ref("fraud@champion"))
    with pytest.raises(InUse, match="nightly used it last at 20"):
        watched.catalog.delete_version("fraud", 1)
    with pytest.raises(InUse, match="nightly"):
        watched.catalog.delete_model("fraud")
    watched.catalog.delete_version("fraud", 2)
    watched.catalog.delete_version("fraud", 1, force=True)
    watched.catalog.delete_model("fraud")


def test_a_week_later_nobody_minds(watched: House) -> None:
    job(watched, "nightly").catalog.resolve(parse_ref("fraud/1"))
    watched.clock.forward(days=6)
    with pytest.raises(InUse):
        watched.catalog.delete_version("fraud", 1)
    watched.clock.forward(days=2)
    watched.catalog.delete_version("fraud", 1)


def test_people_who_look_around_and_the_job_that_deletes_hinder_nothing(watched: House) -> None:
    watched.catalog.resolve(parse_ref("fraud/1"))
    cleaner = job(watched, "cleaner")
    cleaner.catalog.resolve(parse_ref("fraud/1"))
    cleaner.catalog.delete_version("fraud", 1)


def test_who_fetched_a_version_is_among_its_users(watched: House) -> None:
    nightly = job(watched, "nightly")
    nightly.artifacts.file("fraud", 2, "model.bin")
    flushed(watched)
    usage = watched.deployments.users_of("fraud", 2)
    assert [(use.consumer, use.kind) for use in usage.uses] == [("nightly", UseKind.DOWNLOAD)]
    assert watched.deployments.users_of("fraud", 1).uses == ()


# -- names ---------------------------------------------------------------------------------------


def test_a_consumer_s_name_is_one_line_of_text() -> None:
    for good in ("nightly-scoring", "team/job 7", "größe", "x" * 200):
        assert check_consumer(good) == good
    for bad in ("", " ", " x", "a\nb", "a\x00b", "a\x1b[31mb", "a\u202eb"):
        with pytest.raises(InvalidInput):
            check_consumer(bad)
    with pytest.raises(LimitExceeded):
        check_consumer("x" * 201)


def test_what_must_not_wait_is_told_to_if_something_is_noted(watched: House) -> None:
    assert watched.ports.observer is not None
    flush = watched.ports.observer.flush
    unwaiting(flush)  # there is nothing to wait for
    job(watched, "nightly").catalog.resolve(parse_ref("fraud@champion"))
    with pytest.raises(MustWait):
        unwaiting(flush)
    flush()
    unwaiting(flush)
