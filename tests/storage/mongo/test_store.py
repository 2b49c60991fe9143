"""The registry in MongoDB: as a whole, and where MongoDB has bounds of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymongo
import pytest

import muniment
from muniment.domain.checking import due_record
from muniment.domain.checks import CheckResult, CheckState, Verdict
from muniment.errors import AlreadyExists, ConfigurationError, LimitExceeded, Unavailable
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_blobs,
    add_model,
    change_model,
    digest,
    later,
    manifest_of,
    model_of,
    name_key,
    seal,
    stored,
    version_of,
)
from muniment.storage.metadata import Transaction
from muniment.storage.mongo import open_mongo
from muniment.storage.mongo.store import MongoMetadataStore


@pytest.fixture
def store(mongodb_url: str) -> Iterator[MongoMetadataStore]:
    store = open_mongo(mongodb_url)
    store.ensure_workspace(WORKSPACE, NOON)
    yield store
    store.close()


# -- as a whole ----------------------------------------------------------------------------------


def test_a_registry_lives_in_mongodb(mongodb_url: str, tmp_path: Path) -> None:
    with muniment.connect(mongodb_url, blobs=tmp_path / "blobs", actor="ann") as registry:
        for accuracy in (0.8, 0.9):
            what, metrics = {"accuracy": accuracy}, {"accuracy": accuracy}
            registry.push("fraud", what, metrics=metrics, use_git=False)
        registry.set_alias("fraud/2", "champion")
        assert registry.load("fraud@champion") == {"accuracy": 0.9}
        found = registry.versions("metrics.accuracy > 0.85")
        assert [version.ref for version in found] == ["fraud/2"]
    with muniment.connect(mongodb_url, blobs=tmp_path / "blobs", actor="bob") as registry:
        kinds = [activity.kind for activity in registry.history("fraud", newest_first=False)]
        assert kinds == ["model.created", "version.created", "version.created", "alias.set"]
        registry.delete_model("fraud", force=True)
        report = registry.collect_garbage(grace=0, restore_window=0)
        assert (report.purged_versions, report.manifests, report.kept_blobs) == (2, 2, 0)


# -- opening -------------------------------------------------------------------------------------


def test_a_database_of_a_newer_muniment_is_refused(
    store: MongoMetadataStore, mongodb_url: str
) -> None:
    with pymongo.MongoClient[dict[str, object]](mongodb_url) as client:
        meta = client.get_default_database()["meta"]
        meta.update_one({"_id": "schema"}, {"$set": {"layout": 1_000}})
        with pytest.raises(ConfigurationError, match="newer Muniment"):
            open_mongo(mongodb_url)
        assert meta.find_one({"_id": "schema"}, {"_id": 0, "layout": 1}) == {"layout": 1_000}


def test_an_older_database_learns_what_the_records_of_checks_say(
    store: MongoMetadataStore, mongodb_url: str
) -> None:
    def decide(tx: Transaction) -> None:
        tx.add_model(model_of("m"))
        for number in (1, 2, 3, 4):
            tx.add_version(version_of("m", number))
        for number, verdict in ((1, Verdict.FAIL), (1, Verdict.PASS), (2, Verdict.UNKNOWN)):
            tx.add_record(CheckResult("m", number, "bias", verdict, NOON, "ann").to_record())
        tx.add_record(due_record(3, NOON))
        tx.purge_version(4)

    store.transact(name_key("m"), decide)
    store._db["versions"].update_many({}, {"$unset": {"checks": ""}})
    store._db["meta"].update_one({"_id": "schema"}, {"$set": {"layout": 1}})
    shown = [store.version(WORKSPACE, "m", number) for number in (1, 2, 3)]
    assert {version and version.checks for version in shown} == {CheckState.NONE}
    with closing(open_mongo(mongodb_url)) as opened:
        found = [opened.version(WORKSPACE, "m", number) for number in (1, 2, 3)]
        states = [version and version.checks.value for version in found]
        assert states == ["passed", "failed", "waiting"]
        meta = opened._db["meta"].find_one({"_id": "schema"})
        assert meta is not None
        assert meta["layout"] == 2


@pytest.mark.parametrize("url", ["mongodb://127.0.0.1:1/", "mongodb://", "mongodb://a:b/c"])
def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the URL of a MongoDB database"):
        open_mongo(url)


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    url = "mongodb://ann:secret@127.0.0.1:1/registry?serverSelectionTimeoutMS=50"
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1/registry") as caught:
        open_mongo(url)
    assert "secret" not in str(caught.value)
    assert "ann" not in str(caught.value)


# -- bounds --------------------------------------------------------------------------------------


def test_what_does_not_fit_into_a_document_is_refused_and_leaves_nothing(
    store: MongoMetadataStore,
) -> None:
    before = add_model(store, "m")

    def decide(tx: Transaction) -> None:
        for number in (1, 2):
            params = {f"p{n}": "x" * 100_000 for n in range(100)}
            tx.add_version(version_of("m", number, params=params))

    with pytest.raises(LimitExceeded, match="16 MB"):
        store.transact(name_key("m"), decide)
    assert stored(store, "m") == before
    assert add_model(store, "n").name == "n"


# -- what slow processes do ----------------------------------------------------------------------


def test_a_name_that_was_taken_in_vain_is_taken_over(store: MongoMetadataStore) -> None:
    """A process died, or sleeps, between taking its names and the commit."""
    assert store._names.take(["default/name/m", "default/slug/m"], 77, 1)
    assert add_model(store, "m") == stored(store, "m")
    commit = {"_id": "77/1", "model_id": 77, "seq": 1, "token": "x", "pending": True}
    assert not store._commits.insert(commit)  # it wakes up, and has lost


def test_who_sleeps_while_others_go_on_changes_nothing(store: MongoMetadataStore) -> None:
    model = add_model(store, model_of("m", description="old"))
    old = store._db["commits"].find_one({"_id": f"{model.id}/1"})
    assert old is not None
    late = store._db["models"].find_one({"_id": str(model.id)})
    assert late is not None

    def change(tx: Transaction) -> None:
        tx.add_version(version_of("m", 1))
        tx.purge_version(1)
        tx.add_version(version_of("m", 2))

    store.transact(name_key("m"), change)
    store.transact(name_key("m"), lambda tx: tx.purge_version(2))
    before = stored(store, "m")
    added = [
        {"c": "versions", "d": {"_id": f"{model.id}/2", "model_id": model.id, "live": True}},
    ]
    store._commits.apply(
        {
            **old,
            "seq": 2,
            "_id": f"{model.id}/2",
            "added": added,
            "changed": [],
            "touched_at": None,
            "purged": [],
            "model": late,
            "released": ["default/name/m"],
        }
    )
    assert stored(store, "m") == before
    assert store.version(WORKSPACE, "m", 2) is None


def test_a_commit_that_pinned_its_manifest_and_slept_too_long_can_not_come_any_more(
    store: MongoMetadataStore,
) -> None:
    model = add_model(store, "m")
    manifest = manifest_of("a")
    add_blobs(store, manifest)
    store._manifests.pin(manifest, f"{model.id}/2/token")
    assert store.collect_blob(digest("a"), later(1), lambda: None) is False
    assert store.drop_unused_manifests() == 0
    store._db["manifests"].update_one({}, {"$set": {f"pins.{model.id}/2/token": 0}})
    assert store.collect_blob(digest("a"), later(1), lambda: None) is True
    commit = {"_id": f"{model.id}/2", "model_id": model.id, "seq": 2, "token": "token"}
    assert not store._commits.insert(commit)
    assert store.drop_unused_manifests() == 1
    add_blobs(store, manifest)
    assert seal(store, "m", 1, manifest).digest == manifest.digest


def test_of_two_processes_that_rename_a_model_alike_the_loser_takes_no_name_away(
    mongodb_url: str, store: MongoMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")
    other = open_mongo(mongodb_url)
    insert = store._commits.insert

    def insert_late(commit: dict[str, object]) -> bool:
        monkeypatch.undo()
        change_model(other, name_key("m"), name="new", slug="new")
        return insert(commit)

    monkeypatch.setattr(store._commits, "insert", insert_late)
    try:
        # who loses finds no model of the old name any more
        with pytest.raises(AssertionError):
            change_model(store, name_key("m"), name="new", slug="new")
        with pytest.raises(AlreadyExists):
            add_model(other, "new")
        assert stored(store, "new") == stored(other, "new")
    finally:
        other.close()


def test_who_adds_a_blob_waits_until_its_bytes_are_removed(store: MongoMetadataStore) -> None:
    store.add_blob(digest("a"), 7, NOON)
    steps: list[str] = []

    def add() -> None:
        store.add_blob(digest("a"), 8, NOON)
        steps.append("added")

    adding = threading.Thread(target=add)

    def remove() -> None:
        adding.start()
        adding.join(0.2)
        assert store.known_blobs([digest("a")]) == frozenset()
        steps.append("removed")

    assert store.collect_blob(digest("a"), later(1), remove) is True
    adding.join()
    assert steps == ["removed", "added"]
    assert store.lease_blobs([digest("a")], NOON) == {digest("a"): 8}
