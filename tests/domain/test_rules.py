"""Demands on metrics, as text."""

from __future__ import annotations

import pytest

from muniment.domain.rules import read_rule, written
from muniment.domain.stages import MetricRule
from muniment.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("auc>=0.9", MetricRule("auc", at_least=0.9)),
        ("loss<=-1e-3", MetricRule("loss", at_most=-0.001)),
        ("auc>=now", MetricRule("auc", worse_by_at_most=0.0)),
        ("auc>=now-0.01", MetricRule("auc", worse_by_at_most=0.01)),
        ("loss<=now", MetricRule("loss", worse_by_at_most=0.0, higher_is_better=False)),
        ("loss<=now+2.5", MetricRule("loss", worse_by_at_most=2.5, higher_is_better=False)),
        ("val auc>=0.5", MetricRule("val auc", at_least=0.5)),
    ],
)
def test_a_demand_is_read_as_it_is_written(text: str, rule: MetricRule) -> None:
    assert read_rule(text) == rule
    assert read_rule(f"  {text.replace('>=', ' >= ').replace('<=', ' <= ')} ") == rule
    (again,) = written(rule)
    assert read_rule(again) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("", "auc", ">=0.9", "auc>0.9", "auc=0.9", "auc>=", "auc>=high", "auc>=nan", "auc>=inf"),
        *(
            "auc>=now+0.01",
            "loss<=now-0.01",
            "auc>=now-x",
            "auc>=now-inf",
            "auc>=nowhere",
            "a<=b>=1",
        ),
    ],
)
def test_what_is_no_demand_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no demand"):
        read_rule(text)
