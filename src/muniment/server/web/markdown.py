"""Model cards: Markdown that strangers wrote, as HTML that can do nothing.

No HTML of theirs, no pictures (they would be fetched from elsewhere; what they show is said
instead), links to http, https and mail alone, headings below those of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_CHARS: Final = 40_000
"""Of a longer text hostile brackets would take seconds; it is shown as it was written."""
_LOWERED: Final = 2
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_FRONT_MATTER: Final = re.compile(r"\A---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)


@lru_cache(maxsize=256)
def card(text: str) -> Markup:
    """Return a card as HTML; what stands before it between two `---` is shown as it is, folded.

    >>> card("# Fraud <b>")
    Markup('<h3>Fraud &lt;b&gt;</h3>\\n')
    """
    text = text.replace("\r\n", "\n")
    if len(text) > MAX_CHARS:
        return Markup('<pre class="raw">{}</pre>').format(text)
    front = _FRONT_MATTER.match(text)
    if front is None:
        return Markup(_parser().render(text))  # noqa: S704 - the parser escapes all of it
    folded = Markup(
        "<details><summary>Front matter</summary><pre><code>{}</code></pre></details>\n"
    ).format(front[1])
    return folded + Markup(_parser().render(text[front.end() :]))  # noqa: S704


def safe_link(address: str) -> str:
    """Return an address that a link may lead to; "" for any other.

    >>> safe_link("https://ci.example.com/7"), safe_link("javascript:alert(1)")
    ('https://ci.example.com/7', '')
    """
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    return address.strip() if parts.scheme in _SCHEMES and (parts.netloc or parts.path) else ""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False})
    parser.core.ruler.push("tame", lambda state: _tame(state.tokens))
    return parser


def _tame(tokens: list[Token]) -> None:
    for token in _all(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + _LOWERED)}"
        elif token.type in ("th_open", "td_open"):
            # A style would be refused by the page's policy.
            if str(token.attrs.pop("style", "")).endswith("right"):
                token.attrs["class"] = "number"
        elif token.type == "image":
            token.type, token.tag = "text", ""
            token.content = f"[{token.content or 'picture'}]"
        elif token.type == "link_open":
            token.attrs["rel"] = "nofollow noopener noreferrer"
            if not safe_link(str(token.attrs.get("href", ""))):
                token.attrs["href"] = ""
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = list(_without_dead_links(token.children))


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _without_dead_links(tokens: list[Token]) -> Iterator[Token]:
    """Leave the text of links that lead nowhere. Links hold no other links."""
    dead = False
    for token in tokens:
        if token.type == "link_open" and not token.attrs["href"]:
            dead = True
        elif token.type == "link_close" and dead:
            dead = False
        else:
            yield token
