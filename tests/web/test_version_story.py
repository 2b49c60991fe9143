"""Find a version, compare it, use it and speak of it: in Chromium."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from muniment.domain.checks import Verdict
from tests.server.people import House
from tests.web.conftest import PHONE, due, stock

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def fraud(site: House) -> House:
    """Three versions of a model, the first in Production."""
    for n in range(3):
        stock(site, "fraud", b"w%d" % n, metrics={"auc": 0.8 + n / 100, "loss": 0.5 - n / 10})
    site.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    return site


def test_versions_are_ticked_and_compared(fraud: House, tab: Page) -> None:
    tab.goto("/models")
    tab.get_by_role("link", name="fraud", exact=True).click()
    tab.get_by_label("Compare version 1").check()
    tab.get_by_label("Compare version 3").check()
    tab.get_by_role("button", name="Compare what is ticked").click()
    tab.wait_for_url("**/compare?v=3&v=1")
    assert "+0.02 better" in tab.get_by_role("region", name="Metrics").last.inner_text()
    tab.get_by_role("link", name="measure by 3").click()
    assert "-0.02 worse" in tab.get_by_role("region", name="Metrics").last.inner_text()


def test_choosing_a_metric_and_a_stage_shows_them_at_once(fraud: House, tab: Page) -> None:
    tab.goto("/models/fraud")
    tab.get_by_role("combobox", name="Metric").select_option("loss")
    tab.wait_for_url("**trend=loss*")
    assert "lower is better" in tab.locator("#trend").inner_text()
    tab.get_by_role("combobox", name="Stage").select_option("Production")
    tab.wait_for_url("**stage=Production*")
    assert tab.get_by_label("Compare version 1").is_visible()
    assert not tab.get_by_label("Compare version 2").is_visible()


def test_ways_to_use_it_are_chosen_by_keyboard_and_copied(fraud: House, tab: Page) -> None:
    tab.goto("/models/fraud/3")
    assert tab.get_by_text("import muniment").is_visible()
    tab.locator("#way-1").focus()
    tab.keyboard.press("ArrowRight")
    assert not tab.get_by_text("import muniment").is_visible()
    assert tab.get_by_text("muniment pull fraud/3").is_visible()
    tab.locator(".way:visible").get_by_role("button", name="Copy").click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == f"muniment pull fraud/3 --registry {str(fraud.client.base_url).rstrip('/')}"


def test_all_of_it_reads_and_works_without_script(
    fraud: House, open_tab: Callable[..., Page]
) -> None:
    tab = open_tab(script=False, width=PHONE[0])
    tab.goto("/models/fraud/3")
    tab.get_by_text("curl", exact=True).click()
    assert tab.get_by_text("curl -fL").is_visible()
    tab.get_by_label("Comment", exact=True).fill("Good on gift cards.")
    tab.get_by_role("button", name="Comment", exact=True).click()
    tab.wait_for_selector("text=Your comment stands below.")
    assert tab.get_by_text("Good on gift cards.").is_visible()
    tab.get_by_text("Delete this version").click()
    tab.get_by_role("button", name="Delete version 3").click()
    tab.wait_for_url("**/models/fraud?deleted=1")
    tab.get_by_role("button", name="Restore version 3").click()
    tab.wait_for_url("**/models/fraud/3")


def test_what_is_pasted_works(fraud: House, tmp_path: Path) -> None:
    shown = fraud.client.get("/models/fraud/2").text
    ways = re.findall(r'<div class="way">.*?data-copy="([^"]*)"', shown, re.DOTALL)
    python, command, curl = (html.unescape(way) for way in ways[:3])
    environment = {**os.environ, "MUNIMENT_CACHE": str(tmp_path / "cache")}
    command = command.replace("muniment", f"{shlex.quote(sys.executable)} -m muniment", 1)
    for way in ([sys.executable, "-c", python], shlex.split(command), shlex.split(curl)):
        done = subprocess.run(
            way, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.bin").read_bytes() == b"w1"
    assert len(list((tmp_path / "cache").rglob("model.bin"))) == 1


def test_what_is_pasted_for_mlflow_works_in_another_workspace(site: House, tmp_path: Path) -> None:
    site.ports.metadata.ensure_workspace("risk", site.clock())
    push = "/api/v1/models/fraud/push/model.txt"
    risk = {"X-Muniment-Workspace": "risk"}
    site.client.put(push, content=b"x", headers=risk).raise_for_status()
    shown = site.client.get("/w/risk/models/fraud/1").text
    way = html.unescape(re.findall(r'data-copy="(MLFLOW_[^"]*)"', shown)[0])
    command = way.replace("mlflow artifacts", f"{shlex.quote(sys.executable)} -m mlflow artifacts")
    done = subprocess.run(
        ["sh", "-c", f"{command} --dst-path here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "model.txt").read_bytes() == b"x"


def test_verdicts_come_in_while_one_reads(fraud: House, tab: Page) -> None:
    due(fraud, "fraud", 3, "bias")
    with tab.expect_response("**/events?*"):
        tab.goto("/models/fraud/3")
    tab.get_by_label("Comment", exact=True).fill("Half a senten")
    checks = tab.get_by_role("region", name="Checks")
    assert "bias waiting" in " ".join(checks.inner_text().split())
    fraud.owner.checks.report("fraud", 3, "bias", Verdict.FAIL, findings=("One group.",))
    checks.get_by_text("One group.").wait_for()
    assert tab.get_by_role("link", name="Show it").is_visible()
    assert tab.get_by_label("Comment", exact=True).input_value() == "Half a senten"
