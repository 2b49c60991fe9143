"""Demands on metrics as people write them.

auc>=0.9          at least 0.9
loss<=0.2         at most 0.2
auc>=now          not lower than what is in the stage now
loss<=now+0.01    not higher than that by more than 0.01
"""

from __future__ import annotations

import math
import re
from typing import Final

from muniment.domain.stages import MetricRule
from muniment.errors import InvalidInput

_RULE: Final = re.compile(r"\s*(?P<metric>[^<>=]*[^<>=\s])\s*(?P<way>>=|<=)\s*(?P<bound>\S.*?)\s*")
_NOW: Final = re.compile(r"now(?:\s*(?P<sign>[+-])\s*(?P<margin>\S+))?")


def read_rule(text: str) -> MetricRule:
    """Read a demand on a metric.

    >>> read_rule("auc >= now-0.01").worse_by_at_most
    0.01

    Raises:
        InvalidInput: `text` is none; it says what one looks like.
    """
    match = _RULE.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    metric, higher = match["metric"], match["way"] == ">="
    now = _NOW.fullmatch(match["bound"])
    if now is not None:
        if now["sign"] == ("+" if higher else "-"):
            raise _unreadable(text, "it demands more than what is there now has")
        margin = 0.0 if now["margin"] is None else _number(now["margin"], text)
        return MetricRule(metric, worse_by_at_most=margin, higher_is_better=higher)
    bound = _number(match["bound"], text)
    return MetricRule(metric, at_least=bound) if higher else MetricRule(metric, at_most=bound)


def written(rule: MetricRule) -> list[str]:
    """Return a rule as `read_rule` reads it: one text for each of its bounds."""
    texts = []
    if rule.at_least is not None:
        texts.append(f"{rule.metric}>={rule.at_least!r}")
    if rule.at_most is not None:
        texts.append(f"{rule.metric}<={rule.at_most!r}")
    if rule.worse_by_at_most is not None:
        way, sign = (">=", "-") if rule.higher_is_better else ("<=", "+")
        margin = f"{sign}{rule.worse_by_at_most!r}" if rule.worse_by_at_most else ""
        texts.append(f"{rule.metric}{way}now{margin}")
    return texts


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _unreadable(whole, f"{text!r:.40} is no number") from None
    if not math.isfinite(number):
        raise _unreadable(whole, f"{text!r:.40} is not finite")
    return number


def _unreadable(text: str, why: str = "") -> InvalidInput:
    return InvalidInput(
        f"{text!r:.200} is no demand on a metric" + (f": {why}." if why else "."),
        hint="Write e.g. auc>=0.9, loss<=0.2, or auc>=now-0.01 (now: what is in the stage).",
    )
