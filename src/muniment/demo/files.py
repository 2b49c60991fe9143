"""The files of a version in `muniment demo --rich`: weights, settings, a card, a learning curve."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Final

from muniment.demo.models import Kind
from muniment.domain.values import Value

_LAYERS: Final = 6
_WIDTH: Final = 256
_SAFETENSORS: Final = "application/vnd.safetensors"

File = tuple[str, bytes, str]
"""Path, content, media type."""


def files_of(
    kind: Kind,
    number: int,
    params: Mapping[str, Value],
    metrics: Mapping[str, float],
    dice: random.Random,
) -> Iterator[File]:
    """Yield the files of a version. What does not change is the same bytes in each of them."""
    settings = {"model": kind.name, "features": list(kind.features), **params}
    yield "config.json", json.dumps(settings, indent=2).encode(), "application/json"
    yield "README.md", _card(kind, number, metrics).encode(), "text/markdown"
    yield "learning_curve.csv", _curve(dice, next(iter(metrics.values()))).encode(), "text/csv"
    yield "vocabulary.txt", "\n".join(kind.features).encode() * 200, "text/plain"
    yield "model.safetensors", _weights(kind, number), _SAFETENSORS


def _card(kind: Kind, number: int, metrics: Mapping[str, float]) -> str:
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in metrics.items())
    return f"""# {kind.name}, version {number}

{kind.about}

## Measured

| metric | held out |
|---|---|
{rows}

## Not for

Decisions about people that nobody looks at. Data older than **two years**.

Questions: *{kind.author}*, team {kind.team}.
"""


def _curve(dice: random.Random, final: float) -> str:
    lines = ["step,training,held_out"]
    for step in range(1, 41):
        near = 1 - 0.9**step
        lines.append(f"{step * 25},{final * near:.5f},{final * near - dice.random() * 0.01:.5f}")
    return "\n".join(lines) + "\n"


def _weights(kind: Kind, number: int) -> bytes:
    """Return layers as safetensors: a length, a header of JSON, the numbers of all layers."""
    size = _WIDTH * 4 * 4
    header = {
        f"layers.{layer}.weight": {
            "dtype": "F32",
            "shape": [_WIDTH, 4],
            "data_offsets": [layer * size, (layer + 1) * size],
        }
        for layer in range(_LAYERS)
    }
    said = json.dumps(header).encode()
    drawn = random.Random(f"{kind.name} {number}").randbytes(size * _LAYERS)  # noqa: S311
    return len(said).to_bytes(8, "little") + said + drawn
