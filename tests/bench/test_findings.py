"""When a target is met, and how figures are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import Figure, Finding, Notebook, line, shown

FAST, SLOW = Figure([90, 100, 500], "1/s"), Figure([10], "1/s")


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert FAST.value == 100


@pytest.mark.parametrize(
    ("finding", "ratio", "met"),
    [
        (Finding("g", "w", FAST, SLOW, target=10), 10, True),
        (Finding("g", "w", FAST, SLOW, target=10.1), 10, False),
        (Finding("g", "w", SLOW, FAST, more_is_better=False, target=0.1), 0.1, True),
        (Finding("g", "w", SLOW, FAST, more_is_better=False, target=0.09), 0.1, False),
        (Finding("g", "w", SLOW, target=9), None, True),
        (Finding("g", "w", SLOW, more_is_better=False, target=9), None, False),
        (Finding("g", "w", FAST, SLOW), 10, None),
    ],
)
def test_a_target_bounds_the_ratio_or_else_the_figure(
    finding: Finding, ratio: float | None, met: bool | None
) -> None:
    assert finding.ratio == ratio
    assert finding.met is met
    assert ("MISSED" in line(finding)) == (met is False)


def test_figures_have_three_digits_that_count() -> None:
    values = [0.1234, 1.234, 12.34, 123.4, 12345.6]
    assert [shown(Figure([value], "ms")) for value in values] == [
        "0.123 ms",
        "1.23 ms",
        "12.3 ms",
        "123 ms",
        "12,346 ms",
    ]
    assert shown(Figure([1200], "1/s")) == "1,200/s"


def test_measures_take_turns(tmp_path: Path) -> None:
    order: list[str] = []
    said = Notebook(tmp_path).in_turn(
        {"ours": lambda: order.append("ours"), "theirs": lambda: order.append("theirs")}
    )
    assert order == ["ours", "theirs"] * 5
    assert said == {"ours": [None] * 5, "theirs": [None] * 5}
