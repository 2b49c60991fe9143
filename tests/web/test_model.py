from __future__ import annotations

import pytest

from muniment.domain.access import Role
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.deployments import UseKind
from muniment.services import Observer
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Shown, Visitor

FRAUD = "/models/fraud"


@pytest.fixture
def fraud(house: House, visitor: Visitor) -> Visitor:
    """A model with four versions, the second in Production, the third in Staging."""
    for n in range(4):
        stock(
            house, "fraud", f"w{n}".encode(), metrics={"auc": 0.8 + n / 100, "loss": 0.5 - n / 10}
        )
    catalog, lifecycle = house.owner.catalog, house.owner.lifecycle
    catalog.update_model("fraud", ModelChanges("# Card\n*fraud*", {"team": "risk"}))
    catalog.set_alias("fraud", "champion", 2)
    lifecycle.move_to_stage("fraud", 1, "Production")
    lifecycle.move_to_stage("fraud", 2, "Production", archive_existing=True, comment="better")
    lifecycle.move_to_stage("fraud", 3, "Staging")
    return visitor


def order_of(page: Shown) -> list[str]:
    """Return the versions of the table, from top to bottom."""
    return page.form(f"{FRAUD}/compare").choices["v"]


def test_a_model_shows_stages_aliases_card_tags_and_history(fraud: Visitor) -> None:
    page = fraud.get(FRAUD)
    assert page.status == 200
    assert "Production 2 @champion since" in page.text
    assert "Staging 3 since" in page.text
    assert "Archived 1 since" in page.text
    assert "@champion → 2" in page.text
    assert "<h3>Card</h3>" in page.html
    assert "<em>fraud</em>" in page.html
    assert "team risk" in page.text
    assert "moved version 2 from None to Production better" in page.text
    assert page.links["2"] == f"{FRAUD}/2"


def test_the_trend_marks_what_entered_production(fraud: Visitor) -> None:
    page = fraud.get(FRAUD)
    assert "auc of versions 1 to 4, last 0.83; 2 of them entered Production" in page.html
    assert "version 2: 0.81, promoted to Production" in page.html
    assert "lower is better" in fraud.get(f"{FRAUD}?trend=loss").text
    assert "over versions" not in fraud.get(f"{FRAUD}?trend=nothing").text


def test_versions_are_ordered_and_filtered(fraud: Visitor) -> None:
    assert order_of(fraud.get(FRAUD)) == ["4", "3", "2", "1"]
    assert order_of(fraud.get(f"{FRAUD}?sort=oldest")) == ["1", "2", "3", "4"]
    assert order_of(fraud.get(f"{FRAUD}?sort=metric:auc")) == ["4", "3", "2", "1"]
    assert order_of(fraud.get(f"{FRAUD}?sort=metric:loss")) == ["4", "3", "2", "1"]
    assert order_of(fraud.get(f"{FRAUD}?stage=Staging")) == ["3"]
    assert "No version fits." in fraud.get(f"{FRAUD}?stage=Nowhere").text


def test_the_metrics_that_have_a_column_are_chosen(fraud: Visitor) -> None:
    page = fraud.get(FRAUD)
    assert page.form(FRAUD + "#versions").choices["metric"] == ["auc", "loss"]
    assert 'data-label="loss"' in page.html
    assert 'data-label="loss"' not in fraud.get(f"{FRAUD}?metric=auc").html
    chosen = fraud.get(f"{FRAUD}?metric=loss&metric=none-has-it")
    assert 'data-label="none-has-it"' in chosen.html
    assert "metric=loss&amp;metric=none-has-it" in chosen.html  # links keep the choice


@pytest.mark.parametrize("query", ["sort=metric:", "sort=metric:%00", "page_token=x", "metric=%00"])
def test_odd_addresses_are_answered(fraud: Visitor, query: str) -> None:
    assert fraud.get(f"{FRAUD}?{query}").status in (200, 400)


def test_many_versions_come_in_pages_that_keep_the_order(house: House, visitor: Visitor) -> None:
    for n in range(20):
        house.owner.catalog.create_version(
            "fraud", NewVersion(source_uri=f"s3://x/{n}"), create_model=True
        )
    first = visitor.get(f"{FRAUD}?sort=oldest")
    second = visitor.get(first.links["Next page"])
    assert [*order_of(first), *order_of(second)] == [str(n) for n in range(1, 21)]


def test_deployments_and_consumers_are_listed(house: House, fraud: Visitor) -> None:
    house.owner.deployments.declare("fraud", "prod", "scoring", alias="champion")
    version, observer = house.owner.catalog.version("fraud", 2), Observer(house.ports.metadata)
    observer.note(version, house.owner.caller, UseKind.DOWNLOAD, house.clock())
    observer.close()
    page = fraud.get(FRAUD)
    assert "prod / scoring → @champion running" in page.text
    assert "fetched 1×" in page.text


def test_an_empty_model_teaches_the_next_command(house: House, visitor: Visitor) -> None:
    house.owner.catalog.create_model("it's new")
    page = visitor.get("/models/it%27s%20new")
    assert "muniment push 'it'\"'\"'s new' model.pkl --metric auc=0.97" in page.text
    assert "Nobody has described this model yet." in page.text


def test_a_deleted_model_is_restored(house: House, fraud: Visitor) -> None:
    assert "vanish from all lists" in fraud.get(FRAUD).text
    gone = fraud.do(FRAUD, FRAUD, "delete")
    assert "fraud was deleted." in gone.text
    assert fraud.get(FRAUD).status == 404
    made = house.owner.catalog.search_models(deleted=True).items[0]
    back = fraud.do("/deleted-models", f"/deleted-models/{made.id}")
    assert "fraud is back." in back.text
    assert order_of(back) == ["4", "3", "2", "1"]


