"""The past of stages and aliases, and the way back."""

from __future__ import annotations

from datetime import datetime

import pytest

from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.refs import parse_ref
from muniment.domain.stages import Policy, Stage
from muniment.domain.timeline import Post
from muniment.errors import Blocked, Conflict, InvalidInput, NotFound

from .conftest import House
from .test_transitions import fraud, production, stages_of

__all__ = ["fraud"]  # the fixture


def tick(house: House) -> datetime:
    """Return a moment, with nothing of before or after in it."""
    house.clock.forward(hours=1)
    moment = house.clock()
    house.clock.forward(hours=1)
    return moment


def test_what_a_name_meant_at_any_time(fraud: House) -> None:
    before = tick(fraud)
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.catalog.set_alias("fraud", "champion", 1)
    first = tick(fraud)
    fraud.lifecycle.move_to_stage("fraud", 2, "Production", archive_existing=True)
    fraud.catalog.set_alias("fraud", "champion", 2)
    second = tick(fraud)
    fraud.catalog.delete_alias("fraud", "champion")
    fraud.lifecycle.move_to_stage("fraud", 2, "Archived")
    after = tick(fraud)

    def meant(text: str, time: datetime) -> int:
        return fraud.lifecycle.as_of(parse_ref(text), time).version

    for name in ("fraud@champion", "fraud/production"):
        assert (meant(name, first), meant(name, second)) == (1, 2)
        for time in (before, after):
            with pytest.raises(NotFound, match="meant no version at"):
                meant(name, time)
    with pytest.raises(InvalidInput, match="yet to come"):
        meant("fraud@champion", fraud.clock.__call__().replace(year=2999))
    with pytest.raises(InvalidInput, match="has no past"):
        meant("fraud/1", first)
    fraud.catalog.delete_version("fraud", 1)
    with pytest.raises(NotFound, match=r"meant version 1 at .* deleted"):
        meant("fraud@champion", first)


def test_while_a_model_was_deleted_its_names_meant_nothing(fraud: House) -> None:
    fraud.catalog.set_alias("fraud", "champion", 1)
    model = fraud.catalog.model("fraud")
    before = tick(fraud)
    fraud.catalog.delete_model("fraud")
    deleted = tick(fraud)
    fraud.catalog.restore_model(model.id)
    after = tick(fraud)
    champion = parse_ref("fraud@champion")
    assert fraud.lifecycle.as_of(champion, before).version == 1
    with pytest.raises(NotFound, match="meant no version at"):
        fraud.lifecycle.as_of(champion, deleted)
    assert fraud.lifecycle.as_of(champion, after).version == 1


