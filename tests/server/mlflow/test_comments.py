"""Comments on versions over the wire."""

from __future__ import annotations

import pytest

from tests.server.mlflow.people import Person, Team
from tests.server.mlflow.registry import INVALID, MISSING, Json

DENIED = (403, "PERMISSION_DENIED")
FIRST = {"name": "fraud", "version": "1"}


def said(who: Person, comment: str = "fine") -> Json:
    made: Json = who.do("POST", "comments/create", **FIRST, comment=comment)["comment"]
    return made


def test_a_comment_is_made_changed_and_taken_back_by_its_author(people: Team) -> None:
    made = said(people.ada, "@grace, look at the recall")
    assert made.pop("creation_timestamp") == made.pop("last_updated_timestamp") > 0
    assert made == {
        "id": made["id"],
        "activity_type": "NEW_COMMENT",
        "user_id": "ada",
        "comment": "@grace, look at the recall",
        "available_actions": ["EDIT_COMMENT", "DELETE_COMMENT"],
    }
    changed = people.ada.do("PATCH", "comments/update", id=made["id"], comment="and precision")
    assert changed["comment"]["comment"] == "and precision"
    assert changed["comment"]["last_updated_timestamp"] >= changed["comment"]["creation_timestamp"]
    assert people.ada.do("DELETE", "comments/delete", id=made["id"]) == {}
    again = {"id": made["id"], "comment": "x"}
    assert people.ada.refused("PATCH", "comments/update", **again) == (409, "RESOURCE_CONFLICT")
    comments = people.house.owner.comments.comments("fraud", version=1).items
    assert [(comment.id, comment.deleted) for comment in comments] == [(int(made["id"]), True)]


def test_others_leave_it_alone_but_for_who_runs_the_place(people: Team) -> None:
    made = said(people.ada)
    change = {"id": made["id"], "comment": "x"}
    assert people.grace.refused("PATCH", "comments/update", **change) == DENIED
    assert people.grace.refused("DELETE", "comments/delete", id=made["id"]) == DENIED
    changed = people.linus.do("PATCH", "comments/update", **change)["comment"]
    assert (changed["user_id"], len(changed["available_actions"])) == ("ada", 2)
    people.linus.do("DELETE", "comments/delete", id=made["id"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": "9"}, MISSING),
        ({"name": "nope"}, MISSING),
        ({"version": None}, INVALID),
        ({"comment": ""}, INVALID),
        ({"comment": " "}, INVALID),
        ({"comment": "x" * 20_001}, (400, "INVALID_PARAMETER_VALUE")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_comment_is_refused(
    bystanders: Team, fields: Json, told: tuple[int, str]
) -> None:
    asked = {**FIRST, "comment": "fine", **fields}
    assert bystanders.ada.refused("POST", "comments/create", **asked) == told


@pytest.mark.parametrize("name", ["0", "99", "x", "-1", "1.0", "\u0661", "1" * 30])
def test_an_id_that_is_none_names_no_comment(bystanders: Team, name: str) -> None:
    change = {"id": name, "comment": "x"}
    assert bystanders.linus.refused("PATCH", "comments/update", **change) == MISSING
    assert bystanders.linus.refused("DELETE", "comments/delete", id=name) == MISSING
