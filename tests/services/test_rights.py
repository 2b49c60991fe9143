"""What the caller may do to models and transition requests."""

from __future__ import annotations

import pytest

from muniment.domain.access import VERBS_OF, Narrowing, Role, Verb
from muniment.domain.requests import RequestAction
from muniment.domain.stages import Stage
from muniment.errors import MunimentError, NotFound

from .conftest import House
from .people import somebody
from .test_transitions import fraud, production, stages_of

__all__ = ["fraud"]  # the fixture

APPROVE, REJECT, CANCEL = RequestAction


@pytest.mark.parametrize("action", RequestAction)
@pytest.mark.parametrize(
    "policy", [{}, {"approvals": 1}, {"approvals": 2, "approver": "admin"}], ids=str
)
def test_what_one_is_told_that_one_may_do_is_what_one_can_do(
    fraud: House, policy: dict[str, object], action: RequestAction
) -> None:
    production(fraud, **policy)
    staging = Narrowing(stage="staging")
    lifecycles = [
        fraud.lifecycle,  # who asks
        somebody(fraud, "eve", Role.VIEWER).lifecycle,
        somebody(fraud, "bob", Role.CONTRIBUTOR).lifecycle,
        somebody(fraud, "grace", Role.APPROVER).lifecycle,
        somebody(fraud, "stu", Role.APPROVER, staging).lifecycle,
        somebody(fraud, "ci", Role.ADMIN, automation=True).lifecycle,
        somebody(fraud, "root", Role.ADMIN).lifecycle,
    ]
    for number, lifecycle in enumerate(lifecycles):
        asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
        told = action in lifecycle.actions(asked)
        assert (lifecycle.objection(asked) == "") == (APPROVE in lifecycle.actions(asked))
        act = {APPROVE: lifecycle.approve, REJECT: lifecycle.reject, CANCEL: lifecycle.cancel}
        try:
            act[action](asked.id)
            could = True
        except MunimentError:
            could = False
        assert told == could, number
        if fraud.lifecycle.request(asked.id).state == "open":
            fraud.lifecycle.cancel(asked.id)
        if stages_of(fraud)[0] != "None":
            fraud.lifecycle.move_to_stage("fraud", 1, "None")


def test_nothing_can_be_done_to_a_request_that_is_closed_or_overdue_nor_a_second_time(
    fraud: House,
) -> None:
    production(fraud, approvals=2, request_days=1)
    asked = fraud.lifecycle.request_transition("fraud", 1, "Production")
    grace = somebody(fraud, "grace", Role.APPROVER)
    assert grace.lifecycle.actions(asked) == (APPROVE, REJECT)
    assert grace.lifecycle.actions(grace.lifecycle.approve(asked.id)) == (REJECT,)
    assert grace.lifecycle.actions(grace.lifecycle.reject(asked.id)) == ()
    again = fraud.lifecycle.request_transition("fraud", 1, "Production")
    fraud.clock.forward(days=1)
    assert fraud.lifecycle.actions(again) == ()


def test_a_request_for_a_stage_that_was_dropped_can_only_be_closed(fraud: House) -> None:
    fraud.lifecycle.define_stage(Stage("Shadow", 150))
    asked = fraud.lifecycle.request_transition("fraud", 1, "Shadow")
    fraud.lifecycle.drop_stage("Shadow")
    assert somebody(fraud, "root", Role.ADMIN).lifecycle.actions(asked) == (REJECT, CANCEL)


def test_open_requests_are_those_of_one_version_that_are_not_overdue(fraud: House) -> None:
    production(fraud, approvals=1, request_days=1)
    first = fraud.lifecycle.request_transition("fraud", 1, "Staging")
    second = fraud.lifecycle.request_transition("fraud", 1, "Production")
    fraud.lifecycle.request_transition("fraud", 2, "Staging")
    assert fraud.lifecycle.open_requests("fraud", 1) == [second, first]
    fraud.clock.forward(days=1)
    assert fraud.lifecycle.open_requests("fraud", 1) == [first]
    for name, number in (("nope", 1), ("fraud", 9)):
        with pytest.raises(NotFound):
            fraud.lifecycle.open_requests(name, number)


@pytest.mark.parametrize("archive", [True, False])
def test_who_approves_may_overrule_whether_the_others_are_archived(
    fraud: House, archive: bool
) -> None:
    fraud.lifecycle.move_to_stage("fraud", 1, "Production")
    asked = fraud.lifecycle.request_transition(
        "fraud", 2, "Production", archive_existing=not archive
    )
    fraud.lifecycle.approve(asked.id, archive_existing=archive)
    assert stages_of(fraud)[:2] == ["Archived" if archive else "Production", "Production"]


def test_the_verbs_of_a_role_are_told_about_one_model_and_stage(fraud: House) -> None:
    grace = somebody(fraud, "grace", Role.APPROVER, Narrowing(stage="staging"))
    about = {stage: grace.lifecycle.verbs("fraud", stage=stage) for stage in ("Staging", "None")}
    assert about["Staging"] == VERBS_OF[Role.APPROVER]
    moving = {Verb.MOVE_STAGE, Verb.REQUEST_STAGE, Verb.APPROVE_STAGE}
    assert about["None"] == VERBS_OF[Role.APPROVER] - moving
    with pytest.raises(NotFound):
        somebody(fraud, "eve", Role.ADMIN, Narrowing(models="x")).lifecycle.verbs("fraud")
