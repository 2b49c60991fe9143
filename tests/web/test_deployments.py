from __future__ import annotations

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.deployments import DeploymentStatus
from muniment.server.web.deployment import Target
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Shown, Visitor

DECLARE = "/deployments/declare"


@pytest.fixture
def scoring(house: House) -> str:
    """The path of a deployment that follows Production of fraud, where version 2 is."""
    stock(house, "fraud", b"1")
    stock(house, "fraud", b"2")
    house.owner.lifecycle.move_to_stage("fraud", 2, "Production")
    made = house.owner.deployments.declare("fraud", "prod", "scoring", stage="Production")
    return f"/deployments/{made.id}"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("3", Target(version=3)),
        (" @champion ", Target(alias="champion")),
        ("Production", Target(stage="Production")),
        ("", Target()),
        ("٣", Target(stage="٣")),
    ],
)
def test_a_target_is_a_version_an_alias_or_a_stage(text: str, target: Target) -> None:
    assert Target.of(text) == target


def test_an_empty_registry_says_how_to_declare_one(visitor: Visitor) -> None:
    page = visitor.get("/deployments")
    assert "No deployment is declared yet." in page.text
    assert "muniment deploy fraud/Production prod scoring" in page.text
    assert page.links["Declare a deployment"] == DECLARE


def test_the_matrix_shows_what_runs_where_and_what_drifted(
    house: House, visitor: Visitor, scoring: str
) -> None:
    house.owner.deployments.declare("fraud", "eu-west", "batch", version=1)
    page = visitor.get("/deployments")
    assert "Model eu-west prod fraud 1 batch should be 2 2 scoring" in page.text
    assert "1 deployment on this page runs something else than it should." in page.text
    assert "runs 1, but Production is 2" in page.text
    assert page.links["2 scoring"] == scoring


def test_deployments_are_filtered(house: House, visitor: Visitor, scoring: str) -> None:
    stock(house, "churn")
    other = house.owner.deployments.declare("churn", "eu-west", "crm", version=1)
    assert "scoring" not in visitor.get("/deployments?model=churn").text
    assert "scoring" not in visitor.get("/deployments?environment=eu-west").text
    assert "No deployment fits." in visitor.get("/deployments?show=drifted").text
    house.owner.deployments.retire(other.id, comment="No longer needed.")
    assert "crm" not in visitor.get("/deployments").text
    retired = visitor.get("/deployments?show=retired")
    assert "No longer needed." in retired.text
    assert "scoring" not in retired.text
    assert visitor.get("/deployments?show=bogus").status == 400
    missing = visitor.get("/deployments?model=nothing")
    assert missing.status == 404
    assert missing.forms[1].fields["model"] == "nothing"


def test_there_is_no_end_of_pages(house: House, visitor: Visitor, scoring: str) -> None:
    for n in range(50):
        house.owner.deployments.declare("fraud", "many", f"job-{n}", version=2)
    page = visitor.get("/deployments")
    assert "job-48" in page.text
    assert "job-49" not in page.text
    assert "job-49" in visitor.get(page.links["Next page"]).text


def test_a_deployment_is_declared_by_the_form(house: House, visitor: Visitor, scoring: str) -> None:
    answer = visitor.send(
        visitor.get(DECLARE), DECLARE, model="fraud", environment="test", name="try", target="1",
        url="https://try.example.org",
    )  # fmt: skip
    assert answer.status_code == 303
    page = visitor.get(answer.headers["location"])
    assert "test/try runs fraud/1." in page.text
    assert page.links["https://try.example.org"] == "https://try.example.org"
    made = house.owner.deployments.live_deployment("fraud", "test", "try")
    assert (made.version, made.status) == (1, DeploymentStatus.RUNNING)


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("environment", "no spaces", 400),
        ("environment", "", 400),
        ("name", "a\tb", 400),
        ("target", "Nowhere", 400),
        ("target", "", 400),
        ("running", "two", 400),
        ("status", "retired", 400),
        ("url", "not a url", 400),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    house: House, visitor: Visitor, scoring: str, field: str, value: str, status: int
) -> None:
    fields = {"model": "fraud", "environment": "test", "name": "try", "target": "1"}
    fields |= {"comment": "A <try>.", field: value}
    page = Shown(visitor.send(visitor.get(DECLARE), DECLARE, **fields))
    assert (page.status, page.faulty) == (status, [field])
    assert page.form(DECLARE).fields["comment"] == "A <try>."
    assert len(house.owner.deployments.deployments().items) == 1


