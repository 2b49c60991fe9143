"""Texts: as they stand, in UTF-8; a card as what it means; JSON of one line in many."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import ClassVar, Final

from markupsafe import Markup

from muniment.server.web.markdown import MAX_CHARS, card
from muniment.server.web.previews.source import Source

SHOWN: Final = 128 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
"""Marks that change the order in which a text is read: code can hide behind them."""


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of a text, or all of it."""

    kind: ClassVar[str] = "text"
    text: str
    whole: bool
    lines: int
    laid_out: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A card, read as Markdown."""

    kind: ClassVar[str] = "card"
    html: Markup


def card_of(path: str, source: Source) -> Card | None:
    """Return a file of Markdown, if it is short enough to be read as such."""
    if not path.lower().endswith((".md", ".markdown")) or source.size > 4 * MAX_CHARS:
        return None
    text = decoded(source.head(source.size))
    return None if text is None or len(text) > MAX_CHARS else Card(card(text))


def text_of(path: str, source: Source) -> Text | None:
    """Return the beginning of a text; None for other files."""
    text, whole = decoded(source.head(SHOWN)), source.size <= SHOWN
    if text is None:
        return None
    laid_out = _laid_out(text) if whole else None
    text = visible(laid_out or text)
    return Text(text, whole, text.count("\n") + (not text.endswith("\n")), laid_out is not None)


def decoded(head: bytes) -> str | None:
    """Return the beginning of a file as text, if it is UTF-8; a cut character at its end is not."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
    return None if not text.strip() or _CONTROL.search(text) else text


def visible(text: str) -> str:
    r"""Return a text in which marks that turn its direction are written out, as \u202e."""
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _laid_out(text: str) -> str | None:
    """Return JSON that stands in one line in many; None for any other text."""
    if not text.startswith(("{", "[")) or "\n" in text.rstrip():
        return None
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