def test_who_held_which_stage_when(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production", comment="go")
    fraud.lifecycle.move_to_stage("fraud", 2, "Production", archive_existing=True)
    held = fraud.lifecycle.tenures("fraud", post=Post.STAGE, name="production")
    assert [(t.version, t.by, t.comment) for t in held] == [(1, "ada", "go"), (2, "ada", "")]
    assert held[0].until == held[1].since
    assert held[1].until is None


def test_a_stage_is_rolled_back_to_what_it_was(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.lifecycle.move_to_stage("fraud", 2, "Staging")
    fraud.lifecycle.move_to_stage("fraud", 2, "Production", archive_existing=True)
    assert stages_of(fraud) == ["Archived", "Production", "None"]
    undone = fraud.lifecycle.rollback("fraud", "production", comment="it drifts")
    assert (undone.versions, undone.instead_of) == ((1,), (2,))
    assert stages_of(fraud) == ["Production", "Staging", "None"]
    last = fraud.catalog.history("fraud", page_size=2).items
    assert {(a.details["rollback"], a.comment) for a in last} == {(True, "it drifts")}
    fraud.lifecycle.rollback("fraud", "Production")
    assert stages_of(fraud) == ["Archived", "Production", "None"]


def test_an_emptied_stage_is_filled_again(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.lifecycle.move_to_stage("fraud", 1, "Archived")
    fraud.lifecycle.rollback("fraud", "Production")
    assert stages_of(fraud) == ["Production", "None", "None"]


def test_an_alias_is_rolled_back_and_its_deletion_undone(fraud: House) -> None:
    fraud.catalog.set_alias("fraud", "champion", 1)
    with pytest.raises(Conflict, match="meant no other version before"):
        fraud.lifecycle.rollback("fraud", "@champion")
    tick(fraud)
    fraud.catalog.set_alias("fraud", "champion", 2)
    fraud.lifecycle.rollback("fraud", "@champion", comment="no")
    assert fraud.catalog.alias("fraud", "champion").version == 1
    tick(fraud)
    fraud.catalog.delete_alias("fraud", "champion")
    fraud.lifecycle.rollback("fraud", "@champion")
    assert fraud.catalog.alias("fraud", "champion").version == 1
    assert fraud.catalog.version("fraud", 1).aliases == ("champion",)


def test_what_comes_back_meets_the_policy_but_is_not_approved_again(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 2, "Production")
    fraud.lifecycle.move_to_stage("fraud", 3, "Production", archive_existing=True)
    production(fraud, approvals=2, metrics=[{"metric": "auc", "worse_by_at_most": 0}])
    assert fraud.lifecycle.rollback("fraud", "Production").versions == (2,)
    production(fraud, metrics=[{"metric": "auc", "at_least": 0.93}])
    fraud.lifecycle.rollback("fraud", "Production")
    with pytest.raises(Blocked, match=r"auc is at least 0\.93"):
        fraud.lifecycle.rollback("fraud", "Production")


def test_nothing_before_is_nothing_to_go_back_to(fraud: House) -> None:
    for name in ("Production", "Staging"):
        with pytest.raises(Conflict, match="Nothing was in"):
            fraud.lifecycle.rollback("fraud", name)
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    with pytest.raises(Conflict, match="Nothing was in Production"):
        fraud.lifecycle.rollback("fraud", "Production")
    with pytest.raises(InvalidInput, match="None is no stage"):
        fraud.lifecycle.rollback("fraud", "None")
    with pytest.raises(NotFound):
        fraud.lifecycle.rollback("other", "Production")


def test_versions_that_stay_too_long_are_due_for_review(fraud: House) -> None:
    production(fraud, review_days=30)
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.lifecycle.move_to_stage("fraud", 2, "Staging")
    assert fraud.lifecycle.reviews_due() == []
    fraud.clock.forward(days=30)
    due = fraud.lifecycle.reviews_due()
    assert [version.version for version, _ in due] == [1]
    assert due[0][1] <= fraud.clock()
    assert fraud.lifecycle.reviews_due("fraud") == due


def test_the_first_to_be_due_come_first_whatever_policy_they_are_under(fraud: House) -> None:
    policies = (
        Policy(models="fraud", review_days=10),
        Policy(models="slow", review_days=20),
        Policy(models="never", owner=True),
    )
    fraud.lifecycle.define_stage(Stage("Live", policies=policies))
    for name in ("slow", "never", "other"):
        fraud.catalog.create_version(name, NewVersion(source_uri="x:y"), create_model=True)
    fraud.catalog.update_model("never", ModelChanges(tags={"owner": "ann"}))
    moves = [("slow", 1), ("never", 1), ("fraud", 1), ("fraud", 2), ("other", 1), ("fraud", 3)]
    for name, number in moves:
        fraud.lifecycle.move_to_stage(name, number, "Live")
        fraud.clock.forward(days=1)
    fraud.clock.forward(days=7)
    expected = ["fraud/1", "fraud/2"]
    for days in (0, 12):  # then all of them are
        fraud.clock.forward(days=days)
        due = fraud.lifecycle.reviews_due()
        assert [version.ref for version, _ in due] == expected
        for limit in range(1, 6):
            assert fraud.lifecycle.reviews_due(limit=limit) == due[:limit]
        expected = ["fraud/1", "fraud/2", "fraud/3", "slow/1"]