def test_what_is_not_there_can_not_be_deployed(visitor: Visitor, scoring: str) -> None:
    for field, model, target, running in (
        ("model", "nothing", "1", ""),
        ("target", "fraud", "@nobody", ""),
        ("target", "fraud", "99", ""),
        ("running", "fraud", "1", "99"),
    ):
        fields = {"model": model, "target": target, "running": running}
        page = Shown(
            visitor.send(visitor.get(DECLARE), DECLARE, environment="test", name="try", **fields)
        )
        assert (page.status, page.faulty) == (404, [field])
        assert page.form(DECLARE).fields["name"] == "try"


def test_a_deployment_is_changed(house: House, visitor: Visitor, scoring: str) -> None:
    page = visitor.do(scoring, scoring, "change", running="1", status="failed", comment="Slow.")
    assert "It drifted: it runs 1, but Production is 2" in page.text
    changed = house.owner.deployments.live_deployment("fraud", "prod", "scoring")
    assert (changed.stage, changed.running, changed.status) == ("Production", 1, "failed")
    page = visitor.do(scoring, scoring, "change", running="")
    assert "It drifted" not in page.text
    cleared = house.owner.deployments.live_deployment("fraud", "prod", "scoring")
    assert (cleared.stage, cleared.running, cleared.status) == ("Production", None, "failed")
    page = visitor.do(scoring, scoring, "change", target="1", running="", comment="")
    changed = house.owner.deployments.live_deployment("fraud", "prod", "scoring")
    assert (changed.version, changed.stage, changed.running) == (1, None, None)
    assert changed.comment == ""


def test_a_change_of_what_has_changed_meanwhile_is_refused(
    house: House, visitor: Visitor, scoring: str
) -> None:
    seen = visitor.get(scoring)
    house.owner.deployments.declare("fraud", "prod", "scoring", running=1)
    answer = visitor.send(seen, scoring, "change", comment="Mine.")
    assert answer.status_code == 412
    assert 'value="Mine."' in answer.text


def test_a_deployment_is_retired_and_can_be_declared_again(
    house: House, visitor: Visitor, scoring: str
) -> None:
    page = visitor.do(scoring, scoring, "retire", comment="Replaced.")
    assert "prod/scoring is retired." in page.text
    assert "Replaced." in page.text
    again = visitor.get(page.links["Declare it again"])
    filled = again.form(DECLARE).fields
    assert (filled["model"], filled["environment"], filled["name"], filled["target"]) == (
        "fraud", "prod", "scoring", "Production",
    )  # fmt: skip


def test_nobody_is_offered_what_they_may_not_do(house: House, scoring: str) -> None:
    house.person("vic", Role.VIEWER)
    vic = Visitor(house, "vic")
    assert "Declare a deployment" not in vic.get("/deployments").links
    page = vic.get(scoring)
    assert "You may see this deployment, not change it" in page.text
    assert not any(form.action == scoring for form in page.forms)
    assert vic.get(DECLARE).status == 403
    token = vic.get(scoring).forms[-1].fields["form"]
    data = {"form": token, "action": "retire", "revision": "1"}
    assert vic.request("POST", scoring, data).status_code == 403
    assert house.owner.deployments.deployments().items[0].live


def test_no_deployment_is_shown_of_models_that_the_visitor_may_not_see(
    house: House, scoring: str
) -> None:
    house.person("narrow")
    grant = Grant.of_role(Role.ADMIN, Narrowing(models="churn*"))
    house.owner.administration.add_grant("default", "user:narrow", grant)
    narrow = Visitor(house, "narrow")
    assert "No deployment is declared yet." in narrow.get("/deployments").text
    assert narrow.get(scoring).status == 404
    assert narrow.get("/deployments/x").status == 404


def test_an_address_leads_to_the_web_and_nowhere_else(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    made = house.owner.deployments.declare(
        "fraud", "prod", "<b>x</b>", version=1, url="javascript://x/%0aalert(1)"
    )
    page = visitor.get(f"/deployments/{made.id}")
    assert "javascript://x/%0aalert(1)" in page.text
    assert not any(link.startswith("javascript") for link in page.links.values())
    assert "<b>x</b>" not in page.html
    assert "<b>x</b>" not in visitor.get("/deployments").html
