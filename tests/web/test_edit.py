from __future__ import annotations

import pytest

from muniment.domain.access import Role
from muniment.domain.changes import ModelChanges
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Shown, Visitor

EDIT = "/models/fraud/edit"
EDIT_1 = "/models/fraud/1/edit"


@pytest.fixture
def fraud(house: House, visitor: Visitor) -> Visitor:
    """A model with two versions, the second labelled."""
    stock(house, "fraud", tags={"depth": 7})
    stock(house, "fraud", b"2", label="2.0")
    house.owner.catalog.update_model("fraud", ModelChanges("old", {"team": "risk", "tier": 1}))
    return visitor


def test_card_and_tags_of_a_model_are_changed(house: House, fraud: Visitor) -> None:
    page = fraud.get(EDIT)
    assert page.forms[-1].fields["tags"].strip() == "team = risk\ntier = 1"
    after = fraud.do(EDIT, EDIT, description="# New\r\ncard", tags="tier = 1\r\nowner = ada")
    assert "fraud was changed." in after.text
    model = house.owner.catalog.model("fraud")
    assert model.description == "# New\ncard"
    assert dict(model.tags) == {"tier": 1, "owner": "ada"}


def test_a_version_gets_label_description_and_tags(house: House, fraud: Visitor) -> None:
    fraud.do(EDIT_1, EDIT_1, label="1.0", description="first", tags="depth = 8")
    version = house.owner.catalog.version("fraud", 1)
    assert (version.label, version.description, version.tags) == ("1.0", "first", {"depth": 8})
    fraud.do(EDIT_1, EDIT_1, label="", tags="")
    version = house.owner.catalog.version("fraud", 1)
    assert (version.label, version.description, version.tags) == (None, "first", {})


def test_saving_what_nobody_changed_changes_nothing(house: House, fraud: Visitor) -> None:
    before = house.owner.catalog.model("fraud"), house.owner.catalog.version("fraud", 1)
    fraud.do(EDIT, EDIT)
    fraud.do(EDIT_1, EDIT_1)
    assert (house.owner.catalog.model("fraud"), house.owner.catalog.version("fraud", 1)) == before


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        (EDIT, "tags", "no sign"),
        (EDIT, "tags", "a = 1\na = 2"),
        (EDIT, "description", "x" * 100_001),
        (EDIT_1, "label", "1 0"),
        (EDIT_1, "label", "2.0"),  # version 2 has it
        (EDIT_1, "tags", "../x = 1"),
    ],
)
def test_bad_input_is_told_and_nothing_typed_is_lost(
    fraud: Visitor, path: str, field: str, value: str
) -> None:
    page = Shown(fraud.send(fraud.get(path), path, **{"description": "typed", field: value}))
    assert page.status >= 400
    assert 'role="alert"' in page.html
    shown = page.form(path).fields
    assert shown[field].strip() == value
    assert field == "description" or shown["description"].strip() == "typed"


def test_the_message_stands_at_the_field(fraud: Visitor) -> None:
    page = Shown(fraud.send(fraud.get(EDIT), EDIT, tags="no sign"))
    assert page.faulty == ["tags"]
    assert "Line 1, 'no sign', is no tag." in page.text


def test_who_was_overtaken_is_told_and_loses_nothing(house: House, fraud: Visitor) -> None:
    page = fraud.get(EDIT)
    house.owner.catalog.update_model("fraud", ModelChanges("somebody else's"))
    again = Shown(fraud.send(page, EDIT, description="mine"))
    assert again.status == 412
    assert "It was changed in the meantime" in again.text
    assert again.form(EDIT).fields["description"].strip() == "mine"
    assert house.owner.catalog.model("fraud").description == "somebody else's"


def test_the_longest_description_fits_into_the_form(house: House, fraud: Visitor) -> None:
    text = "é" * 100_000
    fraud.do(EDIT, EDIT, description=text)
    assert house.owner.catalog.model("fraud").description == text


def test_a_viewer_is_told_why_not(house: House, fraud: Visitor) -> None:
    house.person("eve", Role.VIEWER)
    viewer = Visitor(house, "eve")
    for path in (EDIT, EDIT_1):
        page = viewer.get(path)
        assert "and not change it" in page.text
        assert viewer.send(page, path, description="mine").status_code == 403
    assert house.owner.catalog.model("fraud").description == "old"
