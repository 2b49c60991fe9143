"""JSON that loaders act upon: configurations of Keras, schemas of skops, notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from muniment.scanning.looking import Scan, shown
from muniment.scanning.pickles.names import use_of
from muniment.scanning.pickles.values import Global

_KERAS_MODULE: Final = re.compile(
    r"(tf_)?keras(\.src|\.api|\.engine|\.legacy)?(\.(models|layers|initializers|regularizers|"
    r"constraints|optimizers|losses|metrics|activations|dtype_policies|random|quantizers|"
    r"mixed_precision|legacy|saving))?(\.[a-z_0-9.]+)?"
)
_KERAS_DANGEROUS: Final = re.compile(
    r"(^|[.>])(utils|config|backend|ops|saving\.\w*(load|save)\w*|wrappers)(\.|$)"
)
_NO_LAYERS: Final = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_VOCABULARIES: Final = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})
_NOT_RUN: Final = frozenset(
    {"__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
)
_SKOPS_PLAIN: Final = frozenset({"builtins", "numpy", "numpy.random"})


def examine(document: object, scan: Scan) -> str:
    """Note what a loader of this JSON would run or import; return what kind of document it is."""
    if isinstance(document, dict):
        if "nbformat" in document and "cells" in document:
            scan.unknown("is a notebook", "it holds programs")
            return "notebook"
        if "__loader__" in document and "__module__" in document:
            _examine_skops(document, scan)
            return "json (skops)"
    if _examine_keras(document, scan):
        return "json (keras)"
    return "json"


def _examine_keras(document: object, scan: Scan) -> bool:
    found = False
    for part in _objects(document):
        name = part.get("class_name")
        if not isinstance(name, str) or not ("config" in part or "module" in part):
            continue
        found = True
        module, config = part.get("module"), part.get("config")
        if name == "Lambda" or name.rpartition(">")[2] == "Lambda" or name == "__lambda__":
            scan.fail("has a Lambda layer", "it holds compiled Python, which runs")
        elif name in _NO_LAYERS:
            scan.fail(f"has the layer {name}", "it loads a model of another kind, with code")
        elif name == "function" and not _is_keras_function(module, config):
            scan.fail(f"uses the function {shown(f'{module}.{config}')}", "any could be named")
        elif not _is_keras(module):
            scan.unknown(
                f"uses {shown(f'{module}.{name}')}", "it is not of Keras: loading it imports it"
            )
        elif ">" in name and name not in _NOT_RUN:
            scan.unknown(f"uses {shown(name)}", "it is not of Keras: its loader needs its code")
        vocabulary = config.get("vocabulary") if isinstance(config, dict) else None
        if name in _VOCABULARIES and isinstance(vocabulary, str):
            scan.fail(f"{name} names a file", "loading it reads files of the machine")
    return found


def _is_keras(module: object) -> bool:
    if module is None:
        return True
    return (
        isinstance(module, str)
        and _KERAS_MODULE.fullmatch(module) is not None
        and not _KERAS_DANGEROUS.search(module)
    )


def _is_keras_function(module: object, config: object) -> bool:
    return (
        isinstance(config, str)
        and isinstance(module, str)
        and _is_keras(module)
        and any(part in module.split(".") for part in ("activations", "losses", "metrics"))
        and config.isidentifier()
    )


def _examine_skops(document: dict[str, object], scan: Scan) -> None:
    for part in _objects(document):
        module, name = part.get("__module__"), part.get("__class__")
        if not isinstance(module, str) or not isinstance(name, str):
            continue
        if module in _SKOPS_PLAIN or use_of(Global(module, name)) is not None:
            continue
        scan.unknown(f"uses {shown(f'{module}.{name}')}", "skops asks whether to trust that")


def _objects(document: object) -> Iterator[dict[str, object]]:
    """Yield all objects within a document."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
