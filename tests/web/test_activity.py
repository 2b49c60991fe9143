from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.activities import OF_MODELS
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges
from muniment.server.web.activity import FAMILIES
from muniment.services import Services
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Shown, Visitor


def feed(page: Shown) -> str:
    """Return the words behind the filters and before what stands beside the feed."""
    return page.text.partition("Version Show")[2].partition("What did it mean then?")[0]


def fill(house: House) -> None:
    stock(house, "fraud")
    stock(house, "churn")
    house.owner.catalog.set_alias("fraud", "champion", 1)
    Services(house.ports, Caller("ada")).lifecycle.move_to_stage(
        "fraud", 1, "Staging", comment="Ripe <now>."
    )


def test_every_kind_of_activity_stands_in_one_family() -> None:
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert sorted(kinds) == sorted(kind.value for kind in OF_MODELS)


def test_what_happened_is_shown_latest_first(house: House, visitor: Visitor) -> None:
    fill(house)
    page = visitor.get("/activity")
    told = feed(page)
    moved, pointed = (
        told.index("moved version 1 from None to Staging"),
        told.index("pointed @champion"),
    )
    assert moved < pointed
    assert "Ripe <now>." in told
    assert page.links["fraud/1"] == "/models/fraud/1"


def test_it_is_filtered_by_kind_family_actor_model_and_version(
    house: House, visitor: Visitor
) -> None:
    fill(house)
    stock(house, "fraud", b"2")
    assert "pointed" not in feed(visitor.get("/activity?kind=stage"))
    assert "moved" in feed(visitor.get("/activity?kind=stage.changed"))
    assert "pointed" not in feed(visitor.get("/activity?actor=ada"))
    assert "churn" not in feed(visitor.get("/activity?model=fraud"))
    told = feed(visitor.get("/activity?model=fraud&version=2"))
    assert "registered version 2" in told
    assert "version 1" not in told
    assert "Nothing that happened fits." in visitor.get("/activity?actor=nobody").text


def test_filters_that_make_no_sense_are_refused_where_they_stand(
    house: House, visitor: Visitor
) -> None:
    fill(house)
    for query, status, field in (
        ("kind=bogus", 400, "kind"),
        ("version=1", 400, "model"),
        ("model=fraud&version=x", 400, "version"),
    ):
        page = visitor.get(f"/activity?{query}")
        assert (page.status, page.faulty) == (status, [field])
    page = visitor.get("/activity?model=nothing&actor=ada")
    assert page.status == 404
    assert "There is no model 'nothing'." in page.text
    assert page.forms[1].fields["actor"] == "ada"
    assert visitor.get("/activity?page_token=made-up").status == 400


def test_it_goes_on_page_by_page_with_its_filters(house: House, visitor: Visitor) -> None:
    fill(house)
    for n in range(51):
        house.owner.catalog.update_model("fraud", ModelChanges(description=str(n)))
    page = visitor.get("/activity?model=fraud")
    assert "created the model" not in page.text
    following = page.links["Next page"]
    assert "model=fraud" in following
    assert "created the model" in visitor.get(following).text


def test_it_says_what_a_name_meant_at_a_time(house: House, visitor: Visitor) -> None:
    house.clock.ahead = -timedelta(hours=2)
    stock(house, "fraud")
    stock(house, "fraud", b"2")
    house.owner.catalog.set_alias("fraud", "champion", 1)
    then = house.clock() + timedelta(minutes=5)
    house.clock.ahead = -timedelta(hours=1)
    house.owner.catalog.set_alias("fraud", "champion", 2)
    house.clock.ahead = timedelta()
    page = visitor.get(f"/activity?of=fraud@champion&at={then:%Y-%m-%dT%H:%M}&model=fraud")
    assert f"fraud@champion meant version 1 at {then:%Y-%m-%d %H:%M}:00 UTC." in page.text
    assert page.links["version 1"] == "/models/fraud/1"
    assert page.forms[2].fields == {
        "model": "fraud",
        "of": "fraud@champion",
        "at": f"{then:%Y-%m-%dT%H:%M}",
    }


def test_what_can_not_be_looked_up_is_said_at_its_field(house: House, visitor: Visitor) -> None:
    fill(house)
    for query, status, field in (
        ("of=fraud@champion", 400, "at"),
        ("of=fraud@champion&at=yesterday", 400, "at"),
        ("of=fraud@champion&at=2999-01-01T00:00", 400, "at"),
        ("of=fraud/1&at=2026-01-01T00:00", 400, "of"),
        ("of=fraud@nothing&at=2026-01-01T00:00", 404, "of"),
        ("of=a/b/c&at=2026-01-01T00:00", 400, "of"),
    ):
        page = visitor.get(f"/activity?{query}")
        assert (page.status, page.faulty) == (status, [field]), query
        assert "moved version 1" in page.text, "what happened is shown all the same"


def test_everything_that_fits_is_exported(house: House, visitor: Visitor) -> None:
    fill(house)
    page = visitor.get("/activity?kind=stage&model=fraud")
    answer = house.client.get(page.links["CSV"])
    assert 'filename="activity-fraud.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["model"], row["kind"]) for row in rows] == [("fraud", "stage.changed")]
    answer = house.client.get(visitor.get("/activity").links["JSON lines"])
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["model"] for line in lines} == {"fraud", "churn"}
    assert visitor.get("/activity/export?form=pdf").status == 400
    assert visitor.get("/activity/export?model=nothing").status == 404


def test_nothing_is_told_of_models_that_the_visitor_may_not_see(house: House) -> None:
    fill(house)
    house.person("narrow")
    grant = Grant.of_role(Role.VIEWER, Narrowing(models="churn*"))
    house.owner.administration.add_grant("default", "user:narrow", grant)
    narrow = Visitor(house, "narrow")
    assert "churn" in feed(narrow.get("/activity"))
    assert "fraud" not in feed(narrow.get("/activity"))
    assert narrow.get("/activity?model=fraud").status == 404
    cookie = house.sign_in("narrow")
    assert "fraud" not in house.client.get("/activity/export", headers=cookie).text
    house.person("outsider")
    assert Visitor(house, "outsider").get("/activity").status == 403


def test_an_empty_registry_has_no_activity(visitor: Visitor) -> None:
    page = visitor.get("/activity")
    assert page.status == 200
    assert "Nothing has happened yet." in page.text