def test_a_model_in_use_is_deleted_by_who_insists(house: House, fraud: Visitor) -> None:
    house.owner.deployments.declare("fraud", "prod", "scoring", alias="champion")
    page = fraud.get(FRAUD)
    assert "force" not in page.form(FRAUD, "delete").choices
    refused = Shown(fraud.send(page, FRAUD, "delete"))
    assert refused.status == 409
    assert "prod/scoring" in refused.text
    done = fraud.send(refused, FRAUD, "delete", force="yes")
    assert done.headers["location"] == "/deleted-models"


def test_a_name_that_was_taken_is_told_when_restoring(house: House, fraud: Visitor) -> None:
    fraud.do(FRAUD, FRAUD, "delete")
    house.owner.catalog.create_model("fraud")
    made = house.owner.catalog.search_models(deleted=True).items[0]
    page = fraud.do("/deleted-models", f"/deleted-models/{made.id}")
    assert page.status == 409
    assert "There is another model 'fraud' by now." in page.text


def test_deleted_versions_are_listed_and_restored(fraud: Visitor) -> None:
    fraud.do(f"{FRAUD}/4", f"{FRAUD}/4", "delete")
    listed = fraud.get(f"{FRAUD}?deleted=1")
    assert "Versions that were deleted" in listed.text
    assert "4" not in order_of(fraud.get(FRAUD))
    back = fraud.do(f"{FRAUD}?deleted=1", f"{FRAUD}/4", "restore")
    assert "Version 4 is back." in back.text
    assert "No deleted version" in fraud.get(f"{FRAUD}?deleted=1").text


def rollback_of(page: Shown, stage: str) -> dict[str, str]:
    """Return the fields of the form that rolls a stage back."""
    forms = [form.fields for form in page.forms if form.fields.get("stage") == stage]
    return {**next(fields for fields in forms if "form" in fields), "action": "rollback"}


def test_the_last_change_of_a_stage_is_rolled_back(house: House, fraud: Visitor) -> None:
    fields = rollback_of(fraud.get(FRAUD), "Production")
    done = fraud.request("POST", FRAUD, {**fields, "comment": "too slow"})
    page = fraud.get(done.headers["location"])
    assert "Version 1 is in Production again." in page.text
    assert "Production 1 since" in page.text
    assert "too slow" in page.text
    house.owner.catalog.create_model("quiet")
    assert "Roll back" not in fraud.get("/models/quiet").text


def test_a_rollback_that_is_refused_says_why(house: House, fraud: Visitor) -> None:
    fields = rollback_of(fraud.get(FRAUD), "Staging")
    again = Shown(fraud.request("POST", FRAUD, {**fields, "comment": "typed"}))
    assert again.status == 409
    assert "Nothing was in Staging before" in again.text
    assert rollback_of(again, "Staging")["comment"] == "typed"
    house.person("eve", Role.CONTRIBUTOR)
    other = Visitor(house, "eve")
    page = other.get(FRAUD)
    assert "Roll back" not in page.text
    token = next(form.fields["form"] for form in page.forms if "form" in form.fields)
    data = {"form": token, "action": "rollback", "stage": "Production"}
    assert other.request("POST", FRAUD, data).status_code == 403


def test_nobody_is_offered_what_they_may_not_do(house: House, fraud: Visitor) -> None:
    house.person("eve", Role.VIEWER)
    house.person("ada", Role.APPROVER)
    viewer, approver = Visitor(house, "eve"), Visitor(house, "ada")
    page = approver.get(FRAUD)
    assert {"Edit", "Register a version"} <= page.links.keys()
    assert "Delete this model" in page.text
    page = viewer.get(FRAUD)
    assert page.status == 200
    assert not {"Edit", "Register a version"} & page.links.keys()
    assert "Delete this model" not in page.text
    token = next(f.fields["form"] for f in page.forms if "form" in f.fields)
    assert viewer.request("POST", FRAUD, {"form": token, "action": "delete"}).status_code == 403
    assert house.owner.catalog.model("fraud").deleted_at is None


def test_texts_of_strangers_stay_texts(house: House, visitor: Visitor) -> None:
    name, text = "<b>'x' \"y\" &", "<script>alert(1)</script>"
    house.owner.catalog.create_version(
        name,
        NewVersion(
            source_uri="s3://x",
            description=text,
            metrics={"a b": 1.0},
            params={"p": text},
            tags={"t": text},
            framework=text,
            run_link="javascript:alert(1)",
            run_id=text,
        ),
        create_model=True,
    )
    house.owner.catalog.update_model(name, ModelChanges(text, {"t": text}))
    house.owner.comments.add(name, text, version=1)
    path = "/models/%3Cb%3E%27x%27%20%22y%22%20%26"
    for page in (path, f"{path}/1", f"{path}/edit", f"{path}/1/edit", f"{path}/compare"):
        shown = visitor.get(page)
        assert shown.status == 200, page
        assert "<script>alert" not in shown.html
        assert "<b>'x'" not in shown.html
        assert 'href="javascript' not in shown.html


def test_pages_of_other_workspaces_stay_there(house: House, visitor: Visitor) -> None:
    house.ports.metadata.ensure_workspace("risk", house.clock())
    stock(house, "fraud")
    assert visitor.get("/w/risk/models/fraud").status == 404
    page = visitor.get("/w/default/models/fraud")
    assert page.status == 200
