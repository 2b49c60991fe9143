"""Stages and their policies, and moving versions between them at once."""

from __future__ import annotations

import pytest

from muniment.domain.access import Narrowing, Role
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.checks import Verdict
from muniment.domain.stages import MetricRule, Policy, Stage
from muniment.errors import (
    Blocked,
    InUse,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)

from .conftest import House
from .people import somebody


@pytest.fixture
def fraud(house: House) -> House:
    """A model with three versions, whose `auc` is 0.80, 0.90 and 0.95."""
    for auc in (0.80, 0.90, 0.95):
        new = NewVersion(source_uri="x:y", metrics={"auc": auc})
        house.catalog.create_version("fraud", new, create_model=True)
    return house


def production(house: House, **policy: object) -> None:
    stage = house.lifecycle.stage("Production")
    demand = Policy.from_json(policy)  # type: ignore[arg-type]
    house.lifecycle.define_stage(
        Stage(stage.name, stage.order, stage.colour, policies=(demand,)), if_match=stage.revision
    )


def stages_of(house: House) -> list[str]:
    return [house.catalog.version("fraud", n).stage for n in (1, 2, 3)]


def test_a_workspace_begins_with_the_predefined_stages(house: House) -> None:
    names = [stage.name for stage in house.lifecycle.stages()]
    assert names == ["None", "Staging", "Production", "Archived"]


def test_a_stage_of_ones_own_stands_where_it_is_put_and_takes_versions(fraud: House) -> None:
    fraud.lifecycle.define_stage(Stage("Shadow", order=150, colour="#112233"))
    assert [s.name for s in fraud.lifecycle.stages()][1:4] == ["Staging", "Shadow", "Production"]
    moved = fraud.lifecycle.move_to_stage("fraud", 1, "sHADOW")
    assert moved.stage == "Shadow"
    assert moved.stage_since == moved.updated_at
    with pytest.raises(InUse, match="Versions are in the stage 'Shadow'"):
        fraud.lifecycle.drop_stage("shadow")
    fraud.lifecycle.move_to_stage("fraud", 1, "None")
    assert fraud.catalog.version("fraud", 1).stage_since is None
    fraud.lifecycle.drop_stage("shadow")
    with pytest.raises(InvalidInput, match="There is no stage 'Shadow'"):
        fraud.lifecycle.move_to_stage("fraud", 1, "Shadow")


def test_a_stage_is_replaced_only_by_who_has_seen_it(house: House) -> None:
    first = house.lifecycle.define_stage(Stage("Shadow"), if_match=0)
    house.lifecycle.define_stage(Stage("SHADOW", description="runs beside"), if_match=1)
    with pytest.raises(PreconditionFailed, match="has the revision 2"):
        house.lifecycle.define_stage(Stage("Shadow"), if_match=first.revision)
    assert house.lifecycle.stage("shadow").name == "Shadow"
    assert house.lifecycle.stage("shadow").description == "runs beside"


def test_a_predefined_stage_goes_back_to_what_it_was(house: House) -> None:
    production(house, approvals=2)
    house.lifecycle.drop_stage("Production")
    assert house.lifecycle.stage("Production").policies == ()
    with pytest.raises(InvalidInput, match="predefined"):
        house.lifecycle.drop_stage("Production")


@pytest.mark.parametrize("name", ["", "3", "a/b", " x", "x ", "a\nb", "x" * 65])
def test_what_reads_as_something_else_is_no_stage(house: House, name: str) -> None:
    with pytest.raises(InvalidInput, match="can't be a stage"):
        house.lifecycle.define_stage(Stage(name))


