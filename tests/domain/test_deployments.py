"""Deployments and uses: what they follow, where they run, and how they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muniment.domain.deployments import (
    Deployment,
    DeploymentStatus,
    Use,
    UseKind,
    check_environment,
)
from muniment.errors import InvalidInput
from tests.domain.making import NOON, later

PLAIN = Deployment(
    "fraud", "prod", "scoring", NOON, "ada", later(1), "bob", version=3, id=6, model_id=2
)
OF_ALIAS = replace(PLAIN, version=None, alias="champion", running=2, url="https://x", comment="c")
OF_STAGE = replace(PLAIN, version=None, stage="Production", status=DeploymentStatus.PENDING)
RETIRED = replace(PLAIN, status=DeploymentStatus.RETIRED, revision=4)


@pytest.mark.parametrize("deployment", [PLAIN, OF_ALIAS, OF_STAGE, RETIRED])
def test_a_deployment_survives_json_and_the_store(deployment: Deployment) -> None:
    assert replace(Deployment.from_json(deployment.to_json()), model_id=2) == deployment
    record = deployment.to_record()
    assert Deployment.from_record(record, "renamed") == replace(deployment, model="renamed")


@pytest.mark.parametrize(
    ("deployment", "target"),
    [(PLAIN, "fraud/3"), (OF_ALIAS, "fraud@champion"), (OF_STAGE, "fraud/Production")],
)
def test_a_deployment_follows_one_thing(deployment: Deployment, target: str) -> None:
    assert deployment.target == target
    assert deployment.place == "prod/scoring"


def test_a_deployment_runs_what_was_said_or_what_its_target_means() -> None:
    assert PLAIN.runs(None) == 3
    assert OF_ALIAS.runs(5) == 2
    assert replace(OF_ALIAS, running=None).runs(5) == 5
    assert OF_STAGE.runs(None) is None
    assert replace(PLAIN, running=2).runs(None) == 2


@pytest.mark.parametrize("status", DeploymentStatus)
def test_a_deployment_lives_until_it_is_retired(status: DeploymentStatus) -> None:
    deployment = replace(PLAIN, status=status)
    assert deployment.live is (status is not DeploymentStatus.RETIRED)
    assert deployment.to_record().state == ("live" if deployment.live else "retired")


def test_a_deployment_is_found_by_environment_and_name() -> None:
    assert PLAIN.to_record().keys == ("environment:prod", "name:scoring")


def test_what_follows_an_alias_is_about_no_version() -> None:
    """Else it would be removed with a version that it has once run."""
    assert PLAIN.to_record().version == 3
    assert OF_ALIAS.to_record().version is None


@pytest.mark.parametrize("name", ["prod", "eu-west_1.b", "9", "x" * 63])
def test_environments(name: str) -> None:
    assert check_environment(name) == name


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a\n", "x" * 64])
def test_other_environments_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="environment"):
        check_environment(name)


@pytest.mark.parametrize("kind", UseKind)
@pytest.mark.parametrize("named", [True, False])
def test_a_use_survives_json(kind: UseKind, named: bool) -> None:
    use = Use("fraud", 3, "job", named, kind, NOON, later(9), 4)
    assert Use.from_json(use.to_json()) == use
