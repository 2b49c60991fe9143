"""The metric that stands for a model, and which way is better.

A model says both in its tags: `headline_metric = auc` and `lower_is_better = loss,rmse`. Else the
headline is the first metric of its newest version that has any, and errors and losses are better
when they are lower.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from muniment.domain.entities import ModelVersion
from muniment.domain.values import Value

HEADLINE: Final = "headline_metric"
LOWER: Final = "lower_is_better"
_LOWER: Final = re.compile(r"(^|_)(loss|error|err|rmse|mse|mae|mape|brier|perplexity|latency)(_|$)")


def headline_of(tags: Mapping[str, Value], newest_first: Iterable[ModelVersion]) -> str | None:
    """Return the metric's name; None if no version has metrics."""
    declared = tags.get(HEADLINE)
    if isinstance(declared, str) and declared:
        return declared
    return next((min(version.metrics) for version in newest_first if version.metrics), None)


def higher_is_better(tags: Mapping[str, Value], metric: str) -> bool:
    """Say which way a metric of the model is better."""
    declared = str(tags.get(LOWER, ""))
    if declared:
        return metric not in {name.strip() for name in declared.split(",")}
    return _LOWER.search(metric.lower()) is None
