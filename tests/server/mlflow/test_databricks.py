"""Models and stage changes with who made them, and what the caller may do to them."""

from __future__ import annotations

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from tests.server.mlflow.people import Person, Team
from tests.server.mlflow.registry import INVALID, MISSING, Json

MOVE = "databricks/model-versions/transition-stage"
FIRST = {"name": "fraud", "version": "1", "stage": "Production"}


def moved(who: Person, **fields: object) -> Json:
    answer = who.do("POST", MOVE, **{**FIRST, "archive_existing_versions": True, **fields})
    assert answer["model_version"] == answer["model_version_databricks"]
    document: Json = answer["model_version_databricks"]
    return document


def level_of(who: Person) -> str:
    answer = who.do("GET", "databricks/registered-models/get", name="fraud")
    level: str = answer["registered_model_databricks"]["permission_level"]
    return level


def test_a_model_is_shown_with_its_id_maker_and_the_permission_of_the_caller(people: Team) -> None:
    model = people.ada.do("GET", "databricks/registered-models/get", name="fraud")
    document = model["registered_model_databricks"]
    usual = people.ada.do("GET", "registered-models/get", name="fraud")["registered_model"]
    assert document == {
        **usual,
        "id": people.house.owner.catalog.model("fraud").uuid,
        "user_id": "ada",
        "permission_level": "CAN_EDIT",
    }
    missing = {"name": "nope"}
    assert people.ada.refused("GET", "databricks/registered-models/get", **missing) == MISSING


def test_permissions_are_told_in_their_words(people: Team) -> None:
    eve = Person(people.ada.client, people.house.person("eve", Role.VIEWER))
    bob = Person(people.ada.client, people.house.person("bob"))
    staging = Grant.of_role(Role.APPROVER, Narrowing(stage="staging"))
    people.house.owner.administration.add_grant("default", "user:bob", staging)
    levels = [level_of(who) for who in (eve, people.ada, bob, people.grace, people.linus)]
    assert levels == [
        "CAN_READ",
        "CAN_EDIT",
        "CAN_MANAGE_STAGING_VERSIONS",
        "CAN_MANAGE_PRODUCTION_VERSIONS",
        "CAN_MANAGE",
    ]


def test_a_version_is_moved_with_a_comment_and_the_others_are_archived(people: Team) -> None:
    moved(people.grace, version="2")
    people.ada.do("POST", "transition-requests/create", **{**FIRST, "stage": "Staging"})
    version = moved(people.grace, comment="3.2% better")
    (waiting,) = version["open_requests"]
    assert (waiting["to_stage"], waiting["user_id"]) == ("Staging", "ada")
    shown = (version["current_stage"], version["user_id"], version["permission_level"])
    assert shown == ("Production", "ada", "CAN_MANAGE_PRODUCTION_VERSIONS")
    assert people.stage_of("2") == "Archived"
    history = people.house.owner.catalog.history("fraud", kinds=["stage.changed"]).items
    assert (history[1].comment, history[1].actor) == ("3.2% better", "grace")


def test_what_blocks_a_move_stands_in_the_message(people: Team) -> None:
    people.demand(tags=("reviewed",))
    answer = people.grace.ask("POST", MOVE, **FIRST)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "reviewed" in answer.json()["message"]
    assert people.ada.refused("POST", MOVE, **FIRST) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": "9"}, MISSING),
        ({"stage": "Nowhere"}, INVALID),
        ({"stage": ""}, INVALID),
        ({"stage": "Archived", "archive_existing_versions": True}, INVALID),
        ({"archive_existing_versions": "yes"}, INVALID),
    ],
    ids=str,
)
def test_what_is_no_move_is_refused(bystanders: Team, fields: Json, told: tuple[int, str]) -> None:
    assert bystanders.grace.refused("POST", MOVE, **{**FIRST, **fields}) == told
