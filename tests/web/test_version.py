from __future__ import annotations

from typing import Any

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.changes import NewVersion
from muniment.domain.checks import Verdict
from muniment.domain.deployments import UseKind
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.lineage import Node, NodeKind
from muniment.domain.stages import MetricRule, Policy, Stage
from muniment.services import Observer
from tests.server.people import House
from tests.web.conftest import due, stock, unchecked
from tests.web.visiting import Shown, Visitor

V1, V2 = "/models/fraud/1", "/models/fraud/2"
DISCUSSION, ALIASES = f"{V2}#discussion", f"{V2}#aliases"
SIGNATURE = Signature(
    (Variable("amount", VariableType.NUMERIC, "float64", optional=True),),
    (Variable("p", VariableType.NUMERIC, "float64", (-1, 2)),),
)


@pytest.fixture
def fraud(house: House, visitor: Visitor) -> Visitor:
    """A model with two versions, the first in Production."""
    more: dict[str, Any] = {"params": {"depth": 5}, "framework": "xgboost"}
    stock(house, "fraud", b"1", metrics={"auc": 0.9, "loss": 0.3}, **more)
    more = {"params": {"depth": 6}, "label": "2.0", "run_id": "run-7", "signature": SIGNATURE}
    stock(house, "fraud", b"2", metrics={"auc": 0.92, "loss": 0.4, "new": 1.0}, **more)
    house.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    house.owner.catalog.set_alias("fraud", "champion", 1)
    return visitor


def test_a_version_shows_what_it_is_made_of(house: House, fraud: Visitor) -> None:
    page = fraud.get(V2)
    assert page.status == 200
    digest = house.owner.catalog.version("fraud", 2).digest
    assert f'data-copy="{digest}"' in page.html
    assert "content verified" in page.text
    assert "unsigned Nobody has signed its files." in page.text
    assert page.links["model.bin"] == f"{V2}/files/model.bin"
    assert "amount optional NUMERIC float64" in page.text
    assert "(any, 2)" in page.text
    assert "run-7" in page.text
    assert "fraud / 2 2.0" in page.text


def test_metrics_and_params_stand_against_those_in_production(fraud: Visitor) -> None:
    page = fraud.get(V2)
    assert "auc headline higher is better 0.92 0.9 +0.02 better" in page.text
    assert "loss lower is better 0.4 0.3 +0.1 worse" in page.text
    assert "new higher is better 1 – –" in page.text
    assert "depth 6 5" in page.text
    assert page.links["Compare with 1 in Production"].endswith("v=1&v=2&base=1")
    assert "against" not in fraud.get(V1).text


def test_the_primary_action_is_named_by_its_outcome(house: House, fraud: Visitor) -> None:
    assert fraud.get(V2).links["Move to Production"] == f"{V2}/request?stage=Production"
    house.owner.lifecycle.define_stage(Stage("Production", 2, policies=(Policy(approvals=1),)))
    page = fraud.get(V2)
    assert page.links["Request Production"] == f"{V2}/request?stage=Production"
    assert "open 1 approval 0 so far" in page.text
    assert not {"Request Production", "Move to Production"} & fraud.get(V1).links.keys()
    asked = house.owner.lifecycle.request_transition("fraud", 2, "Production")
    house.person("grace", Role.APPROVER)
    page = Visitor(house, "grace").get(V2)
    assert page.links["Review the request for Production"] == f"/requests/{asked.id}"
    house.person("carl", Role.CONTRIBUTOR)
    page = Visitor(house, "carl").get(V2)
    assert page.links[f"Request {asked.id} is open"] == f"/requests/{asked.id}"


def test_what_a_stage_demands_is_shown_with_its_evidence(house: House, fraud: Visitor) -> None:
    policy = Policy(checks=("bias",), metrics=(MetricRule("auc", at_least=0.95),))
    house.owner.lifecycle.define_stage(Stage("Production", 2, policies=(policy,)))
    page = fraud.get(V2)
    assert "open auc is at least 0.95 it is 0.92" in page.text
    assert "open the check 'bias' passes unknown" in page.text
    assert "Request Production" in page.links


