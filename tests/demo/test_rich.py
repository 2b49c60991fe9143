"""The rich demo: a year of a registry."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.demo.year import fill
from muniment.domain.caller import Caller
from muniment.domain.refs import parse_ref
from muniment.domain.requests import RequestState
from muniment.server.app import open_ports
from muniment.server.settings import Settings
from muniment.services import Services

DEMO = [sys.executable, "-m", "muniment", "demo", "--rich", "--exit"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    ports = open_ports(Settings(home=tmp_path_factory.mktemp("year") / "home"))
    fill(ports)
    yield Services(ports, Caller())
    ports.close()


def test_it_has_twenty_models_and_three_hundred_versions(filled: Services) -> None:
    models = filled.catalog.find_models(None, page_size=100).items
    assert len(models) == 20
    assert sum(model.version_count for model in models) == 300
    assert all(model.description for model in models)
    assert len({model.tags["team"] for model in models}) > 4


def test_it_has_requests_of_every_end_deployments_lineage_and_users_of_versions(
    filled: Services,
) -> None:
    for state in (RequestState.OPEN, RequestState.APPROVED, RequestState.REJECTED):
        assert filled.lifecycle.requests(state=state).items, state
    drift = filled.deployments.drift(page_size=100).items
    assert {found.drifted for found in drift} == {True, False}
    assert filled.lineage.graph(parse_ref("ticket-topics/16")).edges
    champion = filled.catalog.model("fraud-detection").aliases["champion"]
    assert filled.uses.uses(model="fraud-detection")
    assert filled.catalog.version("fraud-detection", champion).stage == "Production"


def test_its_history_holds(filled: Services) -> None:
    assert filled.catalog.verify_history("fraud-detection") > 100
    happened = filled.feed.activities(page_size=200).items
    times = [one.activity.at for one in happened]
    assert times == sorted(times, reverse=True)


def test_the_command_fills_a_home_once_and_says_where_it_serves(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [*DEMO, "--home", home, "-o", "json"], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    assert (said["models"], said["versions"]) == (20, 300)
    again = subprocess.run([*DEMO, "--home", home], capture_output=True, text=True)
    assert again.returncode != 0
    assert "There are models in" in again.stderr
