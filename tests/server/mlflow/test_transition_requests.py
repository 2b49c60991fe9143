"""Transition requests over the wire: three people ask, review and take back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from muniment.domain.access import Role
from tests.server.conftest import ORIGIN
from tests.server.mlflow.people import PREVIEW, Person, Team
from tests.server.mlflow.registry import INVALID, MISSING, Json, refusal

CONFLICT = (409, "RESOURCE_CONFLICT")
DENIED = (403, "PERMISSION_DENIED")
APPROVE, REJECT, CANCEL = (
    f"{action}_TRANSITION_REQUEST" for action in ("APPROVE", "REJECT", "CANCEL")
)
THIRD = {"name": "fraud", "version": "3"}
WANTED = {**THIRD, "stage": "Production"}


def request(who: Person, **fields: Any) -> Json:
    asked: Json = who.do("POST", "transition-requests/create", **{**WANTED, **fields})["request"]
    return asked


def listed(who: Person, **fields: Any) -> list[Json]:
    found: list[Json] = who.do("GET", "transition-requests/list", **{**THIRD, **fields})["requests"]
    return found


def review(who: Person, action: str, **fields: Any) -> Json:
    method = "DELETE" if action == "delete" else "POST"
    activity: Json = who.do(method, f"transition-requests/{action}", **{**WANTED, **fields})[
        "activity"
    ]
    return activity


def test_a_request_is_listed_until_another_approves_it_and_the_stage_changes(people: Team) -> None:
    people.demand(approvals=1)
    asked = request(people.ada, stage="production", comment="3.2% better")
    (same,) = listed(people.ada)
    assert same == asked
    assert asked.pop("creation_timestamp") == asked.pop("last_updated_timestamp") > 0
    assert asked == {
        "id": same["id"],
        "activity_type": "REQUESTED_TRANSITION",
        "user_id": "ada",
        "comment": "3.2% better",
        "from_stage": "None",
        "to_stage": "Production",
        "available_actions": [CANCEL],
    }
    activity = review(people.grace, "approve", comment="so it is")
    assert activity.pop("creation_timestamp") == activity.pop("last_updated_timestamp")
    assert activity == {
        "id": activity["id"],
        "activity_type": "APPROVED_REQUEST",
        "user_id": "grace",
        "comment": "so it is",
        "from_stage": "None",
        "to_stage": "Production",
    }
    assert activity["id"] != same["id"]
    assert (people.stage_of("3"), listed(people.ada)) == ("Production", [])


def test_everybody_is_shown_what_they_may_do_to_a_request(people: Team) -> None:
    people.demand(approvals=1, approver=Role.ADMIN)
    request(people.grace)
    shown = {
        name: listed(who)[0]["available_actions"]
        for name, who in {
            "ada": people.ada,
            "grace": people.grace,
            "linus": people.linus,
        }.items()
    }
    assert shown == {
        "ada": [],
        "grace": [REJECT, CANCEL],  # her own request, and she is no admin
        "linus": [APPROVE, REJECT, CANCEL],
    }
    assert people.ada.refused("POST", "transition-requests/approve", **WANTED) == DENIED
    assert people.grace.refused("POST", "transition-requests/approve", **WANTED) == DENIED


def test_an_approval_that_is_not_enough_says_so_and_counts_once(people: Team) -> None:
    people.demand(approvals=2)
    request(people.ada)
    first = review(people.grace, "approve")
    assert first["activity_type"] == "APPROVED_REQUEST"
    assert first["system_comment"].startswith("Not applied yet: ")
    assert people.stage_of("3") == "None"
    assert listed(people.grace)[0]["available_actions"] == [REJECT]
    assert people.grace.refused("POST", "transition-requests/approve", **WANTED) == CONFLICT
    assert "system_comment" not in review(people.linus, "approve")
    assert people.stage_of("3") == "Production"


def test_what_blocks_stands_in_the_message_until_it_is_mended(people: Team) -> None:
    people.demand(approvals=1, tags=("reviewed",), description=True)
    request(people.ada)
    answer = people.grace.ask("POST", "transition-requests/approve", **WANTED)
    assert refusal(answer) == CONFLICT
    for part in ("Production", "reviewed", "description"):
        assert part in answer.json()["message"]
    people.ada.do("POST", "model-versions/set-tag", **THIRD, key="reviewed", value="yes")
    people.ada.do("PATCH", "model-versions/update", **THIRD, description="better")
    review(people.grace, "approve")
    assert people.stage_of("3") == "Production"


def test_who_approves_says_whether_the_others_in_the_stage_are_archived(people: Team) -> None:
    for version, archive, left in (("1", {}, ""), ("2", {"archive_existing_versions": True}, "1")):
        asked = {"name": "fraud", "version": version, "stage": "Staging"}
        request(people.ada, **asked)
        review(people.grace, "approve", **asked, **archive)
        assert people.stage_of(version) == "Staging"
        if left:
            assert people.stage_of(left) == "Archived"
    natively = people.house.owner.lifecycle.request_transition(
        "fraud", 3, "Staging", archive_existing=True
    )
    review(people.grace, "approve", stage="Staging", archive_existing_versions=False)
    assert people.house.owner.lifecycle.request(natively.id).state == "approved"
    assert people.stage_of("2") == "Staging"


def test_a_rejected_request_is_closed_and_the_stage_as_it_was(people: Team) -> None:
    request(people.ada)
    assert people.ada.refused("POST", "transition-requests/reject", **WANTED) == DENIED
    activity = review(people.grace, "reject", comment="too slow")
    said = (activity["activity_type"], activity["user_id"], activity["comment"])
    assert said == ("REJECTED_REQUEST", "grace", "too slow")
    assert (people.stage_of("3"), listed(people.ada)) == ("None", [])
    assert people.grace.refused("POST", "transition-requests/approve", **WANTED) == MISSING


def test_a_request_is_taken_back_by_who_made_it_or_who_runs_the_place(people: Team) -> None:
    request(people.ada)
    of = {"creator": "ada"}
    assert people.grace.refused("DELETE", "transition-requests/delete", **WANTED, **of) == DENIED
    wrong = {"creator": "linus"}
    assert people.ada.refused("DELETE", "transition-requests/delete", **WANTED, **wrong) == MISSING
    assert people.ada.refused("DELETE", "transition-requests/delete", **WANTED) == INVALID
    activity = review(people.ada, "delete", creator="ada", comment="never mind")
    assert (activity["activity_type"], activity["comment"]) == ("CANCELLED_REQUEST", "never mind")
    request(people.ada)
    body = {**WANTED, **of}  # some clients send no query string
    url = "/api/2.0/mlflow/transition-requests/delete"
    answer = people.linus.client.request("DELETE", url, json=body, auth=people.linus.auth)
    assert answer.json()["activity"]["user_id"] == "linus"
    assert listed(people.ada) == []


def test_there_is_one_open_request_for_a_version_and_stage(people: Team) -> None:
    request(people.ada)
    assert people.grace.refused("POST", "transition-requests/create", **WANTED) == CONFLICT
    request(people.grace, stage="Staging")
    assert [asked["to_stage"] for asked in listed(people.ada)] == ["Production", "Staging"]
    assert listed(people.ada, version="2") == []


def test_an_overdue_request_is_no_longer_open(people: Team) -> None:
    people.demand(approvals=1, request_days=2)
    request(people.ada)
    people.house.clock.ahead = timedelta(days=3)
    assert listed(people.ada) == []
    assert people.grace.refused("POST", "transition-requests/approve", **WANTED) == MISSING
    request(people.ada)
    review(people.grace, "approve")


def test_stages_of_the_workspace_may_be_asked_for(people: Team) -> None:
    people.demand("Shadow", 150)
    assert request(people.ada, stage="shadow")["to_stage"] == "Shadow"
    review(people.grace, "approve", stage="SHADOW")
    assert people.stage_of("3") == "Shadow"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "nope"}, MISSING),
        ({"version": "9"}, MISSING),
        ({"version": "x"}, INVALID),
        ({"version": 3}, INVALID),
        ({"name": ""}, INVALID),
        ({"stage": "Nowhere"}, INVALID),
        ({"stage": None}, INVALID),
        ({"stage": "None"}, CONFLICT),
        ({"comment": 5}, INVALID),
        ({"comment": "x" * 100_000}, INVALID),
    ],
    ids=str,
)
def test_what_can_not_be_asked_for_is_refused(
    bystanders: Team, fields: Json, told: tuple[int, str]
) -> None:
    asked = {**WANTED, **fields}
    assert bystanders.ada.refused("POST", "transition-requests/create", **asked) == told


def test_a_request_for_a_model_that_one_may_not_see_is_not_there(people: Team) -> None:
    request(people.ada)
    stranger = Person(people.ada.client, people.house.person("eve"))
    assert stranger.refused("GET", "transition-requests/list", **THIRD) == MISSING
    assert stranger.refused("POST", "transition-requests/approve", **WANTED) == MISSING


@pytest.mark.parametrize("api", ["/api", "/ajax-api"])
@pytest.mark.parametrize("between", ["", "/preview"])
def test_every_call_stands_under_four_prefixes(people: Team, api: str, between: str) -> None:
    people.ada.prefix = people.grace.prefix = f"{api}/2.0{between}/mlflow"
    request(people.ada)
    assert len(listed(people.ada)) == 1
    review(people.grace, "reject")


# -- the calls of the first proposal ---------------------------------------------------------------


def proposed(version: object = 3) -> Json:
    return {"registered_model": {"name": "fraud"}, "version": version}


def acted(action: object, version: object = 3, stage: str = "Production") -> Json:
    transition = {"transition": {"to_stage": stage}}
    activity = {"model_registry_data": transition}
    named = {"model_version": proposed(version), "request_activity": activity}
    return {"action": action, "transition_request": named}


def curl(who: Person, method: str, call: str, body: object, **headers: str) -> httpx.Response:
    """Send JSON as `curl -d` does: as if it were a form."""
    return who.client.request(
        method,
        f"{PREVIEW}/transition-requests/{call}",
        content=body if isinstance(body, str) else json.dumps(body),
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
        auth=who.auth,
    )


def test_the_calls_of_the_proposal_work_as_curl_sends_them(people: Team) -> None:
    people.demand(approvals=1)
    asked = {"model_version": proposed(), "stage": "Production", "comment": "3.2% better"}
    answer = curl(people.ada, "POST", "create", asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["request"]["comment"] == "3.2% better"
    assert refusal(curl(people.ada, "PATCH", "update", acted(1))) == DENIED
    answer = curl(people.grace, "PATCH", "update", acted(1))
    assert answer.json()["activity"]["activity_type"] == "APPROVED_REQUEST"
    assert people.stage_of("3") == "Production"


@pytest.mark.parametrize(
    ("action", "becomes"),
    [
        (1, "APPROVED_REQUEST"),
        (2, "REJECTED_REQUEST"),
        (3, "CANCELLED_REQUEST"),
        ("2", "REJECTED_REQUEST"),
        (APPROVE, "APPROVED_REQUEST"),
        (CANCEL, "CANCELLED_REQUEST"),
    ],
)
def test_an_action_is_a_number_or_a_word(people: Team, action: object, becomes: str) -> None:
    request(people.linus)
    activity = curl(people.linus, "PATCH", "update", {**acted(action, "3"), "comment": "x"})
    assert activity.json()["activity"]["activity_type"] == becomes
    assert activity.json()["activity"]["comment"] == "x"


@pytest.mark.parametrize(
    "body",
    [
        acted(0),
        acted(4),
        acted(True),
        acted(None),
        acted("approve"),
        acted(1, "x"),
        acted(1, 0),
        acted(1, True),
        acted(1, 3.5),
        acted(1, None),
        acted(1, stage=""),
        {"action": 1},
        {"action": 1, "transition_request": 3},
        {"action": 1, "transition_request": {"model_version": proposed()}},
        json.dumps(acted(1))[:-1],
        "",
    ],
    ids=str,
)
def test_what_the_proposal_does_not_say_is_refused(bystanders: Team, body: object) -> None:
    assert refusal(curl(bystanders.grace, "PATCH", "update", body)) == INVALID


def test_the_proposal_as_it_was_printed_lacks_a_brace_and_is_told_so(bystanders: Team) -> None:
    answer = curl(bystanders.grace, "PATCH", "update", json.dumps(acted(1))[:-1])
    assert "brace" in answer.json()["message"]


@pytest.mark.parametrize("model_version", [{}, {"version": 3}, {"registered_model": 3}, [], "x"])
def test_a_version_that_is_named_by_halves_is_refused(
    bystanders: Team, model_version: object
) -> None:
    asked = {"model_version": model_version, "stage": "Staging"}
    assert refusal(curl(bystanders.ada, "POST", "create", asked)) == INVALID


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_what_looks_like_a_form_is_not_taken_from_another_site(
    bystanders: Team, headers: dict[str, str]
) -> None:
    asked = {"model_version": proposed(), "stage": "Staging"}
    assert refusal(curl(bystanders.ada, "POST", "create", asked, **headers)) == DENIED
    assert listed(bystanders.ada) == []


@pytest.mark.parametrize("call", ["approve", "reject"])
def test_only_the_call_of_the_proposal_may_look_like_a_form(people: Team, call: str) -> None:
    request(people.ada)
    assert refusal(curl(people.grace, "POST", call, WANTED)) == INVALID
    answer = curl(people.ada, "POST", "create", WANTED, **{"Content-Type": "text/plain"})
    assert refusal(answer) == INVALID