def test_why_the_primary_action_is_not_possible(house: House, fraud: Visitor) -> None:
    house.owner.catalog.create_version("fraud", NewVersion(pending=True))
    page = fraud.get("/models/fraud/3")
    assert "Its files are not here yet: it is PENDING." in page.text
    house.owner.catalog.fail_version("fraud", 3, "the disk was full")
    assert "Its upload failed: the disk was full" in fraud.get("/models/fraud/3").text
    house.person("eve", Role.VIEWER)
    page = Visitor(house, "eve").get(V2)
    assert "Request Production is not possible. Not allowed: no grant of eve allows" in page.text
    assert "Request Production" not in page.links


def test_a_grant_for_some_stages_offers_those(house: House, fraud: Visitor) -> None:
    house.person("sam", Role.VIEWER)
    grant = Grant.of_role(Role.APPROVER, Narrowing(stage="Staging"))
    house.owner.administration.add_grant("default", "user:sam", grant)
    page = Visitor(house, "sam").get(V2)
    assert "Request Production is not possible." in page.text


def test_checks_are_shown_with_findings(house: House, fraud: Visitor) -> None:
    checks = house.owner.checks
    checks.report("fraud", 2, "serialization", Verdict.FAIL, findings=("model.pkl: os.system",))
    checks.report("fraud", 2, "bias", Verdict.PASS, url="javascript:alert(1)")
    checks.report("fraud", 2, "drift", Verdict.PASS, url="https://ci.example.com/7")
    page = fraud.get(V2)
    assert "unsafe A scan found something" in page.text
    assert "model.pkl: os.system" in page.text
    assert page.links["report"] == "https://ci.example.com/7"
    assert "javascript:" not in page.html


def test_what_all_checks_say_together_is_shown(house: House, fraud: Visitor) -> None:
    assert "checks waiting" in fraud.get(V2).text
    unchecked(house)
    assert "checks waiting" not in fraud.get(V2).text
    house.owner.checks.report("fraud", 2, "bias", Verdict.PASS)
    assert "checks passed" in fraud.get(V2).text
    assert "checks passed" not in fraud.get("/models/fraud").text  # only what somebody must see
    house.owner.checks.report("fraud", 2, "drift", Verdict.UNKNOWN)
    for page in (V2, "/models/fraud"):
        assert "checks failed" in fraud.get(page).text


def test_checks_are_run_from_the_page(house: House, fraud: Visitor) -> None:
    page = fraud.do(V2, f"{V2}#checks", "check")
    assert page.status == 200
    waits = house.owner.checks.waiting("fraud", 2)
    assert ("waiting to be run" in page.text) is bool(waits)


def test_checks_that_wait_are_shown_and_waited_for(house: House, fraud: Visitor) -> None:
    pointer = NewVersion(source_uri="s3://elsewhere/model")
    house.owner.catalog.create_version("far", pointer, create_model=True)
    page = fraud.get("/models/far/1")
    assert "data-live" not in page.html
    assert "muniment check-result far/1 bias pass" in page.text
    house.owner.lifecycle.define_stage(Stage("Production", 2, policies=(Policy(checks=("bias",)),)))
    due(house, "fraud", 2, "bias", "serialization")
    page = fraud.get(V2)
    assert "bias waiting to be run, or running now" in page.text
    assert "scan pending A scan of its files is waiting to be run" in page.text
    assert "waiting the check 'bias' passes the check is waiting to be run" in page.text
    assert 'data-live="/events?model=fraud&amp;version=2" data-refresh=' in page.html
    house.owner.checks.report("fraud", 2, "bias", Verdict.PASS)
    assert "met the check 'bias' passes pass" in fraud.get(V2).text


