"""Stages and their policies, changed in the browser."""

from __future__ import annotations

import pytest

from muniment.domain.access import Role
from muniment.domain.stages import Policy
from muniment.server.web.policies import policy_in, said_of
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor

PRODUCTION = "/admin/stages/Production"


def test_stages_are_listed_in_their_order(visitor: Visitor) -> None:
    page = visitor.get("/admin/stages")
    at = [page.text.index(name) for name in ("Staging", "Production", "Archived")]
    assert at == sorted(at)


def test_a_stage_is_added_described_and_removed(house: House, visitor: Visitor) -> None:
    page = visitor.do("/admin/stages", "/admin/stages", name="Canary 5 %", order="150")
    assert (page.status, page.faulty) == (400, ["name"])
    assert page.form("/admin/stages").fields["name"] == "Canary 5 %"
    visitor.do("/admin/stages", "/admin/stages", name="Canary", order="150", colour="#8A5FBF")
    path = "/admin/stages/Canary"
    visitor.do(path, path, "describe", order="120", description="One in twenty.")
    made = house.owner.lifecycle.stage("Canary")
    assert (made.order, made.description, made.colour) == (120, "One in twenty.", "#8a5fbf")
    assert visitor.do("/admin/stages", "/admin/stages", name="canary").status == 409
    stock(house, "fraud")
    house.owner.lifecycle.move_to_stage("fraud", 1, "Canary")
    refused = visitor.do(path, path, "remove")
    assert refused.status == 409
    assert "Versions are in the stage" in refused.text
    house.owner.lifecycle.move_to_stage("fraud", 1, "Staging")
    assert "The stage Canary was removed." in visitor.do(path, path, "remove").text
    assert visitor.get(path).status == 404


def test_a_policy_is_added_changed_and_removed(house: House, visitor: Visitor) -> None:
    page = visitor.do(
        PRODUCTION,
        PRODUCTION,
        "policy",
        at="0",
        models="fraud-*",
        approvals="2",
        approver="approver",
        checks="bias, latency",
        metrics="auc>=0.9\nloss<=now+0.01",
        tags="reviewed=true",
        review_days="90",
        description="on",
    )
    said = "2 approvals by approver or higher; the check bias passes; the check latency passes"
    assert said in page.text
    (policy,) = house.owner.lifecycle.stage("Production").policies
    assert policy.to_json() == {
        "models": "fraud-*",
        "approvals": 2,
        "approver": "approver",
        "checks": ["bias", "latency"],
        "metrics": [
            {"metric": "auc", "at_least": 0.9},
            {"metric": "loss", "worse_by_at_most": 0.01, "higher_is_better": False},
        ],
        "tags": ["reviewed=true"],
        "description": True,
        "review_days": 90.0,
    }
    form = page.form(PRODUCTION, "policy", at="0")
    assert form.fields["metrics"] == "auc>=0.9, loss<=now+0.01"
    visitor.do(PRODUCTION, PRODUCTION, "policy", at="0", approvals="1")
    (changed,) = house.owner.lifecycle.stage("Production").policies
    assert (changed.approvals, changed.metrics) == (1, policy.metrics)
    visitor.do(PRODUCTION, PRODUCTION, "drop", at="0")
    assert house.owner.lifecycle.stage("Production").policies == ()


@pytest.mark.parametrize(
    ("field", "text"),
    [("metrics", "auc is fine"), ("approvals", "two"), ("review_days", "soon")],
)
def test_a_bad_policy_is_said_at_its_field_and_keeps_what_was_typed(
    visitor: Visitor, field: str, text: str
) -> None:
    page = visitor.do(PRODUCTION, PRODUCTION, "policy", at="0", models="x-*", **{field: text})
    assert (page.status, page.faulty) == (400, [field])
    fields = page.form(PRODUCTION, "policy").fields
    assert (fields[field], fields["models"]) == (text, "x-*")


def test_who_changed_a_stage_meanwhile_is_not_overwritten(house: House, visitor: Visitor) -> None:
    page = visitor.get(PRODUCTION)
    visitor.do(PRODUCTION, PRODUCTION, "policy", at="0", approvals="2")
    late = visitor.send(page, PRODUCTION, "policy", at="0", approvals="1")
    assert late.status_code == 412
    (policy,) = house.owner.lifecycle.stage("Production").policies
    assert policy.approvals == 2


def test_who_may_not_change_stages_is_offered_no_form(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.APPROVER)
    for path in ("/admin/stages", PRODUCTION):
        page = Visitor(house, "ada").get(path)
        assert page.status == 200
        assert not [form for form in page.forms if form.action == path]
        assert "An admin of this workspace changes stages." in page.text


def test_a_policy_survives_the_form_and_reads_as_a_sentence() -> None:
    policy = policy_in({"approvals": "1", "signed": "on", "request_days": "1.5"})
    assert policy == Policy(approvals=1, signed=True, request_days=1.5)
    assert said_of(policy) == "1 approval; a trusted signature; requests expire after 1.5 days"
    assert said_of(policy_in({})) == "nothing"
