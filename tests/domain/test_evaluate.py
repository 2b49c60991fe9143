"""What filters mean: every rule of `muniment.domain.query`, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.evaluate import matches, model_matches
from muniment.domain.filters import parse_filter
from muniment.domain.query import MODEL_ATTRIBUTES, VERSION_ATTRIBUTES, FieldType, Target

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODEL = RegisteredModel(
    id=7,
    uuid="0" * 32,
    workspace="default",
    name="Fraud_1",
    slug="fraud_1",
    created_at=NOON,
    updated_at=NOON,
    created_by="ann",
    description="50% off",
    tags={"team": "risk", "tier": 1, "share": 0.5, "live": True, "one": "1", "big": 2**53 + 1},
    aliases={"champion": 1, "backup": 2},
)
VERSION = ModelVersion(
    id=9,
    uuid="1" * 32,
    workspace="default",
    model="Fraud_1",
    version=1,
    created_at=NOON,
    updated_at=NOON,
    created_by="bob",
    status=Status.READY,
    stage="Production",
    tags={"team": "version's"},
    params={"depth": 3, "lr": 0.1, "loss": "log"},
    metrics={"auc": 0.9, "size": 2.0},
    aliases=("champion",),
    size=1_000,
)


def holds(text: str, target: Target = Target.VERSIONS) -> bool:
    expression = parse_filter(text, target)
    assert expression is not None
    return matches(expression, MODEL, VERSION)


def found(text: str, *versions: ModelVersion) -> bool:
    expression = parse_filter(text, Target.MODELS)
    assert expression is not None
    return model_matches(expression, MODEL, versions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a field that is lacking makes every comparison false, and NOT of it true
        ("tags.none = 'x'", False),
        ("tags.none != 'x'", False),
        ("tags.none LIKE '%'", False),
        ("tags.none IN ('x')", False),
        ("tags.none NOT IN ('x')", True),
        ("tags.none NOT LIKE 'x'", True),
        ("NOT tags.none = 'x'", True),
        ("label != 'x'", False),
        ("digest != 'x'", False),
        ("model.latest >= 0", False),
        ("metrics.none < 1", False),
        # an empty text is no lacking field
        ("framework = ''", True),
        ("framework != 'sklearn'", True),
        # types never mix
        ("model.tags.tier = '1'", False),
        ("model.tags.tier != '1'", False),
        ("model.tags.tier < 'a'", False),
        ("model.tags.one = 1", False),
        ("model.tags.live = 1", False),
        ("model.tags.live != 0", False),
        ("model.tags.tier = true", False),
        ("model.tags.tier LIKE '1'", False),
        ("model.tags.live = true", True),
        ("model.tags.live != false", True),
        # numbers compare by value
        ("model.tags.tier = 1.0", True),
        ("model.tags.share < 1", True),
        ("params.depth >= 2.5", True),
        ("size = 1000.0", True),
        ("size = 1000.5", False),
        ("metrics.auc > 0", True),
        ("model.tags.big = 9007199254740993", True),
        ("model.tags.big = 9007199254740992", False),
        # text compares by code point
        ("params.loss > 'Z'", True),
        ("params.loss < 'é'", True),
        ("model.tags.team = 'Risk'", False),
        # times
        ("created_at = '2026-11-21T12:00:00Z'", True),
        ("created_at > '2026-11-21'", True),
        ("created_at IN ('2026-11-21T13:00:00+01:00')", True),
        ("created_at < '2026-11-21T12:00:00.001Z'", True),
        # any alias
        ("alias = 'champion'", True),
        ("alias != 'champion'", False),
        ("model.alias = 'backup'", True),
        ("model.alias != 'backup'", True),
        ("alias IN ('x', 'champion')", True),
        ("alias LIKE 'ch%'", True),
        # logic
        ("size = 1000 AND NOT (size = 1 OR size = 2)", True),
        ("size = 1 OR size = 2", False),
        ("NOT size = 1 AND size = 1000", True),
        # scopes
        ("tags.team = 'risk'", False),
        ("tags.team = 'version''s'", True),
        ("model.created_by = 'ann' AND created_by = 'bob'", True),
        ("name = 'Fraud_1'", True),
        ("status = 'ready'", True),
    ],
)
def test_comparisons(text: str, expected: bool) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("value", "op", "pattern", "expected"),
    [
        ("fraud", "LIKE", "fraud", True),
        ("fraud", "LIKE", "frau", False),
        ("fraud", "LIKE", "raud%", False),
        ("fraud", "LIKE", "fr%d", True),
        ("fraud", "LIKE", "%fraud%", True),
        ("fraud", "LIKE", "fr__d", True),
        ("fraud", "LIKE", "fr_d", False),
        ("fraud", "LIKE", "F%", False),
        ("fraud", "ILIKE", "FR%", True),
        ("", "LIKE", "%", True),
        ("", "LIKE", "", True),
        ("", "LIKE", "_", False),
        ("b", "LIKE", "%b%b%", False),
        ("abcab", "LIKE", "%ab", True),
        ("a\nb", "LIKE", "a%b", True),
        ("🙂", "LIKE", "_", True),
        ("50%", "LIKE", r"50\%", True),
        ("500", "LIKE", r"50\%", False),
        ("a_b", "LIKE", r"a\_b", True),
        ("axb", "LIKE", r"a\_b", False),
        ("a\\b", "LIKE", "a\\b", True),
        ("a\\", "LIKE", "a\\", True),
        ("a.b", "LIKE", "a.b", True),
        ("axb", "LIKE", "a.b", False),
        ("äB", "ILIKE", "äb", True),
        ("Äb", "ILIKE", "äb", False),
        ("\u212a", "ILIKE", "k", False),
        ("ſ", "ILIKE", "s", False),
    ],
)
def test_patterns(value: str, op: str, pattern: str, expected: bool) -> None:
    expression = parse_filter(f"tags.x {op} '{pattern}'", Target.VERSIONS)
    assert expression is not None
    assert matches(expression, MODEL, replace(VERSION, tags={"x": value})) is expected


def test_a_hostile_pattern_costs_no_more_than_its_length_times_the_text() -> None:
    long = replace(VERSION, tags={"x": "a" * 100_000})
    for pattern in ("%a" * 1_000 + "%b", "%_a" * 500 + "b%", "%" * 5_000 + "b"):
        expression = parse_filter(f"tags.x LIKE '{pattern}'", Target.VERSIONS)
        assert expression is not None
        assert not matches(expression, MODEL, long)


def test_a_model_is_found_if_the_whole_filter_holds_with_one_of_its_versions() -> None:
    staging = replace(VERSION, version=2, stage="Staging", metrics={"auc": 0.99})
    assert found("stage = 'Production' AND metrics.auc < 0.95", VERSION, staging)
    assert not found("stage = 'Production' AND metrics.auc > 0.95", VERSION, staging)
    assert found("NOT stage = 'Production'", VERSION, staging)
    assert not found("NOT stage = 'Production'", VERSION)
    assert found("tags.team = 'risk'", VERSION)
    assert found("version.tags.team LIKE 'version%'", VERSION)


def test_a_model_without_versions_stands_on_its_own() -> None:
    assert found("tags.team = 'risk'")
    assert not found("stage != 'Production'")
    assert found("NOT stage = 'Production'")
    assert found("model = 'Fraud_1'")


EXAMPLES = {
    FieldType.STRING: "'x'",
    FieldType.INTEGER: "0",
    FieldType.TIME: "'2026-11-21'",
}


@pytest.mark.parametrize("name", MODEL_ATTRIBUTES)
def test_every_attribute_of_a_model_can_be_compared(name: str) -> None:
    assert isinstance(found(f"{name} = {EXAMPLES[MODEL_ATTRIBUTES[name]]}"), bool)


@pytest.mark.parametrize("name", VERSION_ATTRIBUTES)
def test_every_attribute_of_a_version_can_be_compared(name: str) -> None:
    assert isinstance(holds(f"{name} = {EXAMPLES[VERSION_ATTRIBUTES[name]]}"), bool)