def test_ways_to_use_it_name_this_server_and_this_version(house: House, fraud: Visitor) -> None:
    page, origin = fraud.get(V2), str(house.client.base_url).rstrip("/")
    assert f"muniment.connect('{origin}')" in page.text
    assert "registry.pull('fraud/2')" in page.text
    assert f"muniment pull fraud/2 --registry {origin}" in page.text
    assert f"curl -fL -o model.bin {origin}/api/v1/models/fraud/versions/2/files/" in page.text
    assert "mlflow artifacts download --artifact-uri models:/fraud/2" in page.text
    house.person("eve", Role.VIEWER)
    assert 'Bearer $MUNIMENT_TOKEN"' in Visitor(house, "eve").get(V2).text


def test_papers_are_the_same_as_the_api_writes_in_any_workspace(
    house: House, fraud: Visitor
) -> None:
    house.ports.metadata.ensure_workspace("risk", house.clock())
    risk = {"X-Muniment-Workspace": "risk"}
    push = house.client.put("/api/v1/models/own/push/model.txt", content=b"x", headers=risk)
    push.raise_for_status()
    for under, model, headers in (("", "fraud", {}), ("/w/risk", "own", risk)):
        page = fraud.get(f"{under}/models/{model}/1")
        for name, paper in (("model card", "card"), ("bill of materials", "bom")):
            link = page.links[name]
            assert link == f"{under}/models/{model}/1/{paper}"
            path = f"/api/v1/models/{model}/versions/1/{paper}"
            told, here = house.client.get(path, headers=headers), fraud.request("GET", link)
            assert (here.status_code, here.content) == (200, told.content)
            assert here.headers["content-disposition"] == told.headers["content-disposition"]
        pack = fraud.request("GET", page.links["evidence"])
        assert (pack.status_code, pack.content[:4]) == (200, b"PK\x03\x04")
    missing = fraud.get("/models/own/1/card")
    assert missing.status == 404


def test_a_pointer_says_where_it_points(house: House, visitor: Visitor) -> None:
    new = NewVersion(source_uri="s3://bucket/model")
    house.owner.catalog.create_version("fraud", new, create_model=True)
    page = visitor.get(V1)
    assert "content elsewhere" in page.text
    assert "s3://bucket/model" in page.text
    assert "curl" not in page.text


def test_people_discuss_a_version(house: House, fraud: Visitor) -> None:
    house.person("ada", Role.CONTRIBUTOR)
    house.person("grace", Role.CONTRIBUTOR)
    ada, grace = Visitor(house, "ada"), Visitor(house, "grace")
    page = ada.do(V2, DISCUSSION, "comment", text="Recall looks low.\r\n@grace?")
    assert "Your comment stands below." in page.text
    assert "Recall looks low.\n@grace?" in page.html
    assert "delete-comment" in page.html
    assert "delete-comment" not in grace.get(V2).html
    page = ada.do(V2, DISCUSSION, "delete-comment")
    assert "taken back" in page.text
    assert "Recall looks low." not in page.text


def test_a_comment_that_is_refused_stays_typed(house: House, fraud: Visitor) -> None:
    page = Shown(fraud.send(fraud.get(V2), DISCUSSION, "comment", text="   "))
    assert page.status == 400
    assert page.faulty == ["text"]
    assert "A comment must not be empty." in page.text
    page = Shown(fraud.send(fraud.get(V2), DISCUSSION, "comment", text="x" * 20_001))
    assert page.status == 413
    assert page.form(DISCUSSION, "comment").fields["text"] == "x" * 20_001


def test_comments_on_another_version_are_not_deleted_from_here(
    house: House, fraud: Visitor
) -> None:
    fraud.do(V2, DISCUSSION, "comment", text="here")
    other = house.owner.comments.add("fraud", "there", version=1)
    fields = fraud.get(V2).form(DISCUSSION, "delete-comment").fields
    answer = fraud.request("POST", V2, {**fields, "comment": str(other.id), "action": "x"})
    assert answer.status_code == 400
    data = {**fields, "comment": str(other.id), "action": "delete-comment"}
    assert fraud.request("POST", V2, data).status_code == 404
    assert not house.owner.comments.comment(other.id).deleted


