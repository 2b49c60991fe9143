"""Deployments: declared, changed, retired; drift; and what in use can't be deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from muniment.domain.access import Narrowing, Role
from muniment.domain.changes import NewVersion
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift
from muniment.domain.stages import Stage
from muniment.errors import (
    InUse,
    InvalidInput,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)
from muniment.services.usage import deployments as service

from .conftest import House
from .people import somebody


@pytest.fixture
def fraud(house: House) -> House:
    """Five versions: 5 is in Production since 4 was archived, `champion` is 4."""
    for content in b"12345":
        house.catalog.create_version(
            "fraud", NewVersion(files=house.files(model=bytes([content]))), create_model=True
        )
    house.catalog.set_alias("fraud", "champion", 4)
    for number in (4, 5):
        house.lifecycle.move_to_stage("fraud", number, "Production", archive_existing=True)
    return house


def drift_of(house: House, name: str) -> Drift:
    return next(d for d in house.deployments.drift().items if d.deployment.name == name)


def declared(house: House, **asked: object) -> list[str]:
    return [d.name for d in house.deployments.deployments(**asked).items]  # type: ignore[arg-type]


# -- declaring -----------------------------------------------------------------------------------


def test_a_deployment_runs_a_version_or_follows_an_alias_or_a_stage(fraud: House) -> None:
    declare = fraud.deployments.declare
    assert declare("fraud", "prod", "scoring", version=3).target == "fraud/3"
    assert declare("fraud", "prod", "batch", alias="champion").target == "fraud@champion"
    following = declare("fraud", "eu-west", "scoring", stage="production", url="grpc://host:1/x")
    assert following.target == "fraud/Production"
    assert (following.status, following.created_by) == (DeploymentStatus.RUNNING, "ada")
    assert fraud.deployments.deployment(following.id) == following
    assert Deployment.from_json(following.to_json()).target == "fraud/Production"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({}, InvalidInput),
        ({"version": 3, "alias": "champion"}, InvalidInput),
        ({"version": 9}, NotFound),
        ({"alias": "absent"}, NotFound),
        ({"alias": "latest"}, InvalidInput),
        ({"stage": "Nowhere"}, InvalidInput),
        ({"stage": "None"}, InvalidInput),
        ({"version": 3, "running": 9}, NotFound),
        ({"version": 3, "url": "javascript:alert(1)"}, InvalidInput),
        ({"version": 3, "status": DeploymentStatus.RETIRED}, InvalidInput),
        ({"version": 3, "name": " "}, InvalidInput),
        ({"version": 3, "name": "a\nb"}, InvalidInput),
        ({"version": 3, "name": "x" * 201}, LimitExceeded),
        ({"version": 3, "environment": "a/b"}, InvalidInput),
    ],
)
def test_what_makes_no_sense_is_refused(
    fraud: House, wrong: dict[str, object], error: type[Exception]
) -> None:
    asked: dict[str, object] = {"environment": "prod", "name": "scoring", **wrong}
    with pytest.raises(error):
        fraud.deployments.declare("fraud", **asked)  # type: ignore[arg-type]
    assert declared(fraud) == []


def test_declared_again_it_is_changed_and_what_is_not_said_stays(fraud: House) -> None:
    declare = fraud.deployments.declare
    first = declare("fraud", "prod", "scoring", version=3, url="https://host/", comment="new")
    assert declare("fraud", "prod", "scoring", version=3) == first
    failed = declare("fraud", "prod", "scoring", status=DeploymentStatus.FAILED)
    assert (failed.id, failed.version, failed.url, failed.revision) == (first.id, 3, first.url, 2)
    lagging = declare("fraud", "prod", "scoring", alias="champion", running=3)
    assert (lagging.version, lagging.alias, lagging.running) == (None, "champion", 3)
    assert declare("fraud", "prod", "scoring", alias="champion").running == 3
    assert declare("fraud", "prod", "scoring", forget_running=True).running is None
    assert declare("fraud", "prod", "scoring", running=3).running == 3
    assert declare("fraud", "prod", "scoring", stage="Production").running is None
    with pytest.raises(PreconditionFailed):
        declare("fraud", "prod", "scoring", version=3, if_match=1)
    with pytest.raises(PreconditionFailed):
        declare("fraud", "prod", "scoring", version=3, if_match=0)
    assert declare("fraud", "prod", "new", version=3, if_match=0).revision == 1
    assert declared(fraud) == ["scoring", "new"]


def test_a_workspace_s_own_stages_can_be_followed(fraud: House) -> None:
    fraud.lifecycle.define_stage(Stage("Canary", order=150))
    assert fraud.deployments.declare("fraud", "prod", "x", stage="canary").stage == "Canary"


def test_what_is_retired_stays_so_and_its_name_is_free(fraud: House) -> None:
    declare = fraud.deployments.declare
    old = declare("fraud", "prod", "scoring", version=3)
    gone = fraud.deployments.retire(old.id, comment="moved")
    assert (gone.status, gone.comment, gone.live) == ("retired", "moved", False)
    assert fraud.deployments.retire(old.id) == gone
    new = declare("fraud", "prod", "scoring", version=4)
    assert new.id != old.id
    assert fraud.deployments.deployments().items == (new,)
    assert fraud.deployments.deployments(status=DeploymentStatus.RETIRED).items == (gone,)
    with pytest.raises(NotFound):
        fraud.deployments.retire(999)


def test_the_history_tells_what_was_declared_and_what_changed(fraud: House) -> None:
    made = fraud.deployments.declare("fraud", "prod", "scoring", version=3, comment="why")
    fraud.deployments.declare("fraud", "prod", "scoring", version=4)
    fraud.deployments.retire(made.id, comment="moved")
    entries = fraud.catalog.history("fraud", newest_first=False).items[-3:]
    assert [(e.kind, e.version, e.comment) for e in entries] == [
        ("deployment.declared", 3, "why"),
        ("deployment.changed", 4, ""),
        ("deployment.retired", 4, "moved"),
    ]
    assert entries[1].details["before"] == {"version": 3}
    assert entries[2].details["deployment"] == made.id
    assert fraud.catalog.verify_history("fraud") == entries[-1].sequence


def test_live_deployments_of_a_model_have_a_limit(
    fraud: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_DEPLOYMENTS", 2)
    first, _ = (fraud.deployments.declare("fraud", "prod", f"n{n}", version=3) for n in (1, 2))
    with pytest.raises(LimitExceeded):
        fraud.deployments.declare("fraud", "prod", "n3", version=3)
    fraud.deployments.retire(first.id)
    fraud.deployments.declare("fraud", "prod", "n3", version=3)


def test_lists_are_by_model_environment_name_and_status(fraud: House) -> None:
    fraud.catalog.create_version("credit", NewVersion(pending=True), create_model=True)
    declare = fraud.deployments.declare
    declare("fraud", "prod", "a", version=1)
    declare("credit", "prod", "b", version=1, status=DeploymentStatus.PENDING)
    declare("fraud", "test", "a", version=2)
    assert declared(fraud) == ["a", "b", "a"]
    assert declared(fraud, model="fraud") == ["a", "a"]
    assert declared(fraud, environment="prod") == ["a", "b"]
    assert declared(fraud, environment="test", name="a") == ["a"]
    assert declared(fraud, environment="test", name="b") == []
    assert declared(fraud, status=DeploymentStatus.PENDING) == ["b"]
    first = fraud.deployments.deployments(environment="prod", page_size=1)
    token = first.next_token
    rest = fraud.deployments.deployments(environment="prod", page_size=1, page_token=token)
    assert [d.name for d in (*first.items, *rest.items)] == ["a", "b"]
    with pytest.raises(InvalidInput):
        fraud.deployments.deployments(environment="test", page_token=token)


def test_who_may_not_read_a_model_sees_none_of_its_deployments(fraud: House) -> None:
    made = fraud.deployments.declare("fraud", "prod", "scoring", version=3)
    eve = somebody(fraud, "eve", Role.ADMIN, Narrowing(models="credit"))
    assert eve.deployments.deployments().items == ()
    assert eve.deployments.drift().items == ()
    calls: list[Callable[[], object]] = [
        lambda: eve.deployments.deployment(made.id),
        lambda: eve.deployments.retire(made.id),
        lambda: eve.deployments.deployments(model="fraud"),
        lambda: eve.deployments.users_of("fraud", 3),
        lambda: eve.deployments.declare("fraud", "prod", "scoring", version=3),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    viewer = somebody(fraud, "vic", Role.VIEWER)
    assert viewer.deployments.deployment(made.id) == made
    with pytest.raises(PermissionDenied):
        viewer.deployments.retire(made.id)


# -- drift ---------------------------------------------------------------------------------------


def test_what_runs_something_else_than_production_is_told_with_since_when(fraud: House) -> None:
    fraud.deployments.declare("fraud", "prod", "old", version=3)
    fraud.deployments.declare("fraud", "prod", "good", version=5)
    old, good = drift_of(fraud, "old"), drift_of(fraud, "good")
    assert (old.runs, old.expected, old.drifted) == (3, 5, True)
    assert old.reason == "runs 3, but Production is 5"
    assert old.since == fraud.catalog.version("fraud", 5).stage_since is not None
    assert (good.drifted, good.reason, good.since) == (False, "", None)
    assert [d.deployment.name for d in fraud.deployments.drift(drifted_only=True).items] == ["old"]
    assert fraud.deployments.drift(environment="test").items == ()
    assert Drift.from_json(old.to_json()).to_json() == old.to_json()


def test_what_follows_an_alias_is_measured_by_it(fraud: House) -> None:
    fraud.deployments.declare("fraud", "prod", "batch", alias="champion", running=4)
    fraud.deployments.declare("fraud", "prod", "lazy", alias="champion")
    assert not drift_of(fraud, "batch").drifted
    moved = fraud.catalog.set_alias("fraud", "champion", 5)
    batch = drift_of(fraud, "batch")
    assert (batch.reference, batch.reason) == ("champion", "runs 4, but champion is 5")
    assert batch.since == moved.updated_at
    assert (drift_of(fraud, "lazy").runs, drift_of(fraud, "lazy").drifted) == (5, False)
    fraud.catalog.delete_alias("fraud", "champion")
    assert drift_of(fraud, "batch").reason == "champion is no version now"


def test_of_several_versions_in_a_stage_each_is_right(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 4, "Production")
    fraud.deployments.declare("fraud", "prod", "a", stage="Production", running=4)
    fraud.deployments.declare("fraud", "prod", "b", version=4)
    assert [d.drifted for d in fraud.deployments.drift().items] == [False, False]


def test_without_production_a_version_is_measured_by_what_was_declared(fraud: House) -> None:
    fraud.lifecycle.move_to_stage("fraud", 5, "Archived")
    fraud.deployments.declare("fraud", "prod", "right", version=3)
    fraud.deployments.declare("fraud", "prod", "late", version=3, running=2)
    fraud.deployments.declare("fraud", "prod", "lost", stage="Production", running=5)
    assert not drift_of(fraud, "right").drifted
    assert drift_of(fraud, "late").reason == "runs 2, but is declared to run 3"
    assert drift_of(fraud, "lost").reason == "Production is no version now"


# -- in use --------------------------------------------------------------------------------------


def test_who_runs_a_version_is_told(fraud: House) -> None:
    declare = fraud.deployments.declare
    declare("fraud", "prod", "names", version=4)
    declare("fraud", "prod", "follows", alias="champion")
    declare("fraud", "prod", "lags", stage="Production", running=4)
    declare("fraud", "prod", "other", stage="Production")
    gone = declare("fraud", "prod", "gone", version=4)
    fraud.deployments.retire(gone.id)
    usage = fraud.deployments.users_of("fraud", 4)
    assert [d.name for d in usage.deployments] == ["names", "follows", "lags"]
    assert usage.uses == ()
    with pytest.raises(NotFound):
        fraud.deployments.users_of("fraud", 9)


@pytest.mark.parametrize(
    "target", [{"version": 4}, {"alias": "champion"}, {"stage": "Production", "running": 4}]
)
def test_a_version_that_runs_is_deleted_only_by_force(
    fraud: House, target: dict[str, object]
) -> None:
    fraud.deployments.declare("fraud", "prod", "scoring", **target)  # type: ignore[arg-type]
    with pytest.raises(InUse, match="the deployment prod/scoring runs it") as refused:
        fraud.catalog.delete_version("fraud", 4)
    assert refused.value.details["reasons"] == ["the deployment prod/scoring runs it"]
    assert fraud.catalog.version("fraud", 4)
    fraud.catalog.delete_version("fraud", 3)
    fraud.catalog.delete_version("fraud", 4, force=True)


def test_a_retired_deployment_or_one_that_lags_behind_hinders_nothing(fraud: House) -> None:
    gone = fraud.deployments.declare("fraud", "prod", "gone", version=4)
    fraud.deployments.retire(gone.id)
    fraud.deployments.declare("fraud", "prod", "lags", alias="champion", running=3)
    fraud.catalog.delete_version("fraud", 4)
    with pytest.raises(InUse):
        fraud.catalog.delete_version("fraud", 3)


def test_a_model_that_is_deployed_is_deleted_only_by_force(fraud: House) -> None:
    fraud.deployments.declare("fraud", "prod", "scoring", version=3)
    with pytest.raises(InUse, match="prod/scoring"):
        fraud.catalog.delete_model("fraud")
    fraud.catalog.delete_model("fraud", force=True)
    assert fraud.deployments.deployments().items == ()


def test_of_many_reasons_the_first_are_shown(fraud: House) -> None:
    for n in range(7):
        fraud.deployments.declare("fraud", "prod", f"n{n}", version=3)
    with pytest.raises(InUse, match="prod/n4 runs it; and 2 more") as refused:
        fraud.catalog.delete_version("fraud", 3)
    assert len(refused.value.details["reasons"]) == 7  # type: ignore[arg-type]
