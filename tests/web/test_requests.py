from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.checks import Verdict
from muniment.domain.deployments import UseKind
from muniment.domain.requests import RequestState
from muniment.domain.stages import MetricRule, Policy, Stage
from muniment.services import Services
from tests.server.people import House
from tests.web.conftest import due, stock
from tests.web.visiting import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

STRICT = Policy(
    approvals=1,
    checks=("bias",),
    metrics=(MetricRule("auc", at_least=0.9),),
    description=True,
    request_days=7,
)


def demand(house: House, *policies: Policy) -> None:
    house.owner.lifecycle.define_stage(Stage("Production", 200, policies=policies))


def acting(house: House, name: str) -> Services:
    return Services(house.ports, Caller(name, principal=house.owner.caller.principal))


@pytest.fixture
def asked(house: House) -> str:
    """The path of a request by ada for `fraud/2`, beside version 1 in Production."""
    for name, role in (("ada", Role.CONTRIBUTOR), ("grace", Role.APPROVER), ("vic", Role.VIEWER)):
        house.person(name, role)
    stock(house, "fraud", b"1", metrics={"auc": 0.90, "loss": 0.4})
    stock(house, "fraud", b"2", metrics={"auc": 0.95, "loss": 0.5}, description="More data.")
    house.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    demand(house, STRICT)
    request = acting(house, "ada").lifecycle.request_transition(
        "fraud", 2, "Production", comment="Better.", archive_existing=True
    )
    return f"/requests/{request.id}"


def passed(house: House, verdict: Verdict = Verdict.PASS, url: str = "") -> None:
    house.owner.checks.report("fraud", 2, "bias", verdict, findings=("One group.",), url=url)


# -- asking --------------------------------------------------------------------------------------


def test_a_request_is_asked_for_by_the_form(house: House) -> None:
    stock(house, "fraud")
    house.person("ada", Role.CONTRIBUTOR)
    demand(house, STRICT)
    ada, path = Visitor(house, "ada"), "/models/fraud/1/request"
    page = ada.get(f"{path}?stage=Production")
    assert "the check 'bias' passes" in page.text
    assert page.form(path, "ask").fields["stage"] == "Production"
    answer = ada.send(page, path, "ask", comment="Please.")
    assert answer.status_code == 303
    shown = ada.get(answer.headers["location"])
    assert "Production is requested for fraud/1." in shown.text
    assert "Please." in shown.text
    request = house.owner.lifecycle.requests().items[0]
    assert (request.requested_by, request.to_stage) == ("ada", "Production")