def test_aliases_are_pointed_and_removed(house: House, fraud: Visitor) -> None:
    page = fraud.do(V2, ALIASES, "set-alias", alias="@challenger ")
    assert "@challenger points here now." in page.text
    assert house.owner.catalog.model("fraud").aliases == {"champion": 1, "challenger": 2}
    page = fraud.do(V2, V2, "delete-alias")
    assert "@challenger is gone." in page.text
    assert house.owner.catalog.model("fraud").aliases == {"champion": 1}


@pytest.mark.parametrize("alias", ["v7", "latest", "a b", "é" * 256])
def test_a_bad_alias_is_told_at_the_field(fraud: Visitor, alias: str) -> None:
    page = Shown(fraud.send(fraud.get(V2), ALIASES, "set-alias", alias=alias))
    assert page.status >= 400
    assert page.faulty == ["alias"]
    assert page.form(ALIASES, "set-alias").fields["alias"] == alias


def test_lineage_deployments_and_consumers_are_shown(house: House, fraud: Visitor) -> None:
    owner = house.owner
    owner.lineage.link("fraud", 2, Node(NodeKind.VERSION, "fraud/1"), "fine_tuned_from")
    owner.lineage.link("fraud", 2, Node(NodeKind.DATASET, "d", name="bookings", uri="javascript:x"))
    owner.deployments.declare("fraud", "prod", "scoring", version=2)
    observer = Observer(house.ports.metadata)
    observer.note(owner.catalog.version("fraud", 2), owner.caller, UseKind.DOWNLOAD, house.clock())
    observer.close()
    page = fraud.get(V2)
    assert page.links["fraud/1"] == V1
    assert "trained on dataset bookings" in page.text
    assert "bookings" not in page.links
    assert "prod / scoring running" in page.text
    assert "Consumers" in page.text


def test_a_version_is_deleted_by_who_insists_if_it_runs(house: House, fraud: Visitor) -> None:
    house.owner.deployments.declare("fraud", "prod", "scoring", version=2)
    refused = Shown(fraud.send(fraud.get(V2), V2, "delete"))
    assert refused.status == 409
    assert "prod/scoring" in refused.text
    done = fraud.send(refused, V2, "delete", force="yes")
    assert done.headers["location"] == "/models/fraud?deleted=1"
    assert fraud.get(V2).status == 404


def test_a_viewer_is_offered_nothing_to_change(house: House, fraud: Visitor) -> None:
    house.person("eve", Role.VIEWER)
    viewer = Visitor(house, "eve")
    page = viewer.get(V1)
    assert page.status == 200
    assert not [form for form in page.forms if form.action.startswith("/models/fraud")]
    assert "Edit" not in page.links


@pytest.mark.parametrize("action", ["comment", "set-alias", "delete-alias", "delete", "restore"])
def test_what_is_not_offered_is_not_done(house: House, fraud: Visitor, action: str) -> None:
    house.person("eve", Role.VIEWER)
    viewer = Visitor(house, "eve")
    token = next(f.fields["form"] for f in viewer.get(V1).forms if "form" in f.fields)
    before = house.owner.catalog.version("fraud", 1), house.owner.catalog.model("fraud")
    data = {"form": token, "action": action, "text": "x", "alias": "champion"}
    answer = viewer.request("POST", V1, data)
    assert answer.status_code == 403
    assert (house.owner.catalog.version("fraud", 1), house.owner.catalog.model("fraud")) == before


@pytest.mark.parametrize("path", ["/models/fraud/9", "/models/fraud/x", "/models/nix/1"])
def test_what_is_not_there_is_said(fraud: Visitor, path: str) -> None:
    assert fraud.get(path).status == 404
