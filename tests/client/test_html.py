"""What is shown at a prompt and in a notebook: telling, short, and harmless."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from muniment import Registry
from muniment.client import html

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


class Reader(HTMLParser):
    """Collects tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def shown(value: object) -> Reader:
    return Reader(value._repr_html_())  # type: ignore[attr-defined]


@pytest.fixture
def filled(local: Registry) -> Registry:
    local.push(
        "fraud",
        b"model",
        label="1.0",
        description=EVIL,
        tags={"evil": EVIL},
        params={"p": EVIL},
        metrics={"auc": 0.93},
        framework=EVIL,
        run_id=EVIL,
        alias="champion",
    )
    local.push("fraud", source_uri=EVIL, metrics={"auc": 0.95, "f1": 0.5})
    local.update_model("fraud", description=EVIL, tags={"evil": EVIL})
    local.create_model(EVIL.replace("/", "").replace(":", ""), description=EVIL)
    return local


def test_whatever_the_registry_holds_is_text_in_a_notebook(filled: Registry) -> None:
    for value in (
        filled,
        filled.models(),
        filled.versions(),
        filled.history("fraud"),
        *filled.models(),
        *filled.versions(),
        filled.diff("fraud/1", "fraud/2"),
        filled.verify("fraud/1"),
    ):
        reader = shown(value)
        assert reader.tags <= {"div", "span", "b", "table", "thead", "tbody", "tr", "th", "td"}
        assert reader.attributes <= {"style"}


def test_a_notebook_shows_what_matters(filled: Registry) -> None:
    version, model = shown(filled.version("fraud/1")).text, shown(filled.model("fraud")).text
    versions, diff = shown(filled.versions()).text, shown(filled.diff("fraud/1", "fraud/2")).text

    for fact in ("fraud/1", "1.0", "READY", "@champion", "auc = 0.93", "5 bytes", "sha256:"):
        assert fact in version
    assert "@champion → 1" in model
    for fact in ("fraud/1", "fraud/2", "auc", "f1", "0.95", "@champion"):
        assert fact in versions
    assert "+0.02" in diff
    assert "fraud" in shown(filled).text


def test_long_lists_are_cut_and_say_so(local: Registry) -> None:
    for number in range(25):
        local.create_model(f"model-{number:02}")

    reader = shown(local.models())

    assert "model-19" in reader.text
    assert "model-20" not in reader.text
    assert "and more" in reader.text


def test_a_repr_is_one_telling_line(filled: Registry) -> None:
    assert repr(filled.version("fraud/1")) == (
        "<Version fraud/1 (1.0): READY, @champion, auc=0.93, 5 bytes>"
    )
    assert repr(filled.model("fraud")) == "<Model fraud: 2 versions, @champion → 1>"
    assert repr(filled) == f"<Registry {filled.address}>"
    assert "\n" not in repr(filled.versions("metrics.auc > 0"))


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert html.size(count) == text
