from __future__ import annotations

from html.parser import HTMLParser

import pytest

from muniment.server.web.markdown import MAX_CHARS, card, safe_link


def tags_of(html: str) -> list[tuple[str, dict[str, str]]]:
    """Return the elements that a browser would make, with their attributes."""

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, {name: value or "" for name, value in attrs}))

    found: list[tuple[str, dict[str, str]]] = []
    Tags().feed(html)
    return found


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*risk*", "<p><em>risk</em></p>\n"),
        ("# Card\n## Data", "<h3>Card</h3>\n<h4>Data</h4>\n"),
        ("###### deep", "<h6>deep</h6>\n"),
        (
            "[docs](https://a.example/b)",
            '<p><a href="https://a.example/b" rel="nofollow noopener noreferrer">docs</a></p>\n',
        ),
        ("[out](/sign-out) x", "<p>out x</p>\n"),
        ("![a picture](https://a.example/x.png)", "<p>[a picture]</p>\n"),
        ("![](x.png)", "<p>[picture]</p>\n"),
    ],
)
def test_cards_are_shown_as_html(text: str, html: str) -> None:
    assert card(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "<javascript:alert(1)>",
        '[x](https://a.example "onmouseover=alert(1)")',
        "```\n</code></pre><script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "---\n</code><script>alert(1)</script>\n---\nx",
        "![x](https://evil.example/x.png)",
        "[![x](https://evil.example/x.png)](javascript:alert(1))",
        "[x]: javascript:alert(1)\n[x]",
        "|a|\n|-:|\n|<style>x</style>|",
        "&#60;script&#62;",
    ],
)
def test_no_card_brings_code_pictures_or_styles(text: str) -> None:
    for tag, attributes in tags_of(card(text)):
        assert tag not in ("script", "img", "style", "iframe", "svg")
        assert not any(name == "style" or name.startswith("on") for name in attributes)
        assert attributes.get("href", "https:").startswith("https:")


def test_tables_are_tables_and_numbers_stand_right() -> None:
    html = card("|data|rows|\n|-|-:|\n|train|12|")
    assert '<th class="number">rows</th>' in html
    assert '<td class="number">12</td>' in html


def test_front_matter_is_folded() -> None:
    html = card("---\r\nlicense: mit\r\n---\r\n# Hi")
    assert "<details><summary>Front matter</summary>" in html
    assert "license: mit" in html
    assert html.endswith("<h3>Hi</h3>\n")


def test_a_very_long_card_is_shown_as_it_was_written() -> None:
    text = "[" * MAX_CHARS + "<b>"
    assert card(text) == f'<pre class="raw">{"[" * MAX_CHARS}&lt;b&gt;</pre>'


@pytest.mark.parametrize(
    "address",
    ["javascript:x", "//evil.example", "/models", "", "data:x", "https:", "http://[", "file:///x"],
)
def test_links_lead_nowhere_but_to_the_web_and_to_mail(address: str) -> None:
    assert safe_link(address) == ""


def test_links_to_the_web_and_to_mail_stay() -> None:
    for address in ("https://a.example/b?c#d", "http://a.example", "mailto:ada@a.example"):
        assert safe_link(f" {address}\n") == address
