"""Take a picture of every page: light and dark, as wide as a desk and as a phone.

    python -m tests.web.screenshots FOLDER [NAME …]     (`make screenshots`)

    FOLDER/model-light.png  model-dark.png  model-phone.png  model-phone-dark.png  …

The registry is that of the rich demo, made for this alone. Fails if a page is not there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import Final

from tests.web.conftest import DESKTOP, PHONE, new_tab, on_loopback, sign_in
from tests.web.pages import ADMIN, FAULTS, OF_STRANGERS, PAGES, furnish

_TALLEST: Final = 2_400
"""Pixels; what lies below is more of the same."""


def take(folder: Path, wanted: Collection[str] = ()) -> int:
    """Write the pictures, of some pages or of all; return how many."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("`chromium` is not on the PATH (Debian, Ubuntu: apt install chromium)")
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory() as home, on_loopback(Path(home) / "home") as house:
        known = furnish(house)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for width, dark in product((DESKTOP[0], PHONE[0]), (False, True)):
                tab = new_tab(browser, str(house.client.base_url), width, dark=dark)
                form = "-phone" if width == PHONE[0] else ""
                shade = "-dark" if dark else "" if form else "-light"
                for pages in (OF_STRANGERS, PAGES | FAULTS):
                    for name, path in pages.items():
                        if wanted and name not in wanted:
                            continue
                        answer = tab.goto(path.format(**known))
                        assert answer is not None
                        assert answer.ok or name in FAULTS, (name, answer.status)
                        height = tab.evaluate("document.documentElement.scrollHeight")
                        tab.screenshot(
                            path=folder / f"{name}{form}{shade}.png",
                            full_page=True,
                            clip={"x": 0, "y": 0, "width": width, "height": min(height, _TALLEST)},
                        )
                        count += 1
                    if pages is OF_STRANGERS:
                        sign_in(tab, ADMIN)
                tab.context.close()
            browser.close()
    return count


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    taken = take(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(f"{taken} pictures in {sys.argv[1]}\n")
