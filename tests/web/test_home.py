from __future__ import annotations

import re

from muniment.domain.access import Role
from muniment.domain.changes import ModelChanges
from muniment.domain.checks import Verdict
from muniment.domain.stages import Policy, Stage
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor


def test_a_new_registry_says_how_to_begin(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert page.status == 200
    assert page.text.count("http://127.0.0.1:8000") == 3
    assert len(re.findall(r"<pre data-copy=", page.html)) == 3
    assert page.links["register a model from the browser"] == "/register"
    assert "MLFLOW_REGISTRY_URI=http" in page.text  # runs are not kept here
    assert "MUNIMENT_TOKEN" not in page.text


def test_who_signs_in_begins_with_a_token(house: House) -> None:
    house.person("root", Role.ADMIN)
    page = Visitor(house, "root").get("/")
    assert page.links["a token of yours"] == "/admin/tokens"
    assert page.text.count("$MUNIMENT_TOKEN") == 2


def test_the_commands_are_copied_as_they_are_shown(visitor: Visitor) -> None:
    html = visitor.get("/").html
    found = re.findall(r'<pre data-copy="([^"]*)"><code>(.*?)</code></pre>', html, re.S)
    assert [copied for copied, _ in found] == [shown for _, shown in found]


def test_a_page_lets_nothing_in_from_elsewhere_and_no_script_of_its_own_text(
    visitor: Visitor,
) -> None:
    page = visitor.get("/")
    policy = page.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page.html)
    assert addresses
    assert [at for at in addresses if not at.startswith(("/", "#"))] == []
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.html) == []
    assert page.answer.headers["cache-control"] == "no-store"


def test_assets_are_kept_for_ever_under_their_digest_and_not_at_all_under_another(
    visitor: Visitor,
) -> None:
    html = visitor.get("/").html
    client = visitor.house.client
    paths = set(re.findall(r'"(/assets/[^"]*)"', html))
    assert {path.rpartition("/")[2] for path in paths} >= {"style.css", "page.js", "mark.svg"}
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/assets/0/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/assets/0/nothing.css").status_code == 404
    assert client.get("/assets/0/..%2fframe.py").status_code == 404


def test_it_shows_what_is_in_production_and_what_happened(house: House, visitor: Visitor) -> None:
    stock(house, "fraud", metrics={"auc": 0.9})
    house.owner.lifecycle.move_to_stage("fraud", 1, "Production", comment="The <first> one")
    page = visitor.get("/")
    assert page.links["fraud/1"] == "/models/fraud/1"
    assert "moved version 1 from None to Production" in page.text
    assert "The &lt;first&gt; one" in page.html
    assert "Nobody waits for a review." in page.text


def test_reviews_that_wait_for_the_visitor_come_first_and_say_so(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.APPROVER)
    house.owner.lifecycle.define_stage(Stage("Production", 200, policies=(Policy(approvals=1),)))
    for _ in range(2):
        stock(house, "fraud")
    ada, root = Visitor(house, "ada"), Visitor(house, "root")
    asked = house.client.post(
        "/api/v1/models/fraud/versions/1/requests",
        json={"stage": "Production"},
        headers=house.sign_in("ada"),
    ).json()
    page = ada.get("/")
    assert (1, "Nothing waits for you") in page.headings  # nobody approves what they asked for
    assert "1 request waits for others" in page.text
    page = root.get("/")
    assert (1, "1 request waits for you") in page.headings
    assert f'href="/requests/{asked["id"]}"' in page.html


def test_what_happened_in_a_row_to_one_version_is_told_once(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    for name in ("bias", "latency", "drift"):
        house.owner.checks.report("fraud", 1, name, Verdict.PASS)
    stock(house, "fraud", b"newer")
    text = visitor.get("/").text
    assert "checked version 1: drift pass, and 2 more · fraud/1" in text
    assert "latency" not in text
    assert text.index("registered version 2") < text.index("checked version 1")


def test_who_may_see_no_model_is_told_nothing_of_any(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("eve")
    stock(house, "secret-model")
    page = Visitor(house, "eve").get("/")
    assert "secret-model" not in page.html
    assert "muniment grant add user:eve viewer" in page.text
    assert "secret-model" not in Visitor(house, "eve").get("/models").html


def test_another_workspace_has_a_home_of_its_own(house: House, visitor: Visitor) -> None:
    house.ports.metadata.ensure_workspace("risk", house.clock())
    stock(house, "fraud")
    page = visitor.get("/w/risk/")
    assert "Nothing is registered yet." in page.text
    assert page.links["Models"] == "/w/risk/models"
    assert "x-muniment-workspace: risk" in page.text
    assert "workspace='risk'" in page.text
    assert "MUNIMENT_WORKSPACE=risk" in page.text
    assert "fraud" not in page.links
    missing = visitor.get("/w/nowhere/")
    assert missing.status == 404
    assert "There is no workspace 'nowhere'." in missing.text


def test_names_from_users_are_text_and_never_markup(house: House, visitor: Visitor) -> None:
    name = "<img src=x onerror=alert(1)>&'\""
    stock(house, name)
    house.owner.catalog.update_model(name, ModelChanges(description="<script>1</script>"))
    for path in ("/", "/models"):
        page = visitor.get(path)
        assert "<img src=x" not in page.html
        assert "<script>1" not in page.html
        assert name in page.text


def test_an_address_of_nothing_is_a_page_for_browsers_and_a_problem_for_programs(
    house: House, visitor: Visitor
) -> None:
    page = visitor.get("/model/fraud")
    assert page.status == 404
    assert "There is nothing at '/model/fraud'." in page.text
    assert page.links["All models"] == "/models"
    for path, headers in (("/model/fraud", {}), ("/api/v1/nothing", {"Accept": "text/html"})):
        answer = house.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
