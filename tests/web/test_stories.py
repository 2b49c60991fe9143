"""What people come for, from end to end, in Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from muniment.domain.access import Role
from muniment.domain.stages import Policy, Stage
from tests.server.people import House
from tests.web.conftest import complaints_of, stock

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenTab = Callable[..., "Page"]


def people(site: House) -> None:
    site.person("root", Role.ADMIN)
    site.person("ada", Role.CONTRIBUTOR)
    site.person("grace", Role.APPROVER)
    site.person("tim", Role.VIEWER)


def test_one_asks_another_approves_and_the_version_is_in_production(
    site: House, open_tab: OpenTab
) -> None:
    people(site)
    site.owner.lifecycle.define_stage(Stage("Production", 200, policies=(Policy(approvals=1),)))
    stock(site, "fraud", metrics={"auc": 0.91})

    ada = open_tab(signed_in="ada")
    ada.goto("/models/fraud/1")
    ada.goto("/models/fraud/1/request?stage=Production")
    ada.get_by_label("Why").fill("Better on all counts.")
    ada.get_by_role("button", name="Request Production").click()
    ada.wait_for_url(re.compile("/requests/"))
    assert ada.get_by_role("button", name=re.compile("^Approve")).count() == 0

    grace = open_tab(signed_in="grace")
    grace.get_by_role("link", name="fraud/1").first.click()
    grace.wait_for_url(re.compile("/requests/"))
    grace.get_by_label("Comment").last.fill("Checked.")
    grace.get_by_role("button", name=re.compile("^Approve")).click()
    grace.goto("/models/fraud/1")
    assert grace.locator("h1 ~ *, .head").get_by_text("Production").first.is_visible()
    grace.goto("/activity")
    happened = grace.locator("main").inner_text()
    assert "ada" in happened
    assert "requested Production" in happened
    assert "grace" in happened


def test_who_is_not_signed_in_is_led_to_the_door_and_back(site: House, open_tab: OpenTab) -> None:
    people(site)
    stock(site, "fraud")
    tab = open_tab()
    tab.goto("/models/fraud")
    assert "/sign-in" in tab.url
    tab.get_by_label("Name").fill("tim")
    tab.get_by_label("Password").fill("a wrong password")
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_role("alert").wait_for()
    assert tab.get_by_label("Name").input_value() == "tim"
    complaints_of(tab).clear()  # the browser notes the 403
    tab.get_by_label("Password").fill("correct horse battery")
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/models/fraud")


def test_a_viewer_is_refused_what_is_not_for_them_and_offered_nothing_of_it(
    site: House, open_tab: OpenTab
) -> None:
    people(site)
    stock(site, "fraud")
    tab = open_tab(signed_in="tim")
    answer = tab.goto("/admin/users")
    assert answer is not None
    assert answer.status == 403
    complaints_of(tab).clear()
    tab.goto("/models/fraud/1/request?stage=Production")
    for name in ("Register a model", "Storage", "Webhooks"):
        assert tab.locator(".bar").get_by_role("link", name=name, include_hidden=True).count() == 0
    assert tab.get_by_role("button", name=re.compile("Request|Move")).count() == 0


def test_a_model_is_found_by_keyboard_alone(site: House, tab: Page) -> None:
    for name in ("fraud", "churn"):
        stock(site, name)
    tab.goto("/")
    tab.keyboard.press("/")
    tab.keyboard.type("chu")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/models?q=chu")
    assert tab.get_by_role("link", name="churn").is_visible()
    assert tab.get_by_role("link", name="fraud").count() == 0


def test_commands_are_copied_as_they_work(site: House, tab: Page) -> None:
    tab.goto("/")
    tab.get_by_role("button", name="Copy export").click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == f"export MLFLOW_REGISTRY_URI={str(site.client.base_url).rstrip('/')}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="`curl` is not on the PATH")
def test_the_commands_to_begin_with_work_as_they_stand(
    site: House, tab: Page, tmp_path: Path
) -> None:
    tab.goto("/")
    curl, python, _ = (found.inner_text() for found in tab.locator("pre > code").all())
    subprocess.run(["sh", "-ec", curl], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", python], cwd=tmp_path, check=True, capture_output=True)
    found = site.owner.catalog.version("fraud", 2)
    assert (found.metrics, found.digest) == (
        {"auc": 0.98},
        site.owner.catalog.version("fraud", 1).digest,
    )


def test_pages_read_without_script(site: House, open_tab: OpenTab) -> None:
    stock(site, "fraud", metrics={"auc": 0.9})
    tab = open_tab(script=False)
    tab.goto("/models")
    tab.get_by_role("link", name="fraud", exact=True).click()
    assert tab.get_by_role("heading", name="fraud", level=1).is_visible()


def test_the_menu_opens_closes_by_escape_and_leads_to_administration(
    site: House, tab: Page
) -> None:
    tab.goto("/")
    menu = tab.locator("details.menu")
    menu.locator("summary").click()
    assert menu.get_by_role("link", name="Administration").is_visible()
    tab.keyboard.press("Escape")
    assert not menu.get_by_role("link", name="Administration").is_visible()
