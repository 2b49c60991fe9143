"""Imports: beside what is here, under another name, refused, twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.domain.accounts import User, UserKind
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.checks import CheckState, Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.events import Event
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.refs import Ref
from muniment.domain.values import JsonObject, utcnow
from muniment.domain.webhooks import Webhook
from muniment.errors import Conflict, InvalidInput
from muniment.services.moving import Moved, RegistrySource, RegistryTarget, move, open_target
from muniment.services.moving.folders import FolderSource
from muniment.storage.factory import Stores
from muniment.storage.metadata import ModelName

from .registries import check, house_in, told

_CHECKS = RecordQuery("default", RecordKind.CHECK)


@pytest.fixture
def archive(full: Stores, tmp_path: Path) -> Path:
    move(RegistrySource(full, accounts=True), open_target(str(tmp_path / "archive")))
    return tmp_path / "archive"


def bring(
    archive: Path,
    stores: Stores,
    *,
    models: Collection[str] = (),
    into: str | None = None,
    accounts: bool = False,
) -> Moved:
    target = RegistryTarget(stores, into=into, accounts=accounts)
    return move(FolderSource(archive), target, models=models, accounts=accounts)


def test_an_import_adds_to_what_is_here(archive: Path, full: Stores, empty: Stores) -> None:
    house = house_in(empty)
    for name in ("mine", "theirs"):
        house.catalog.create_model(name)
    mine = told(empty, accounts=False)
    bring(archive, empty)
    after = told(empty, accounts=False)
    theirs = told(full, accounts=False)
    for name in mine.keys() - {"workspaces"}:
        assert after[name] == mine[name]
    for name in theirs.keys() - {"workspaces"}:
        assert after[name] == theirs[name]
    assert not empty.accounts.any_user()
    check(empty)


def test_an_import_twice_changes_nothing(archive: Path, empty: Stores) -> None:
    first = bring(archive, empty)
    before = told(empty)
    again = bring(archive, empty)
    assert (first.same, again.same, again.blobs) == (0, first.models, 0)
    assert told(empty) == before


def test_what_is_chosen_comes_alone(archive: Path, empty: Stores) -> None:
    assert bring(archive, empty, models=["credit*"]).models == 1
    names = [model.name for model in house_in(empty).catalog.search_models().items]
    assert names == ["credit risk"]


def test_another_model_of_the_name_is_never_merged(archive: Path, empty: Stores) -> None:
    house = house_in(empty)
    house.catalog.create_model("fraud")
    before = house.catalog.model("fraud")
    with pytest.raises(Conflict, match="another model 'fraud'"):
        bring(archive, empty, models=["fraud"])
    assert house.catalog.model("fraud") == before


def test_a_model_that_went_on_is_refused(archive: Path, empty: Stores) -> None:
    bring(archive, empty)
    house = house_in(empty)
    house.comments.add("fraud", "later")
    before = told(empty)
    with pytest.raises(Conflict, match="not as in the archive") as raised:
        bring(archive, empty)
    assert "--into" in raised.value.hint
    assert told(empty) == before


def test_a_model_may_get_another_name_and_its_history_says_so(
    archive: Path, full: Stores, empty: Stores
) -> None:
    house = house_in(empty)
    house.catalog.create_model("fraud")
    bring(archive, empty, models=["credit*"], into="loans")
    model = house.catalog.model("loans")
    last = house.catalog.history("loans").items[0]
    assert (last.kind, last.details) == ("model.renamed", {"from": "credit risk", "to": "loans"})
    assert house.catalog.verify_history("loans") == model.activity_count
    assert model.uuid == house_in(full).catalog.model("credit risk").uuid
    assert bring(archive, empty, models=["credit*"], into="loans").same == 1


def test_a_copy_beside_the_original_is_a_model_of_its_own(archive: Path, full: Stores) -> None:
    house = house_in(full)
    before = told(full)
    bring(archive, full, models=["credit*"], into="copy")
    original, copy = house.catalog.model("credit risk"), house.catalog.model("copy")
    assert copy.uuid != original.uuid
    one, two = (house.catalog.version(m.name, 1) for m in (original, copy))
    assert (one.digest, one.created_at) == (two.digest, two.created_at)
    assert one.uuid != two.uuid
    assert house.catalog.verify_history("copy") == original.activity_count + 1
    assert bring(archive, full, models=["credit*"], into="copy").same == 1
    after = told(full)
    assert {name: after[name] for name in before} == before


def test_several_models_do_not_go_into_one_name(archive: Path, empty: Stores) -> None:
    with pytest.raises(Conflict, match="into one name"):
        bring(archive, empty, into="one")


def test_a_name_that_breaks_the_rules_is_refused(archive: Path, empty: Stores) -> None:
    with pytest.raises(InvalidInput):
        bring(archive, empty, models=["credit*"], into="a/b")


def test_records_whose_numbers_are_taken_get_others(archive: Path, empty: Stores) -> None:
    house = house_in(empty)
    house.catalog.create_model("mine")
    mine = [house.comments.add("mine", f"comment {n}") for n in range(40)]
    bring(archive, empty)
    (asked,) = house.lifecycle.requests(model="fraud", version=3).items
    (comment,) = house.comments.comments("fraud", request=asked.id).items
    assert comment.text == "Why now, @grace?"
    assert {one.id for one in mine}.isdisjoint({asked.id, comment.id})
    assert house.comments.comments("mine", page_size=50).items == tuple(mine)


def test_records_keep_their_order_where_only_some_numbers_are_taken(
    full: Stores, empty: Stores, tmp_path: Path
) -> None:
    theirs, mine = house_in(full), house_in(empty)
    theirs.checks.report("fraud", 3, "drift", Verdict.FAIL)
    theirs.checks.report("fraud", 3, "drift", Verdict.PASS)
    first = theirs.ports.metadata.find_records(_CHECKS)[-2]
    mine.catalog.create_model("mine")
    kept = Record(RecordKind.COMMENT, utcnow(), {}, id=first.id)
    mine.ports.metadata.transact(ModelName("default", "mine"), lambda tx: tx.add_record(kept))
    move(RegistrySource(full), open_target(str(tmp_path / "archive")))
    bring(tmp_path / "archive", empty)
    verdicts = {one.name: one.verdict for one in mine.checks.results("fraud", 3)}
    assert verdicts == {"bias": Verdict.PASS, "drift": Verdict.PASS}
    assert mine.catalog.version("fraud", 3).checks is CheckState.PASSED


def test_versions_of_an_older_archive_learn_what_its_records_of_checks_say(
    full: Stores, empty: Stores, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = house_in(full)
    theirs.checks.report("fraud", 4, "bias", Verdict.FAIL)
    told_now = ModelVersion.to_json

    def told_then(version: ModelVersion) -> JsonObject:
        return {key: value for key, value in told_now(version).items() if key != "checks"}

    with monkeypatch.context() as then:
        then.setattr(ModelVersion, "to_json", told_then)
        move(RegistrySource(full), open_target(str(tmp_path / "archive")))
    bring(tmp_path / "archive", empty)
    here = house_in(empty).catalog
    for number, state in ((1, ""), (3, "passed"), (4, "failed")):
        assert here.version("fraud", number).checks == state
        assert here.version("fraud", number) == replace(
            theirs.catalog.version("fraud", number), id=here.version("fraud", number).id
        )


def test_history_is_no_news_for_webhooks(archive: Path, empty: Stores) -> None:
    house_in(empty)
    now = utcnow()
    webhook = Webhook(
        0, "1" * 32, "default", "w", "https://1.1.1.1", (Event("registered_model", "created"),),
        now.replace(year=2000), now,
    )  # fmt: skip
    empty.webhooks.add_webhook(webhook)
    bring(archive, empty)
    assert list(empty.webhooks.undispatched(10)) == []


def test_an_alias_means_the_same_version(archive: Path, empty: Stores) -> None:
    bring(archive, empty)
    catalog = house_in(empty).catalog
    champion = catalog.resolve(Ref("fraud", alias="champion"))
    assert (champion.version, champion.stage) == (3, "Production")
    assert catalog.search_versions("tags.whole = 1.0 AND metrics.auc > 0.25").items


def test_a_stage_that_is_defined_otherwise_is_not_merged(archive: Path, empty: Stores) -> None:
    house = house_in(empty)
    canary = replace(house.lifecycle.stage("Staging"), name="Canary", description="all")
    house.lifecycle.define_stage(canary)
    with pytest.raises(Conflict, match="stage 'Canary'"):
        bring(archive, empty)


# -- accounts ------------------------------------------------------------------------------------


def test_accounts_come_if_asked_for_and_go_on(archive: Path, full: Stores, empty: Stores) -> None:
    bring(archive, empty, accounts=True)
    assert told(empty) == told(full)
    assert bring(archive, empty, accounts=True).accounts
    assert told(empty) == told(full)


def test_accounts_never_mix(archive: Path, empty: Stores) -> None:
    empty.accounts.add_user(User(0, "eve", UserKind.PERSON, utcnow()))
    with pytest.raises(Conflict, match="'eve'"):
        bring(archive, empty, accounts=True)
    assert [user.name for user in empty.accounts.users(limit=9)] == ["eve"]


def test_two_audit_logs_never_become_one(archive: Path, empty: Stores) -> None:
    empty.accounts.record_audit([Entry(ActivityKind.SIGNED_IN, "eve", utcnow())])
    before = empty.accounts.audit(limit=99)
    with pytest.raises(Conflict, match="audit log of its own"):
        bring(archive, empty, accounts=True)
    assert empty.accounts.audit(limit=99) == before