def test_the_form_names_the_stage_that_usually_follows(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    assert "Request Staging" in visitor.get("/models/fraud/1/request").text
    house.owner.lifecycle.move_to_stage("fraud", 1, "Staging")
    page = visitor.get("/models/fraud/1/request?stage=nothing")
    assert "Request Production" in page.text
    offered = page.forms[1].choices["stage"]
    assert "Staging" not in offered
    assert "Production" in offered


def test_what_is_asked_for_already_is_not_offered_again(house: House, asked: str) -> None:
    ada, path = Visitor(house, "ada"), "/models/fraud/2/request?stage=Production"
    page = ada.get(path)
    assert page.links["See the request"] == asked
    assert not any("ask" in form.buttons for form in page.forms)


def test_nobody_is_offered_what_they_may_not_do(house: House, asked: str) -> None:
    vic = Visitor(house, "vic")
    page = vic.get("/models/fraud/1/request?stage=Staging")
    assert "You can't ask for this: no grant of vic allows request.create" in page.text
    assert not any(form.buttons for form in page.forms if form.method == "post")
    page = vic.get(asked)
    assert "You can't approve this. Not allowed: no grant of vic" in page.text
    assert "You may read this discussion, not take part in it." in page.text
    assert not any(form.action == asked for form in page.forms)


def test_a_version_is_moved_at_once_where_nothing_demands_a_review(
    house: House, visitor: Visitor
) -> None:
    stock(house, "fraud")
    page = visitor.get("/models/fraud/1/request?stage=Staging")
    answer = visitor.send(page, "/models/fraud/1/request", "move", comment="Off it goes.")
    assert answer.headers["location"] == "/models/fraud/1"
    assert house.owner.catalog.version("fraud", 1).stage == "Staging"
    demand(house, STRICT)
    page = visitor.get("/models/fraud/1/request?stage=Production")
    assert not any("move" in form.buttons for form in page.forms)


def test_what_is_there_is_archived_only_where_somebody_says_so(
    house: House, visitor: Visitor
) -> None:
    for n in range(14):
        stock(house, "fraud", str(n).encode())
        if n < 12:
            house.owner.lifecycle.move_to_stage("fraud", n + 1, "Staging")
    path = "/models/fraud/13/request"
    page = visitor.get(path)
    assert "version 12, version 11," in page.text
    assert "version 3 and older ones" in page.text
    assert "archive" not in page.form(path, "move").fields
    visitor.send(page, path, "move")
    assert house.owner.catalog.version("fraud", 1).stage == "Staging"
    path = "/models/fraud/14/request"
    visitor.send(visitor.get(path), path, "move", archive="on")
    assert house.owner.catalog.version("fraud", 1).stage == "Archived"


def test_a_refused_form_keeps_what_was_typed(house: House, asked: str) -> None:
    ada, path = Visitor(house, "ada"), "/models/fraud/1/request"
    house.owner.lifecycle.move_to_stage("fraud", 1, "Archived", force=True)
    page = ada.get(f"{path}?stage=Staging")
    acting(house, "grace").lifecycle.request_transition("fraud", 1, "Staging")
    answer = ada.send(page, path, "ask", comment="It was <b>fine</b>.")
    assert answer.status_code == 409
    assert "by grace asks for that already" in answer.text
    page = ada.get(f"{path}?stage=Production")
    page.form(path, "ask").fields["stage"] = "Nowhere"
    answer = ada.send(page, path, "ask", comment="It was <b>fine</b>.")
    assert answer.status_code == 400
    assert "There is no stage &#39;Nowhere&#39;." in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "It was &lt;b&gt;fine&lt;/b&gt;.</textarea>" in answer.text


# -- looking -------------------------------------------------------------------------------------


def test_a_request_shows_what_speaks_for_and_against_it(house: House, asked: str) -> None:
    house.owner.deployments.declare("fraud", "prod", "scoring", stage="Production")
    house.owner.deployments.declare("fraud", "prod", "batch", version=1)
    house.owner.catalog.set_alias("fraud", "try", 2)
    house.owner.deployments.declare("fraud", "test", "other", alias="try")
    passed(house, Verdict.FAIL, "https://checks.example.org/1")
    page = Visitor(house, "grace").get(asked)
    assert "fraud/2 no stage → to Production" in page.text
    assert "Missing: the check 'bias' passes fail" in page.text
    assert "Met: auc is at least 0.9 it is 0.95" in page.text
    assert "+0.05 better" in page.text
    assert "+0.1 worse" in page.text
    assert "follows Production, which will mean version 2" in page.text
    assert "runs version 1, which will be archived" in page.text
    assert "test/other" not in page.text
    assert page.links["bias"] == "https://checks.example.org/1"
    assert "It can't be approved yet: 1 of the demands is not met." in page.text
    assert "approve" not in page.form(asked, "reject").buttons


def test_the_decision_comes_after_the_evidence_and_before_the_discussion(
    house: House, asked: str
) -> None:
    headings = [text for _, text in Visitor(house, "grace").get(asked).headings]
    evidence = next(n for n, text in enumerate(headings) if text.startswith("What Production"))
    assert evidence < headings.index("Your decision") < headings.index("Discussion")


def test_a_demand_that_waits_for_its_check_says_so(house: House, asked: str) -> None:
    grace = Visitor(house, "grace")
    assert "Missing: the check 'bias' passes unknown" in grace.get(asked).text
    due(house, "fraud", 2, "bias")
    page = grace.get(asked)
    assert "Waiting: the check 'bias' passes the check is waiting to be run" in page.text
    assert "bias pending none yet waiting to be run, or running now" in page.text
    assert "approve" not in page.form(asked, "reject").buttons
    ask = grace.get("/models/fraud/2/request?stage=Production")
    assert "Waiting: the check 'bias' passes" in ask.text
    passed(house)
    assert "Met: the check 'bias' passes pass" in grace.get(asked).text


def test_who_used_the_version_that_is_replaced_is_named(house: House, asked: str) -> None:
    version = house.owner.catalog.version("fraud", 1)
    caller = Caller("ada", consumer="nightly", principal=house.owner.caller.principal)
    assert house.ports.observer is not None
    house.ports.observer.note(version, caller, UseKind.DOWNLOAD, house.clock())
    house.ports.observer.flush()
    page = Visitor(house, "grace").get(asked)
    assert "Who used version 1 last nightly" in page.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", " https://x"])
def test_a_report_leads_to_the_web_and_nowhere_else(house: House, asked: str, url: str) -> None:
    passed(house, url=url)
    page = Visitor(house, "grace").get(asked)
    assert "bias" in page.text
    assert url not in page.links.values()


def test_what_people_wrote_is_shown_as_they_wrote_it(house: House, asked: str) -> None:
    evil = "<script>alert(1)</script> [x](javascript:alert(2))"
    house.owner.comments.add("fraud", evil, request=int(asked.rpartition("/")[2]))
    page = Visitor(house, "grace").get(asked)
    assert evil in page.text
    assert "<script>alert" not in page.html


def test_no_request_is_shown_to_who_may_not_see_its_model(house: House, asked: str) -> None:
    house.person("narrow")
    grant = Grant.of_role(Role.ADMIN, Narrowing(models="churn*"))
    house.owner.administration.add_grant("default", "user:narrow", grant)
    narrow = Visitor(house, "narrow")
    assert narrow.get(asked).status == 404
    assert narrow.get("/models/fraud/2/request").status == 404
    assert "Nobody waits for a review." in narrow.get("/reviews").text
    for path in ("/requests/999", "/requests/x", "/requests/" + "9" * 30):
        assert Visitor(house, "grace").get(path).status == 404


# -- deciding ------------------------------------------------------------------------------------


def test_somebody_else_approves_and_the_stage_changes_with_it(house: House, asked: str) -> None:
    passed(house)
    page = Visitor(house, "ada").get(asked)
    assert "You can't approve this. Not allowed: no grant of ada" in page.text
    page = Visitor(house, "grace").do(asked, asked, "approve", comment="Looks right.", archive="on")
    assert "Approved: fraud/2 is in Production now." in page.text
    assert "grace approved Looks right." in page.text
    assert house.owner.catalog.version("fraud", 2).stage == "Production"
    assert house.owner.catalog.version("fraud", 1).stage == "Archived"
    assert not [form for form in page.forms if "reject" in form.buttons]


def test_the_approver_decides_what_becomes_of_what_is_there(house: House, asked: str) -> None:
    passed(house)
    grace = Visitor(house, "grace")
    page = grace.get(asked)
    page.form(asked, "approve").fields.pop("archive")
    assert grace.send(page, asked, "approve").status_code == 303
    assert house.owner.catalog.version("fraud", 1).stage == "Production"


def test_who_asked_for_it_does_not_approve_it(house: House) -> None:
    house.person("grace", Role.APPROVER)
    stock(house, "fraud")
    demand(house, Policy(approvals=1))
    grace = Visitor(house, "grace")
    answer = grace.send(
        grace.get("/models/fraud/1/request?stage=Production"), "/models/fraud/1/request", "ask"
    )
    path = answer.headers["location"]
    page = grace.get(path)
    assert "grace has asked for this, and so can't approve it." in page.text
    assert "reject" in page.form(path, "reject").buttons
    assert not any("approve" in form.buttons for form in page.forms)


def test_of_several_approvals_each_counts_once(house: House) -> None:
    for name in ("ada", "grace", "bob"):
        house.person(name, Role.APPROVER)
    stock(house, "fraud")
    demand(house, Policy(approvals=2))
    request = acting(house, "ada").lifecycle.request_transition("fraud", 1, "Production")
    path = f"/requests/{request.id}"
    grace = Visitor(house, "grace")
    assert "1 more approval will be needed after yours." in grace.get(path).text
    page = grace.do(path, path, "approve")
    assert "It waits for others to approve, too." in page.text
    assert "grace has approved request" in page.text
    page = Visitor(house, "bob").do(path, path, "approve")
    assert "Approved: fraud/1 is in Production now." in page.text


def test_a_request_is_rejected_with_a_reason(house: House, asked: str) -> None:
    page = Visitor(house, "grace").do(asked, asked, "reject", comment="Not on young cards.")
    assert "Rejected: fraud/2 stays where it is." in page.text
    assert "closed it: rejected Not on young cards." in page.text
    assert house.owner.catalog.version("fraud", 2).stage == "None"


def test_a_request_is_taken_back_by_who_asked(house: House, asked: str) -> None:
    grace = Visitor(house, "grace")
    assert not any("cancel" in form.buttons for form in grace.get(asked).forms)
    page = Visitor(house, "ada").do(asked, asked, "cancel", comment="Too early.")
    assert "The request was taken back." in page.text
    assert "Too early." in page.text


def test_a_decision_on_what_has_changed_meanwhile_is_shown_again(house: House, asked: str) -> None:
    passed(house)
    grace, ada = Visitor(house, "grace"), Visitor(house, "ada")
    seen = grace.get(asked)
    ada.do(asked, asked, "cancel")
    answer = grace.send(seen, asked, "approve", comment="Yes.")
    assert answer.status_code == 409
    assert house.owner.catalog.version("fraud", 2).stage == "None"


def test_what_is_in_use_is_archived_only_by_who_insists(house: House, asked: str) -> None:
    passed(house)
    house.owner.deployments.declare("fraud", "prod", "batch", version=1)
    grace = Visitor(house, "grace")
    seen = grace.get(asked)
    assert "force" not in seen.form(asked, "approve").choices
    answer = grace.send(seen, asked, "approve", comment="Yes, really.", archive="on")
    assert answer.status_code == 409
    assert "the deployment prod/batch runs it" in answer.text
    assert "Yes, really.</textarea>" in answer.text
    again = {"force": "on", "comment": "Yes, really."}
    seen.form(asked, "approve").choices["force"] = ["on"]
    assert grace.send(seen, asked, "approve", archive="on", **again).status_code == 303
    assert house.owner.catalog.version("fraud", 1).stage == "Archived"


def test_an_overdue_request_is_not_decided_any_more(house: House, asked: str) -> None:
    house.clock.ahead = timedelta(days=8)
    grace = Visitor(house, "grace")
    page = grace.get(asked)
    assert "nobody can decide it any more" in page.text
    assert not any("approve" in form.buttons for form in page.forms)
    assert page.links["Ask again"] == "/models/fraud/2/request"


def test_a_request_for_a_deleted_version_says_so(house: House, asked: str) -> None:
    house.owner.catalog.delete_version("fraud", 2)
    page = Visitor(house, "grace").get(asked)
    assert page.status == 200
    assert "Version 2 of fraud was deleted." in page.text
    assert not any("approve" in form.buttons for form in page.forms)


def test_a_form_from_elsewhere_decides_nothing(house: House, asked: str) -> None:
    passed(house)
    answer = house.client.post(
        asked, data={"action": "approve", "form": "0" * 64}, headers=house.sign_in("grace")
    )
    assert answer.status_code == 400
    assert house.owner.lifecycle.requests().items[0].state is RequestState.OPEN


# -- the thread ----------------------------------------------------------------------------------


def test_a_comment_is_added_and_taken_back_by_its_author_alone(house: House, asked: str) -> None:
    ada, grace = Visitor(house, "ada"), Visitor(house, "grace")
    page = ada.do(asked, asked, "comment", text="See @grace.\nNow.")
    assert "Your comment was added." in page.text
    assert "See @grace. Now." in page.text
    assert not any("withdraw" in form.buttons for form in grace.get(asked).forms)
    assert "ada on fraud/2, request" in grace.get("/reviews").text
    page = ada.do(asked, asked, "withdraw")
    assert "The comment was taken back." in page.text
    assert "See @grace" not in page.text
    assert "took a comment back" in page.text


def test_an_empty_comment_is_refused_at_its_field(house: House, asked: str) -> None:
    ada = Visitor(house, "ada")
    answer = ada.send(ada.get(asked), asked, "comment", text="  ")
    assert answer.status_code == 400
    assert "A comment must not be empty." in answer.text
    assert re.search(r'id="text"[^>]*aria-invalid="true"', answer.text)


def test_a_comment_of_another_request_is_not_taken_back_here(house: House, asked: str) -> None:
    ada = Visitor(house, "ada")
    other = house.owner.comments.add("fraud", "Mine.")
    ada.do(asked, asked, "comment", text="Ada's.")
    page = ada.get(asked)
    for of, status in ((str(other.id), 403), ("x", 400), ("999", 404)):
        page.form(asked, "withdraw").fields["of"] = of
        assert ada.send(page, asked, "withdraw").status_code == status
    assert house.owner.comments.comment(other.id).text == "Mine."


def test_an_unknown_action_is_refused(house: House, asked: str) -> None:
    ada = Visitor(house, "ada")
    page = ada.get(asked)
    page.form(asked, "comment").buttons["explode"] = "action"
    assert ada.send(page, asked, "explode").status_code == 400


def test_a_long_thread_goes_on_on_the_next_page(house: House, asked: str) -> None:
    for n in range(102):
        house.owner.comments.add("fraud", f"Word {n}.", request=int(asked.rpartition("/")[2]))
    ada = Visitor(house, "ada")
    page = ada.get(asked)
    assert "Word 99." in page.text
    assert "Word 100." not in page.text
    page = ada.get(page.links["Next page"])
    assert "Word 101." in page.text
    assert "Better." not in page.text


# -- the inbox -----------------------------------------------------------------------------------


def test_the_inbox_says_what_waits_for_whom(house: House, asked: str) -> None:
    passed(house)
    assert "waits for you" in Visitor(house, "grace").get("/reviews").text
    ada = Visitor(house, "ada").get("/reviews")
    assert "waits for you" not in ada.text
    assert "yours" in ada.text
    assert ada.links["fraud/2"] == asked
    Visitor(house, "grace").do(asked, asked, "approve")
    assert "Nobody waits for a review." in Visitor(house, "ada").get("/reviews").text
    assert "by grace" in Visitor(house, "ada").get("/reviews?state=approved").text


def test_the_inbox_is_filtered_and_goes_on(house: House, visitor: Visitor) -> None:
    for n in range(27):
        stock(house, "fraud" if n else "churn", str(n).encode())
        name, number = ("fraud", n) if n else ("churn", 1)
        house.owner.lifecycle.request_transition(name, number, "Staging")
    page = visitor.get("/reviews")
    assert "fraud/26" in page.text
    assert "churn/1" not in page.text
    assert "churn/1" in visitor.get(page.links["Next page"]).text
    page = visitor.get("/reviews?model=churn")
    assert "churn/1" in page.text
    assert "fraud" not in page.text.partition("Show")[2]
    missing = visitor.get("/reviews?model=nothing")
    assert missing.status == 404
    assert missing.forms[1].fields["model"] == "nothing"
    assert "No request fits." in visitor.get("/reviews?state=rejected").text
    assert visitor.get("/reviews?state=bogus").status == 200


def test_versions_that_are_due_for_review_are_listed(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    demand(house, Policy(review_days=30))
    house.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    assert "Due for review" not in visitor.get("/reviews").text
    house.clock.ahead = timedelta(days=31)
    assert "Due for review" in visitor.get("/reviews").text


def test_of_many_that_are_due_the_first_are_listed(house: House, visitor: Visitor) -> None:
    demand(house, Policy(review_days=30))
    for _ in range(51):
        version = house.owner.catalog.create_version(
            "fraud", NewVersion(source_uri="s3://x/y"), create_model=True
        )
        house.owner.lifecycle.move_to_stage("fraud", version.version, "Production")
    house.clock.ahead = timedelta(days=31)
    page = visitor.get("/reviews")
    assert "there are more" in page.text
    assert "fraud/50" in page.links
    assert "fraud/51" not in page.links
    page = visitor.get("/")
    assert "fraud/20" in page.links
    assert "fraud/21" not in page.links
    assert page.links["due for review"] == "/reviews"


def test_the_pages_stand_in_every_workspace(house: House, visitor: Visitor) -> None:
    house.ports.metadata.ensure_workspace("risk", house.clock())
    there = Services(house.ports, Caller(workspace="risk"))
    there.catalog.create_version("fraud", NewVersion(source_uri="s3://x/y"), create_model=True)
    path = "/w/risk/models/fraud/1/request"
    page = visitor.get(f"{path}?stage=Staging")
    answer = visitor.send(page, path, "ask")
    assert answer.headers["location"].startswith("/w/risk/requests/")
    shown = visitor.get(answer.headers["location"])
    assert shown.links["fraud/1"] == "/w/risk/models/fraud/1"
    assert "fraud/1" in visitor.get("/w/risk/reviews").text
    assert "fraud/1" not in visitor.get("/reviews").text


# -- in a browser --------------------------------------------------------------------------------


def test_a_request_is_asked_for_and_approved_by_another(
    site: House, open_tab: Callable[..., Page]
) -> None:
    site.person("ada", Role.CONTRIBUTOR)
    site.person("grace", Role.APPROVER)
    stock(site, "fraud", metrics={"auc": 0.9})
    demand(site, Policy(approvals=1))
    ada = open_tab(signed_in="ada")
    ada.goto("/models/fraud/1/request")
    ada.get_by_role("combobox", name="Stage").select_option("Production")  # sends the form
    ada.wait_for_url("**/request?stage=Production")
    ada.get_by_label("Why").fill("It is better on every slice.")
    ada.get_by_role("button", name="Request Production").click()
    ada.wait_for_url("**/requests/*")
    assert ada.get_by_role("button", name="Approve").count() == 0
    grace = open_tab(signed_in="grace", script=False)
    grace.goto("/reviews")
    grace.get_by_role("link", name="fraud/1").click()
    grace.get_by_role("region", name="Your decision").get_by_label("Comment").fill("Agreed.")
    grace.get_by_role("button", name="Approve for Production").click()
    grace.get_by_text("Approved: fraud/1 is in Production now.").wait_for()
    grace.goto("/models/fraud/1")
    assert grace.locator(".stage.production").first.is_visible()
    grace.goto("/activity?model=fraud&kind=request")
    said = grace.locator("main").inner_text()
    assert "ada requested Production for version 1" in said
    assert "grace approved the request for Production of version 1" in said
