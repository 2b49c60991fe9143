"""Stages: what they may be called, what their policies may say, and what comes of several."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.access import Role
from muniment.domain.stages import (
    MAX_APPROVALS,
    MAX_POLICIES,
    MAX_RULES,
    PREDEFINED,
    Demands,
    MetricRule,
    Policy,
    Stage,
    check_stage_name,
    demands,
    find_stage,
    policies_from_json,
    stage_key,
    with_predefined,
)
from muniment.domain.values import Json
from muniment.errors import InvalidInput, LimitExceeded, MunimentError
from tests.domain.making import model_of

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
keys = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
rules = st.builds(
    MetricRule,
    keys,
    at_least=st.none() | numbers,
    at_most=st.none() | numbers,
    worse_by_at_most=st.floats(0, 1e300),
    higher_is_better=st.booleans(),
)
days = st.none() | st.floats(0.001, 36_500)
names = st.lists(texts.filter(bool), max_size=3).map(tuple)
tags = st.builds(lambda key, value: f"{key}={value}" if value else key, keys, texts)
policies = st.builds(
    Policy,
    models=texts.filter(bool),
    tag=st.just("") | tags,
    approvals=st.integers(0, MAX_APPROVALS),
    approver=st.sampled_from([None, Role.VIEWER, Role.CONTRIBUTOR, Role.APPROVER, Role.ADMIN]),
    self_approval=st.booleans(),
    checks=names,
    metrics=st.lists(rules, max_size=3).map(tuple),
    tags=st.lists(tags, max_size=3).map(tuple),
    description=st.booleans(),
    owner=st.booleans(),
    automation_only=st.booleans(),
    request_days=days,
    review_days=days,
)


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["QA", "q", "Pre-Prod 2", "v1.2", "Schatten", "語", "x" * 64])
def test_names_are_words(name: str) -> None:
    assert check_stage_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "QA ", " QA", "12", "-x", "a/b", "a@b", "a\n", "x" * 65, "latest", "Latest"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="can't be a stage"):
        check_stage_name(name)


def test_the_case_of_ascii_letters_does_not_matter() -> None:
    assert stage_key("ÄPfel QA") == "Äpfel qa"
    stages = with_predefined([Stage("QA"), Stage("Ä"), Stage("ä")])
    for name in ("qa", "Qa"):
        assert find_stage(name, stages) == Stage("QA")
    assert find_stage("ä", stages) == Stage("ä")
    assert find_stage("PRODUCTION", stages) == PREDEFINED[2]
    assert find_stage("nowhere", stages) is None


def test_predefined_stages_are_there_unless_they_were_changed() -> None:
    assert with_predefined([]) == PREDEFINED
    production = Stage("production", 50, revision=1)
    assert [stage.name for stage in with_predefined([production, Stage("QA", 100)])] == [
        "None",
        "production",
        "QA",
        "Staging",
        "Archived",
    ]
    assert production.predefined
    assert not Stage("QA").predefined


# -- what people write ---------------------------------------------------------------------------


@given(policies)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert Policy.from_json(policy.to_json()) == policy


def test_a_policy_that_demands_nothing_says_nothing() -> None:
    assert Policy().to_json() == {}
    assert Policy.from_json({}) == Policy()
    assert Policy.from_json({"tag": None, "checks": None, "review_days": None}) == Policy()


@given(st.lists(policies, max_size=3).map(tuple), st.integers(0, 9_999), texts)
def test_a_stage_survives_json(listed: tuple[Policy, ...], order: int, text: str) -> None:
    stage = Stage("QA", order, "#b58900", text, listed, revision=7)
    assert Stage.from_json(stage.to_json()) == stage
    assert stage.checked() is stage


@pytest.mark.parametrize(
    "document",
    [
        "approvals",
        {"aprovals": 1},
        {"approvals": -1},
        {"approvals": MAX_APPROVALS + 1},
        {"approvals": True},
        {"approvals": 1.0},
        {"approver": "boss"},
        {"approver": "tracker"},
        {"approver": 1},
        {"models": ""},
        {"models": "x" * 501},
        {"models": None},
        {"tag": ["x"]},
        {"tag": False},
        {"tags": {}},
        {"checks": ""},
        {"tag": "=x"},
        {"tags": ["=x"]},
        {"tags": "x"},
        {"tags": [1]},
        {"tags": [""]},
        {"checks": ["a\0b"]},
        {"checks": ["x"] * (MAX_RULES + 1)},
        {"owner": 1},
        {"description": "yes"},
        {"self_approval": None},
        {"automation_only": "true"},
        {"request_days": 0},
        {"request_days": -1},
        {"request_days": True},
        {"request_days": math.nan},
        {"review_days": 36_501},
        {"review_days": "7"},
        {"review_days": 10**400},
        {"metrics": {}},
        {"metrics": [{"metric": "auc", "at_least": 1}] * (MAX_RULES + 1)},
        {"metrics": ["auc"]},
        {"metrics": [{"metric": "auc"}]},
        {"metrics": [{"metric": "auc", "at_least": None}]},
        {"metrics": [{"at_least": 1}]},
        {"metrics": [{"metric": "", "at_least": 1}]},
        {"metrics": [{"metric": 3, "at_least": 1}]},
        {"metrics": [{"metric": "auc", "at_least": "0.9"}]},
        {"metrics": [{"metric": "auc", "at_least": math.inf}]},
        {"metrics": [{"metric": "auc", "at_most": 10**400}]},
        {"metrics": [{"metric": "auc", "at_least": True}]},
        {"metrics": [{"metric": "auc", "worse_by_at_most": -0.1}]},
        {"metrics": [{"metric": "auc", "at_least": 1, "higher_is_better": 1}]},
        {"metrics": [{"metric": "auc", "least": 1}]},
    ],
)
def test_what_a_policy_can_not_say_is_refused(document: Any) -> None:
    with pytest.raises(MunimentError) as caught:
        Policy.from_json(document)
    assert isinstance(caught.value, InvalidInput | LimitExceeded)


def test_a_list_of_policies_is_a_list_and_not_long() -> None:
    assert policies_from_json([{}] * MAX_POLICIES) == (Policy(),) * MAX_POLICIES
    for document in ("x", [Policy().to_json()] * (MAX_POLICIES + 1)):
        with pytest.raises(InvalidInput, match="list"):
            policies_from_json(cast(Json, document))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "1"}, "can't be a stage"),
        ({"colour": "red"}, "not written like"),
        ({"colour": "#FFFFFF"}, "not written like"),
        ({"order": -1}, "order"),
        ({"order": 10_000}, "order"),
        ({"name": "none", "policies": (Policy(),)}, "no stage"),
    ],
)
def test_a_stage_that_breaks_a_rule_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        replace(Stage("QA"), **fields).checked()


def test_a_description_has_an_end() -> None:
    with pytest.raises(LimitExceeded):
        Stage("QA", description="x" * 8_001).checked()


# -- what several policies demand together -------------------------------------------------------


def test_a_policy_is_for_the_models_that_it_names() -> None:
    policy = Policy(models="fraud-*", tag="tier=1")
    assert policy.fits(model_of("fraud-eu", tags={"tier": "1"}))
    assert policy.fits(model_of("fraud-eu", tags={"tier": 1}))
    assert not policy.fits(model_of("fraud-eu", tags={"tier": "2"}))
    assert not policy.fits(model_of("fraud-eu"))
    assert not policy.fits(model_of("churn", tags={"tier": "1"}))
    assert Policy(tag="tier").fits(model_of(tags={"tier": ""}))
    assert Policy().fits(model_of())


def test_of_several_policies_the_strictest_counts() -> None:
    auc, loss = MetricRule("auc", at_least=0.9), MetricRule("loss", at_most=0.1)
    stage = Stage(
        "Production",
        policies=(
            Policy(approvals=1, approver=Role.ADMIN, self_approval=True, request_days=7),
            Policy(approvals=2, approver=Role.APPROVER, checks=("a", "b"), metrics=(auc,)),
            Policy(checks=("b", "c"), metrics=(auc, loss), tags=("x",), review_days=30),
            Policy(description=True, owner=True, review_days=20, request_days=9, tags=("y", "x")),
            Policy(models="other", approvals=9, automation_only=True, review_days=1),
        ),
    )
    together = demands(stage, model_of())
    assert (together.approvals, together.approver) == (2, Role.ADMIN)
    assert together.self_approval is False
    assert together.checks == ("a", "b", "c")
    assert together.metrics == (auc, loss)
    assert together.tags == ("x", "y")
    assert (together.description, together.owner) == (True, True)
    assert together.automation_only is False
    assert (together.request_days, together.review_days) == (7, 20)
    assert together.policies == stage.policies[:4]


def test_only_who_asks_for_approvals_has_a_say_about_self_approval() -> None:
    stage = Stage("QA", policies=(Policy(approvals=1, self_approval=True), Policy(owner=True)))
    assert demands(stage, model_of()).self_approval is True


def test_no_policy_demands_nothing() -> None:
    nothing = demands(Stage("QA", policies=(Policy(models="x", approvals=1),)), model_of())
    assert nothing == Demands()


@given(policies, policies)
def test_the_order_of_policies_makes_no_difference(one: Policy, two: Policy) -> None:
    def seen(*listed: Policy) -> tuple[Any, ...]:
        everywhere = tuple(replace(policy, models="*", tag="") for policy in listed)
        d = demands(Stage("QA", policies=everywhere), model_of())
        flags = (d.self_approval, d.description, d.owner, d.automation_only)
        unordered = set(d.checks), set(d.metrics), set(d.tags)
        return d.approvals, d.approver, flags, unordered, d.request_days, d.review_days

    assert seen(one, two) == seen(two, one) == seen(one, two, one)
