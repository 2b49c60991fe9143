"""Previews: the beginning of a file as people read it. Nothing in a file is ever run or unpickled.

    file ── source.py: bounded reads ──┬─ images.py     PNG, JPEG, GIF of a size that browsers bear
                                       ├─ tensors.py    the header of safetensors
                                       ├─ graphs.py     ONNX: what goes in, what comes out
                                       ├─ tables.py     CSV and TSV
                                       ├─ texts.py      Markdown and any other text, as it stands
                                       └─ raw.py        else the first bytes

What a preview can't read for its size or its form is shown as the next simpler kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from muniment.server.web.previews.graphs import Graph, graph_of
from muniment.server.web.previews.images import Picture, picture_of
from muniment.server.web.previews.raw import Raw, raw_of
from muniment.server.web.previews.source import Source, Unreadable
from muniment.server.web.previews.tables import Table, table_of
from muniment.server.web.previews.tensors import Tensors, tensors_of
from muniment.server.web.previews.texts import Card, Text, card_of, text_of

__all__ = ["Preview", "Source", "preview_of"]

Preview: TypeAlias = Picture | Tensors | Graph | Table | Card | Text | Raw

_KINDS: Final[tuple[Callable[[str, Source], Preview | None], ...]] = (
    picture_of,
    tensors_of,
    graph_of,
    table_of,
    card_of,
    text_of,
)


def preview_of(path: str, source: Source) -> Preview:
    """Return what to show of a file that stands at `path`."""
    for look in _KINDS:
        try:
            found = look(path, source)
        except Unreadable:
            continue
        if found is not None:
            return found
    return raw_of(source)
