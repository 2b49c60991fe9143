"""What holds for every page, seen in Chromium over the registry of the rich demo.

Nothing on the console, nothing against its own policy, nothing from another host (see `conftest`);
no serious fault of accessibility; nothing wider than the window; headings in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.parts.accessibility import faults_of
from tests.server.people import House
from tests.web.conftest import DESKTOP, PHONE, complaints_of, new_tab, on_loopback, sign_in
from tests.web.pages import ADMIN, FAULTS, OF_STRANGERS, PAGES, furnish

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_HEADINGS = "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_UNNAMED = (
    "[...document.querySelectorAll('table')].filter(t => !t.querySelector('th')).map(t => "
    "t.outerHTML.slice(0, 200))"
)
WINDOWS = {
    "desktop": (DESKTOP[0], False),
    "dark": (DESKTOP[0], True),
    "phone": (PHONE[0], False),
}


@dataclass
class Year:
    """The registry of the rich demo, served, and what is in it."""

    house: House
    known: dict[str, str]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    with on_loopback(tmp_path_factory.mktemp("year") / "home") as house:
        yield Year(house, furnish(house))


def open_window(chromium: Browser, year: Year, kind: str) -> Page:
    width, dark = WINDOWS[kind]
    return new_tab(chromium, str(year.house.client.base_url), width, dark=dark)


@pytest.fixture(scope="module", params=WINDOWS)
def window(request: pytest.FixtureRequest, chromium: Browser, year: Year) -> Iterator[Page]:
    """A tab of an admin."""
    tab = open_window(chromium, year, request.param)
    sign_in(tab, ADMIN)
    yield tab
    tab.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(window: Page, year: Year, name: str) -> None:
    check(window, PAGES[name].format(**year.known))


@pytest.mark.parametrize("name", FAULTS)
def test_a_page_of_what_is_not_there_is_sound(window: Page, name: str) -> None:
    check(window, FAULTS[name], status=404)


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("name", OF_STRANGERS)
def test_a_page_for_strangers_is_sound(chromium: Browser, year: Year, kind: str, name: str) -> None:
    tab = open_window(chromium, year, kind)
    check(tab, OF_STRANGERS[name])
    tab.context.close()


def check(tab: Page, path: str, status: int = 200) -> None:
    """Look at a page, and see that it is sound."""
    complaints_of(tab).clear()
    answer = tab.goto(path)
    assert answer is not None
    assert answer.status == status
    said = [c for c in complaints_of(tab) if status == 200 or f"status of {status}" not in c]
    assert said == []
    assert faults_of(tab) == []
    levels = tab.evaluate(_HEADINGS)
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert tab.evaluate(_WIDER) <= 0
    assert tab.evaluate(_UNNAMED) == []
