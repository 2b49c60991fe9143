from __future__ import annotations

import pytest

from muniment.domain.changes import ModelChanges
from muniment.domain.checks import Verdict
from tests.server.people import House
from tests.web.conftest import due, stock, unchecked
from tests.web.visiting import Visitor


def found(visitor: Visitor, query: str) -> list[str]:
    page = visitor.get(f"/models?{query}")
    assert page.status == 200, page.text
    return [name for name in ("churn", "credit-risk", "fraud", "100%_sure") if name in page.links]


@pytest.fixture
def stocked(house: House, visitor: Visitor) -> Visitor:
    """Four models of two owners, one of them in Production."""
    for name, framework in (("fraud", "xgboost"), ("churn", "sklearn"), ("credit-risk", "xgboost")):
        for number in range(3):
            stock(house, name, metrics={"auc": 0.8 + number / 100}, framework=framework)
    stock(house, "100%_sure")
    catalog = house.owner.catalog
    catalog.update_model("fraud", ModelChanges(description="Card fraud", tags={"team": "risk"}))
    catalog.set_alias("fraud", "champion", 2)
    house.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    unchecked(house)
    house.owner.checks.report("fraud", 1, "bias", Verdict.PASS)
    house.owner.checks.report("fraud", 2, "bias", Verdict.FAIL)
    house.owner.checks.report("credit-risk", 3, "bias", Verdict.PASS)
    due(house, "churn", 1, "bias")
    return visitor


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["churn", "credit-risk", "fraud", "100%_sure"]),
        ("q=CARD", ["fraud"]),
        ("q=r+k", ["credit-risk"]),
        ("q=%25_", ["100%_sure"]),
        ("q=%5C", []),
        ("stage=Production", ["fraud"]),
        ("stage=Nowhere", []),
        ("checks=passed", ["credit-risk", "fraud"]),
        ("checks=failed", ["fraud"]),
        ("checks=waiting", ["churn"]),
        ("checks=nonsense", []),
        ("checks=passed&stage=Production", ["fraud"]),
        ("checks=failed&stage=Production", []),  # no version is both
        ("framework=xgboost", ["credit-risk", "fraud"]),
        ("tag=team", ["fraud"]),
        ("tag=team%3Drisk", ["fraud"]),
        ("tag=team%3Dother", []),
        ("owner=nobody", []),
        ("q=risk&framework=sklearn", []),
        ("sort=nonsense", ["churn", "credit-risk", "fraud", "100%_sure"]),
    ],
)
def test_models_are_found_by_text_and_facets(
    stocked: Visitor, query: str, expected: list[str]
) -> None:
    assert found(stocked, query) == expected


@pytest.mark.parametrize(
    "query", ["tag=%3D", "tag=%3Dx", "q=%00", "owner=%ED%A0%80", "tag=a.b%60c"]
)
def test_odd_searches_are_answered(stocked: Visitor, query: str) -> None:
    assert stocked.get(f"/models?{query}").status in (200, 400)


def test_what_was_searched_for_stands_in_the_form(stocked: Visitor) -> None:
    page = stocked.get("/models?q=fraud&stage=Production&checks=passed&tag=team&sort=name")
    fields = page.forms[1].fields
    shown = [fields[name] for name in ("q", "stage", "checks", "tag", "sort")]
    assert shown == ["fraud", "Production", "passed", "team", "name"]
    assert page.links["Clear"] == "/models"


def test_a_row_says_champion_production_metric_and_owner(stocked: Visitor) -> None:
    page = stocked.get("/models?q=fraud")
    assert page.links["2"] == "/models/fraud/2"
    assert page.links["1"] == "/models/fraud/1"
    assert "auc 0.82" in page.text
    assert 'aria-label="auc of the last 3 versions"' in page.html


def test_pages_follow_each_other_and_keep_the_search(house: House, visitor: Visitor) -> None:
    for number in range(30):
        house.owner.catalog.create_model(f"model-{number:02}")
    house.owner.catalog.create_model("other")
    first = visitor.get("/models?q=model&sort=name")
    assert "model-24" in first.links
    assert "model-25" not in first.links
    second = visitor.get(first.links["Next page"])
    assert "model-25" in second.links
    assert "model-29" in second.links
    assert "other" not in second.links
    assert "Next page" not in second.links
    assert second.links["To the beginning"] == "/models?q=model&sort=name"
    assert visitor.get("/models?page_token=nonsense").status == 400


def test_an_empty_registry_and_an_empty_answer_say_what_to_do(
    house: House, visitor: Visitor
) -> None:
    assert "muniment push fraud model.pkl" in visitor.get("/models").text
    house.owner.catalog.create_model("fraud")
    page = visitor.get("/models?q=nothing")
    assert "No model fits." in page.text
    assert page.links["All models"] == "/models"
