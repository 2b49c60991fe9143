"""Transition requests: asked for, approved by others, carried out in one change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from muniment.domain.access import Narrowing, Role
from muniment.domain.activities import ActivityKind
from muniment.domain.requests import RequestState
from muniment.errors import (
    Blocked,
    Conflict,
    MunimentError,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)

from .conftest import House
from .people import somebody
from .test_transitions import fraud, production, stages_of

__all__ = ["fraud"]  # the fixture


def kinds(house: House) -> list[str]:
    page = house.catalog.history("fraud", newest_first=False)
    return [activity.kind for activity in page.items]


def test_a_request_is_approved_by_another_and_carried_out_with_it(fraud: House) -> None:
    production(fraud, approvals=1)
    fraud.lifecycle.move_to_stage("fraud", 3, "Staging")
    asked = fraud.lifecycle.request_transition("fraud", 3, "production", comment="better")
    assert (asked.state, asked.from_stage, asked.to_stage) == ("open", "Staging", "Production")
    grace = somebody(fraud, "grace", Role.APPROVER)
    closed = grace.lifecycle.approve(asked.id, comment="looks good")
    assert (closed.state, closed.closed_by) == (RequestState.APPROVED, "grace")
    assert stages_of(fraud)[2] == "Production"
    assert kinds(fraud)[-3:] == ["request.created", "request.approved", "stage.changed"]
    assert fraud.catalog.verify_history("fraud") == len(kinds(fraud))


def test_nobody_approves_their_own_request(fraud: House) -> None:
    production(fraud, approvals=1)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    with pytest.raises(PermissionDenied, match="ada has asked for this"):
        fraud.lifecycle.approve(asked.id)
    production(fraud, approvals=1, self_approval=True)
    assert fraud.lifecycle.approve(asked.id).state == "approved"


def test_two_approvals_are_of_two_people(fraud: House) -> None:
    production(fraud, approvals=2)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    grace, linus = (somebody(fraud, name, Role.APPROVER) for name in ("grace", "linus"))
    assert grace.lifecycle.approve(asked.id).state == "open"
    with pytest.raises(Conflict, match="grace has approved request"):
        grace.lifecycle.approve(asked.id)
    assert stages_of(fraud)[0] == "None"
    assert linus.lifecycle.approve(asked.id).state == "approved"
    assert stages_of(fraud)[0] == "Production"


def test_the_approver_must_have_the_role_that_the_policy_names(fraud: House) -> None:
    production(fraud, approvals=1, approver="admin")
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    with pytest.raises(PermissionDenied, match="approval by the role admin"):
        somebody(fraud, "grace", Role.APPROVER).lifecycle.approve(asked.id)
    with pytest.raises(PermissionDenied):
        somebody(fraud, "bob", Role.CONTRIBUTOR).lifecycle.approve(asked.id)
    with pytest.raises(PermissionDenied, match="automation"):
        somebody(fraud, "ci", Role.ADMIN, automation=True).lifecycle.approve(asked.id)
    assert somebody(fraud, "root", Role.ADMIN).lifecycle.approve(asked.id).state == "approved"


def test_an_approver_of_some_models_is_one_for_these(fraud: House) -> None:
    production(fraud, approvals=1, approver="approver")
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    of_these = somebody(fraud, "grace", Role.APPROVER, Narrowing(models="fraud*"))
    assert of_these.lifecycle.approve(asked.id).state == "approved"


def test_what_blocks_is_told_at_once_and_hinders_approval(fraud: House) -> None:
    production(fraud, approvals=1, metrics=[{"metric": "auc", "at_least": 0.85}])
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    shown = [str(item) for item in fraud.lifecycle.blockers(asked.id) if not item.met]
    assert shown == ["auc is at least 0.85 (it is 0.8)", "1 approval (0 so far)"]
    grace = somebody(fraud, "grace", Role.APPROVER)
    with pytest.raises(Blocked, match="auc is at least"):
        grace.lifecycle.approve(asked.id)
    assert fraud.lifecycle.request(asked.id).approvals == ()
    better = fraud.lifecycle.request_transition("fraud", 2, "Production")
    assert grace.lifecycle.approve(better.id).state == "approved"


def test_a_policy_that_became_stricter_counts_at_approval(fraud: House) -> None:
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    production(fraud, approvals=1, tags=["card"])
    with pytest.raises(Blocked, match="has the tag 'card'"):
        somebody(fraud, "grace", Role.APPROVER).lifecycle.approve(asked.id)


def test_rejected_and_cancelled_requests_are_closed_for_ever(fraud: House) -> None:
    grace = somebody(fraud, "grace", Role.APPROVER)
    first = fraud.lifecycle.request_transition("fraud", 1, "Production")
    assert grace.lifecycle.reject(first.id, comment="too old").closing_comment == "too old"
    second = fraud.lifecycle.request_transition("fraud", 1, "Production")
    with pytest.raises(PermissionDenied):
        grace.lifecycle.cancel(second.id)
    assert fraud.lifecycle.cancel(second.id).state == "cancelled"
    for request_id in (first.id, second.id):
        for act in (grace.lifecycle.approve, grace.lifecycle.reject, fraud.lifecycle.cancel):
            with pytest.raises(Conflict, match="already"):
                act(request_id)
    assert kinds(fraud)[-4:] == [
        "request.created",
        "request.rejected",
        "request.created",
        "request.cancelled",
    ]


def test_one_open_request_for_the_same_move_is_enough(fraud: House) -> None:
    fraud.lifecycle.request_transition("fraud", 1, "Production")
    with pytest.raises(Conflict, match="asks for that already"):
        fraud.lifecycle.request_transition("fraud", 1, "production")
    fraud.lifecycle.request_transition("fraud", 1, "Staging")
    fraud.lifecycle.move_to_stage("fraud", 2, "Staging")
    with pytest.raises(Conflict, match="in Staging already"):
        fraud.lifecycle.request_transition("fraud", 2, "Staging")


def test_a_request_expires(fraud: House) -> None:
    production(fraud, approvals=1, request_days=2)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    assert fraud.lifecycle.expire_requests() == 0
    fraud.clock.forward(days=2)
    with pytest.raises(Conflict, match="has expired"):
        somebody(fraud, "grace", Role.APPROVER).lifecycle.approve(asked.id)
    again = fraud.lifecycle.request_transition("fraud", 1, "Production")
    assert fraud.lifecycle.expire_requests() == 1
    states = [fraud.lifecycle.request(request.id).state for request in (asked, again)]
    assert states == ["expired", "open"]
    assert kinds(fraud)[-1] == ActivityKind.REQUEST_EXPIRED


def test_the_request_for_a_deleted_version_can_not_be_approved_and_expires(fraud: House) -> None:
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    fraud.catalog.delete_version("fraud", 1)
    with pytest.raises(NotFound, match="was deleted"):
        somebody(fraud, "grace", Role.APPROVER).lifecycle.approve(asked.id)
    assert fraud.lifecycle.expire_requests() == 1
    assert fraud.lifecycle.request(asked.id).closing_comment == "its version was deleted"


def test_of_many_who_approve_at_once_one_closes_it(fraud: House) -> None:
    production(fraud, approvals=1)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")

    def approve(name: str) -> str:
        try:
            return somebody(fraud, name, Role.APPROVER).lifecycle.approve(asked.id).state
        except MunimentError as error:
            return error.code

    with ThreadPoolExecutor(8) as threads:
        outcomes = sorted(threads.map(approve, [f"user{n}" for n in range(8)]))
    assert outcomes == ["approved"] + ["conflict"] * 7
    assert kinds(fraud).count("stage.changed") == 1


def test_a_request_that_changed_since_it_was_read_is_left_alone(fraud: House) -> None:
    production(fraud, approvals=2)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    somebody(fraud, "grace", Role.APPROVER).lifecycle.approve(asked.id, if_match=1)
    with pytest.raises(PreconditionFailed, match="revision 2"):
        somebody(fraud, "linus", Role.APPROVER).lifecycle.approve(asked.id, if_match=1)


def test_requests_are_listed_newest_first_to_whom_may_see_them(fraud: House) -> None:
    ids = [fraud.lifecycle.request_transition("fraud", n, "Production").id for n in (1, 2, 3)]
    fraud.lifecycle.cancel(ids[1])
    pages, token = [], None
    while True:
        page = fraud.lifecycle.requests(page_size=2, page_token=token)
        pages.append([request.id for request in page.items])
        token = page.next_token
        if token is None:
            break
    assert pages == [[ids[2], ids[1]], [ids[0]]]
    waiting = fraud.lifecycle.requests(model="fraud", state=RequestState.OPEN).items
    assert [request.id for request in waiting] == [ids[2], ids[0]]
    of_two = fraud.lifecycle.requests(model="fraud", version=2).items
    assert [request.state for request in of_two] == ["cancelled"]
    stranger = somebody(fraud, "mallory", Role.ADMIN, Narrowing(models="other"))
    assert stranger.lifecycle.requests().items == ()
    with pytest.raises(NotFound):
        stranger.lifecycle.request(ids[0])
    with pytest.raises(NotFound):
        stranger.lifecycle.cancel(ids[0])


def test_an_automation_asks_and_a_person_approves_where_only_automations_move(
    fraud: House,
) -> None:
    production(fraud, approvals=1, automation_only=True)
    grace = somebody(fraud, "grace", Role.APPROVER)
    by_person = fraud.lifecycle.request_transition("fraud", 1, "Production")
    with pytest.raises(Blocked, match="an automation moves versions"):
        grace.lifecycle.approve(by_person.id)
    robot = somebody(fraud, "ci", Role.CONTRIBUTOR, automation=True)
    by_robot = robot.lifecycle.request_transition("fraud", 2, "Production")
    assert grace.lifecycle.approve(by_robot.id).state == "approved"