def test_entering_a_stage_archives_the_others_there_if_asked(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.lifecycle.move_to_stage("fraud", 2, "Production")
    assert stages_of(fraud) == ["Production", "Production", "None"]
    fraud.lifecycle.move_to_stage("fraud", 3, "production", archive_existing=True)
    assert stages_of(fraud) == ["Archived", "Archived", "Production"]
    with pytest.raises(InvalidInput, match="archive_existing makes no sense"):
        fraud.lifecycle.move_to_stage("fraud", 3, "Archived", archive_existing=True)


def test_a_metric_below_the_threshold_blocks_and_says_why(fraud: House) -> None:
    production(fraud, metrics=[{"metric": "auc", "at_least": 0.85}])
    with pytest.raises(Blocked, match=r"auc is at least 0\.85 \(it is 0\.8\)") as refusal:
        fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    assert refusal.value.details["blockers"] == ["auc is at least 0.85 (it is 0.8)"]
    assert fraud.lifecycle.move_to_stage("fraud", 2, "Production").stage == "Production"


def test_a_version_may_be_worse_than_the_one_there_by_so_much(fraud: House) -> None:
    production(fraud, metrics=[{"metric": "auc", "worse_by_at_most": 0.05}])
    fraud.lifecycle.move_to_stage("fraud", 3, "Production")
    assert fraud.lifecycle.requirements("fraud", 2, "Production")[1].met
    with pytest.raises(Blocked, match=r"not lower than in Production now by more than 0\.05"):
        fraud.lifecycle.move_to_stage("fraud", 1, "Production")


def test_tags_owner_description_and_checks_are_demanded(fraud: House) -> None:
    production(fraud, tags=["reviewed=yes"], owner=True, description=True, checks=["bias"])
    with pytest.raises(Blocked) as refusal:
        fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    assert len(refusal.value.details["blockers"]) == 4  # type: ignore[arg-type]
    fraud.catalog.update_model("fraud", ModelChanges(tags={"owner": "ada"}))
    changes = VersionChanges(description="trained on May", tags={"reviewed": "yes"})
    fraud.catalog.update_version("fraud", 1, changes)
    fraud.checks.report("fraud", 1, "bias", Verdict.PASS)
    fraud.checks.report("fraud", 1, "bias", Verdict.FAIL, findings=("women get less",))
    with pytest.raises(Blocked, match=r"the check 'bias' passes \(fail\)"):
        fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.checks.report("fraud", 1, "bias", Verdict.PASS)
    assert [r.verdict for r in fraud.checks.results("fraud", 1)] == [Verdict.PASS]
    assert fraud.lifecycle.move_to_stage("fraud", 1, "Production").stage == "Production"


def test_a_policy_is_for_the_models_that_it_names(fraud: House) -> None:
    production(fraud, models="risk-*", approvals=1)
    assert fraud.lifecycle.move_to_stage("fraud", 1, "Production").stage == "Production"
    production(fraud, tag="team=fraud", approvals=1)
    assert fraud.lifecycle.move_to_stage("fraud", 2, "Production").stage == "Production"
    fraud.catalog.update_model("fraud", ModelChanges(tags={"team": "fraud"}))
    with pytest.raises(Blocked, match="1 approval"):
        fraud.lifecycle.move_to_stage("fraud", 3, "Production")


def test_automation_only_means_a_token_that_is_marked_so(fraud: House) -> None:
    production(fraud, automation_only=True)
    with pytest.raises(Blocked, match="an automation moves versions to Production"):
        fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    robot = somebody(fraud, "ci", Role.APPROVER, automation=True)
    assert robot.lifecycle.move_to_stage("fraud", 1, "Production").stage == "Production"


def test_to_leave_a_stage_demands_nothing(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    production(fraud, approvals=1)
    assert fraud.lifecycle.move_to_stage("fraud", 1, "Staging").stage == "Staging"


def test_who_may_move_versions_to_which_stage(fraud: House) -> None:
    staging = somebody(fraud, "grace", Role.APPROVER, Narrowing(stage="Staging"))
    staging.lifecycle.move_to_stage("fraud", 1, "staging")
    with pytest.raises(PermissionDenied):
        staging.lifecycle.move_to_stage("fraud", 1, "Production")
    with pytest.raises(PermissionDenied):
        somebody(fraud, "bob", Role.CONTRIBUTOR).lifecycle.move_to_stage("fraud", 1, "Staging")
    with pytest.raises(PermissionDenied):
        somebody(fraud, "eve", Role.APPROVER).lifecycle.define_stage(Stage("Mine"))
    hidden = somebody(fraud, "mallory", Role.ADMIN, Narrowing(models="other"))
    with pytest.raises(NotFound):
        hidden.lifecycle.requirements("fraud", 1, "Production")


def test_pending_versions_enter_no_stage_but_archived(house: House) -> None:
    house.catalog.create_version("m", NewVersion(pending=True), create_model=True)
    with pytest.raises(Blocked, match=r"the version is READY \(it is PENDING\)"):
        house.lifecycle.move_to_stage("m", 1, "Staging")
    assert house.lifecycle.move_to_stage("m", 1, "Archived").stage == "Archived"


def test_policies_survive_the_way_through_json() -> None:
    policy = Policy(
        models="fraud-*",
        tag="team=risk",
        approvals=2,
        approver=Role.APPROVER,
        checks=("bias",),
        metrics=(MetricRule("auc", at_least=0.9), MetricRule("loss", worse_by_at_most=0)),
        tags=("card", "reviewed=yes"),
        description=True,
        request_days=3,
    )
    assert Policy.from_json(policy.to_json()) == policy
    assert Policy.from_json({}) == Policy()
    assert Policy().to_json() == {}


def test_what_runs_is_not_archived_unless_it_is_meant(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    fraud.deployments.declare("fraud", "prod", "scorer", stage="Production")
    with pytest.raises(InUse, match="prod/scorer runs it"):
        fraud.lifecycle.move_to_stage("fraud", 1, "Archived")
    # Who follows the stage follows it to the version that comes.
    fraud.lifecycle.move_to_stage("fraud", 2, "Production", archive_existing=True)
    fraud.deployments.declare("fraud", "prod", "batch", version=2)
    with pytest.raises(InUse, match="prod/batch runs it"):
        fraud.lifecycle.move_to_stage("fraud", 3, "Production", archive_existing=True)
    fraud.lifecycle.move_to_stage("fraud", 3, "Production", archive_existing=True, force=True)
    assert stages_of(fraud) == ["Archived", "Archived", "Production"]
