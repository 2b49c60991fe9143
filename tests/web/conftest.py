"""The pages: looked at without a browser (`visitor`), and in Chromium (`site` and `tab`).

    def test_…(house: House, visitor: Visitor)      httpx, in this process: most tests
    def test_…(site: House, tab: Page)              Chromium, on loopback: stories

A tab fails its test if a page of it said anything on the console, broke its own policy or asked
another host for anything. A test that expects an error clears `complaints_of(tab)` itself.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from muniment.domain.changes import NewVersion
from muniment.domain.checking import CheckConfiguration, due_record
from muniment.domain.entities import DEFAULT_WORKSPACE, ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.server.app import create_app, open_ports
from muniment.server.settings import Settings
from muniment.services.checking.state import settle_checks
from muniment.storage.metadata import ModelId, Transaction
from tests.server.people import PASSWORD, Clock, House
from tests.server.people import house as served
from tests.web.visiting import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP: Final = (1280, 900)
PHONE: Final = (390, 844)
_SETTINGS: Final[dict[str, Any]] = {"mlflow_tracking": "off"}  # it takes seconds to load
_PATIENCE: Final = 20_000  # milliseconds; on a quiet machine a page takes tens


# -- without a browser ---------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A new registry without users, served in this process."""
    with served(tmp_path / "home", **_SETTINGS) as opened:
        yield opened


@pytest.fixture
def visitor(house: House) -> Visitor:
    """Who looks at the pages of `house`: its owner, as long as it has no users."""
    return Visitor(house)


def stock(house: House, model: str, content: bytes = b"weights", **fields: Any) -> ModelVersion:
    """Add a READY version of one file, `model.bin`; `fields` as in NewVersion."""
    with house.owner.artifacts.receive() as intake:
        intake.write(content)
        digest = intake.finish().digest
    files = Manifest.of([FileEntry("model.bin", digest, len(content))])
    new = NewVersion(files=files, **fields)
    return house.owner.catalog.create_version(model, new, create_model=True)


def unchecked(house: House) -> None:
    """Let no version wait for checks: none are configured, and all have had their turn."""
    house.owner.checks.configure(CheckConfiguration(()))
    house.owner.checks.work_off()


def due(house: House, model: str, number: int, *checks: str) -> None:
    """Let a version wait for checks, as if a process were about to run them."""
    home, record = house.owner, due_record(number, house.clock(), checks)
    key = ModelId(DEFAULT_WORKSPACE, home.catalog.model(model).id)

    def decide(tx: Transaction) -> None:
        tx.add_record(record)
        settle_checks(tx, number)

    house.ports.metadata.transact(key, decide)


# -- in Chromium ---------------------------------------------------------------------------------


@contextmanager
def on_loopback(home: Path, **settings: Any) -> Iterator[House]:
    """Serve a new registry on a port of this machine, in a thread of this process."""
    told = Settings(home=home, **_SETTINGS, **settings)
    clock = Clock()
    ports = replace(open_ports(told), clock=clock)
    app = create_app(told, ports)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, proxy_headers=False)
    )
    thread = threading.Thread(target=server.run, name="site")
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield House(client, app, ports, clock)
    finally:
        server.should_exit = True
        thread.join()
        ports.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    """A new registry without users, on a port of this machine."""
    with on_loopback(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")  # no longer: it keeps an event loop in the thread of the tests
def chromium() -> Iterator[Browser]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.skip("`chromium` is not on the PATH (Debian, Ubuntu: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium: Browser, site: House) -> Iterator[Callable[..., Page]]:
    """Open a tab of a browser of its own: `open_tab(width=390, dark=True, signed_in="ada")`."""
    opened: list[Page] = []

    def open_one(
        *, width: int = DESKTOP[0], dark: bool = False, signed_in: str = "", script: bool = True
    ) -> Page:
        tab = new_tab(chromium, str(site.client.base_url), width, dark=dark, script=script)
        opened.append(tab)
        if signed_in:
            sign_in(tab, signed_in)
        return tab

    yield open_one
    complaints = [said for tab in opened for said in complaints_of(tab)]
    for tab in opened:
        tab.context.close()
    assert complaints == []


@pytest.fixture
def tab(open_tab: Callable[..., Page]) -> Page:
    """One tab of one browser, on the pages of `site`."""
    return open_tab()


def new_tab(
    browser: Browser, base: str, width: int = DESKTOP[0], *, dark: bool = False, script: bool = True
) -> Page:
    """Open a tab that notes what its pages complain of."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": PHONE[1] if width == PHONE[0] else DESKTOP[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(_PATIENCE)
    tab = context.new_page()
    complaints = _COMPLAINTS[id(tab)] = []
    host = urlsplit(base).netloc
    tab.on("console", lambda said: complaints.append(f"{said.type}: {said.text} ({tab.url})"))
    tab.on("pageerror", lambda error: complaints.append(f"{error} ({tab.url})"))

    def note_request(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != host:
            complaints.append(f"asked another host: {url} ({tab.url})")

    tab.on("request", lambda request: note_request(request.url))
    return tab


_COMPLAINTS: Final[dict[int, list[str]]] = {}


def complaints_of(tab: Page) -> list[str]:
    """Return what the pages of a tab have complained of so far; to be cleared where expected."""
    return _COMPLAINTS[id(tab)]


def sign_in(tab: Page, name: str) -> None:
    """Sign in by the form."""
    tab.goto("/sign-in")
    tab.get_by_label("Name").fill(name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()
    tab.wait_for_url("**/")
