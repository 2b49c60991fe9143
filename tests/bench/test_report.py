"""The report, its documents and its pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import Figure, Finding, report
from bench.charts import Scale, chart
from bench.results import Results, read

RATES = (
    Finding(
        "Requests",
        "get <a|b>",
        Figure([900, 1000, 1100], "1/s"),
        Figure([100], "1/s"),
        "the peer",
        target=15,
        note="CPUs: 0.9",
    ),
    Finding("Memory", "idle", Figure([80], "MiB"), more_is_better=False, target=90),
    Finding("Requests", "search", Figure([7.5], "ms"), Figure([5], "ms"), "the peer", False),
)
MACHINE = {"processor": "one", "memory": "2 GiB"}


@pytest.fixture
def results() -> Results:
    now = datetime(2026, 11, 21, 22, 5, tzinfo=UTC)
    return Results("speed", "How fast", "In turn.", now, False, MACHINE, RATES)


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    other = replace(results, name="other", findings=())
    results.write(tmp_path)
    other.write(tmp_path)
    [first, second] = read(tmp_path, ["other", "missing", "speed"])
    assert first.name == "other"
    assert second.title == "How fast"
    assert second.findings[0].ours.rounds == [900, 1000, 1100]
    assert second.to_json() == results.to_json()


def test_the_report_says_what_is_met_and_what_is_missed(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path)
    report.write(tmp_path, ["speed"])
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "Of 2 targets, 1 are met, and 1 missed:" in page
    assert "- How fast: Requests, get <a|b>: 10.0 instead of at least 15" in page
    assert (
        "| get <a\\|b> | 1,000/s (900–1,100) | 100/s | the peer | 10.0 | ≥ 15 "
        "| **missed**. CPUs: 0.9 |"
    ) in page
    assert "| idle | 80.0 MiB |  |  |  | ≤ 90.0 MiB | met |" in page
    assert "| search | 7.50 ms | 5.00 ms | the peer | 1.50 |  |  |" in page
    assert page.index("get <a") < page.index("| search") < page.index("| idle"), "by group"
    assert "21 November 2026, 22:05 UTC" in page
    assert "![How fast, as ratios](speed.svg)" in page


def test_results_of_another_run_stay_and_say_where_they_are_from(
    results: Results, tmp_path: Path
) -> None:
    results.write(tmp_path)
    replace(results, name="other", title="How large", machine={"processor": "two"}).write(tmp_path)
    report.write(tmp_path, ["speed", "other"])
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "## How fast\n\nIn turn.\n\nMeasured on machine 1" in page
    assert "## How large\n\nIn turn.\n\nMeasured on machine 2" in page


def test_a_picture_is_an_svg_without_scripts_in_which_a_longer_bar_is_better() -> None:
    picture = chart("How <fast>", RATES)
    assert picture is not None
    tree = ET.fromstring(picture)  # noqa: S314 (our own)
    space = "{http://www.w3.org/2000/svg}"
    assert tree.tag == f"{space}svg"
    assert "How <fast>" in (tree.findtext(f"{space}title") or "")
    texts = [text.text for text in tree.iter(f"{space}text")]
    assert {"get <a|b>", "10.0× missed", "search", "0.67×", "idle", "1.12×"} <= {*texts}
    widths = {
        bar.get("class"): float(bar.get("width", "0"))
        for bar in tree.iter(f"{space}rect")
        if bar.get("class") != "ground"
    }
    assert widths["missed"] > widths["good"]
    assert not [*tree.iter(f"{space}script")]


def test_no_picture_of_figures_that_stand_alone() -> None:
    assert chart("Sizes", [Finding("", "a file", Figure([3], "MiB"))]) is None


def test_a_scale_holds_all_values_and_one() -> None:
    scale = Scale.of([3, 42])
    assert (scale.least, scale.most) == (0.5, 50)
    assert scale.x(0.5) < scale.x(1) < scale.x(42) < scale.x(50)
    assert 1 in scale.marks()
