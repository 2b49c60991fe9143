"""Requirements: each demand with its evidence; what is not met blocks."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.domain.access import Role
from muniment.domain.entities import Status
from muniment.domain.requirements import Facts, Requirement, Rule, blockers, requirements
from muniment.domain.stages import Demands, MetricRule
from tests.domain.making import model_of, version_of

READY = version_of(2)


def facts_of(**fields: Any) -> Facts:
    return Facts(**{"stage": "Production", "model": model_of(), "version": READY, **fields})


def only(demands: Demands, facts: Facts, rule: Rule) -> Requirement:
    """Return the one requirement of this rule."""
    (found,) = (found for found in requirements(demands, facts) if found.rule is rule)
    return found


def metric(rule: MetricRule, value: float | None, now: float | None = None) -> Requirement:
    """Return what a rule says of a value, if the version in the stage has another."""
    version = version_of(2, metrics={} if value is None else {"auc": value})
    incumbent = None if now is None else version_of(1, metrics={"auc": now})
    facts = facts_of(version=version, incumbent=incumbent)
    return only(Demands(metrics=(rule,)), facts, Rule.METRIC)


def test_without_demands_a_version_must_be_ready() -> None:
    assert blockers(requirements(Demands(), facts_of())) == ()
    (blocker,) = blockers(
        requirements(Demands(), facts_of(version=version_of(status=Status.PENDING)))
    )
    assert blocker == Requirement(Rule.READY, "the version is READY", False, "it is PENDING")
    assert str(blocker) == "the version is READY (it is PENDING)"


@pytest.mark.parametrize("stage", ["None", "Archived"])
def test_what_is_put_away_need_not_be_ready(stage: str) -> None:
    facts = facts_of(stage=stage, version=version_of(status=Status.FAILED))
    assert requirements(Demands(), facts) == ()


@pytest.mark.parametrize(
    ("rule", "value", "met"),
    [
        (MetricRule("auc", at_least=0.9), 0.9, True),
        (MetricRule("auc", at_least=0.9), 0.8999999999, False),
        (MetricRule("auc", at_least=0.9), None, False),
        (MetricRule("auc", at_most=0.9), 0.9, True),
        (MetricRule("auc", at_most=0.9), 0.9000001, False),
        (MetricRule("auc", at_most=0.9), None, False),
    ],
)
def test_an_absolute_threshold(rule: MetricRule, value: float | None, met: bool) -> None:
    assert metric(rule, value).met is met


def test_both_ends_are_requirements_of_their_own() -> None:
    rule = MetricRule("auc", at_least=0.5, at_most=0.9)
    version = version_of(metrics={"auc": 0.95})
    found = requirements(Demands(metrics=(rule,)), facts_of(version=version))
    assert [(r.text, r.met) for r in found if r.rule is Rule.METRIC] == [
        ("auc is at least 0.5", True),
        ("auc is at most 0.9", False),
    ]


@pytest.mark.parametrize(
    ("higher", "margin", "value", "now", "met"),
    [
        (True, 0, 0.9, 0.9, True),
        (True, 0, 0.91, 0.9, True),
        (True, 0, 0.89, 0.9, False),
        (True, 0.01, 0.90, 0.91, True),  # 0.91 - 0.90 is a bit more than 0.01
        (True, 0.01, 0.8999, 0.91, False),
        (False, 0, 0.2, 0.2, True),
        (False, 0, 0.1, 0.2, True),
        (False, 0, 0.3, 0.2, False),
        (False, 0.1, 0.3, 0.2, True),
        (False, 0.1, 0.31, 0.2, False),
        (True, 0, 0.3, 0.1 + 0.2, True),
        (True, 0, 1e-13, 2e-13, False),  # small is not the same as none
        (True, 0, -1.7e308, 1.7e308, False),
        (False, 0, -1.7e308, 1.7e308, True),
        (True, 5, 0, 0, True),
    ],
)
def test_not_worse_than_now(
    higher: bool, margin: float, value: float, now: float, met: bool
) -> None:
    rule = MetricRule("auc", worse_by_at_most=margin, higher_is_better=higher)
    assert metric(rule, value, now).met is met


def test_a_comparison_needs_a_value_and_something_to_compare_with() -> None:
    rule = MetricRule("auc", worse_by_at_most=0.01)
    assert metric(rule, 0.1).met
    assert metric(rule, 0.1).evidence == "it is 0.1; nothing is there now"
    assert not metric(rule, None).met
    assert not metric(rule, None, 0.5).met
    assert metric(rule, None, 0.5).evidence == "the version has none; version 1 has 0.5"
    bare = facts_of(version=version_of(2, metrics={"auc": 0.1}), incumbent=version_of(1))
    found = only(Demands(metrics=(rule,)), bare, Rule.METRIC)
    assert (found.met, found.evidence) == (True, "it is 0.1; version 1 has none")
    own = version_of(2, metrics={"auc": 0.1})
    assert only(
        Demands(metrics=(rule,)), facts_of(version=own, incumbent=own), Rule.METRIC
    ).evidence.endswith("nothing is there now")


def test_the_text_says_which_way_is_worse() -> None:
    lower = MetricRule("auc", worse_by_at_most=0)
    assert metric(lower, 1).text == "auc is not lower than in Production now"
    higher = MetricRule("auc", worse_by_at_most=0.5, higher_is_better=False)
    assert metric(higher, 1).text == "auc is not higher than in Production now by more than 0.5"


def test_evidence_never_rounds_a_blocker_away() -> None:
    found = metric(MetricRule("auc", at_least=0.9), 0.89999999)
    assert found.text == "auc is at least 0.9"
    assert found.evidence == "it is 0.89999999"
    assert metric(MetricRule("auc", at_least=2), 3).evidence == "it is 3"


@pytest.mark.parametrize(("verdict", "met"), [("pass", True), ("fail", False), ("unknown", False)])
def test_a_check_must_have_passed(verdict: str, met: bool) -> None:
    found = only(Demands(checks=("scan",)), facts_of(checks={"scan": verdict}), Rule.CHECK)
    assert (found.met, found.evidence) == (met, verdict)


def test_a_check_that_nobody_ran_has_not_passed() -> None:
    found = only(Demands(checks=("scan",)), facts_of(checks={"other": "pass"}), Rule.CHECK)
    assert (found.met, found.evidence) == (False, "unknown")


def test_a_tag_may_stand_on_the_version_or_its_model() -> None:
    demands = Demands(tags=("reviewed=true",))
    assert not only(demands, facts_of(), Rule.TAG).met
    assert not only(demands, facts_of(version=version_of(tags={"reviewed": "no"})), Rule.TAG).met
    for tags in ({"reviewed": "true"}, {"reviewed": True}):
        assert only(demands, facts_of(version=version_of(tags=tags)), Rule.TAG).met
        assert only(demands, facts_of(model=model_of(tags=tags)), Rule.TAG).met


def test_a_description_is_more_than_blanks() -> None:
    for text, met in (("", False), (" \n", False), ("good", True)):
        facts = facts_of(version=version_of(description=text))
        assert only(Demands(description=True), facts, Rule.DESCRIPTION).met is met
    facts = facts_of(model=model_of(description="of the model"))
    assert not only(Demands(description=True), facts, Rule.DESCRIPTION).met


def test_an_owner_is_named_by_a_tag() -> None:
    demands = Demands(owner=True)
    assert not only(demands, facts_of(), Rule.OWNER).met
    assert not only(demands, facts_of(version=version_of(tags={"owner": ""})), Rule.OWNER).met
    found = only(demands, facts_of(model=model_of(tags={"owner": "risk"})), Rule.OWNER)
    assert (found.met, found.evidence) == (True, "it is risk")


def test_automation_only() -> None:
    demands = Demands(automation_only=True)
    assert not only(demands, facts_of(), Rule.AUTOMATION).met
    assert only(demands, facts_of(automation=True), Rule.AUTOMATION).met


@pytest.mark.parametrize(
    ("approvals", "approver", "text"),
    [
        (1, None, "1 approval"),
        (2, Role.APPROVER, "2 approvals by an approver or higher"),
        (2, Role.ADMIN, "2 approvals by an admin or higher"),
        (1, Role.VIEWER, "1 approval by a viewer or higher"),
    ],
)
def test_approvals_are_counted(approvals: int, approver: Role | None, text: str) -> None:
    demands = Demands(approvals=approvals, approver=approver)
    few = only(demands, facts_of(approvals=approvals - 1), Rule.APPROVALS)
    assert (few.met, few.text, few.evidence) == (False, text, f"{approvals - 1} so far")
    assert only(demands, facts_of(approvals=approvals), Rule.APPROVALS).met


def test_a_requirement_survives_json() -> None:
    for met in (True, False):
        requirement = Requirement(Rule.CHECK, "text", met, "evidence")
        assert Requirement.from_json(requirement.to_json()) == requirement
