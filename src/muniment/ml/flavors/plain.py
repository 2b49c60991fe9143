"""Plain Python objects: lists and dicts of what JSON has, such as a table of weights or rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from muniment.client.formats import is_document
from muniment.domain.values import JsonObject
from muniment.ml.flavors.base import Flavor

FILE: Final = "model.json"


class JsonFlavor(Flavor):
    """JSON values. They come back equal, and predict nothing."""

    name = "json"
    takes = "dicts and lists of finite numbers, texts, booleans and None"

    def fits(self, model: object) -> bool:
        return is_document(model)

    def write(self, model: Any, folder: Path) -> JsonObject:
        text = json.dumps(model, ensure_ascii=False, allow_nan=False)
        (folder / FILE).write_text(text, encoding="utf-8")
        return {}

    def read(self, folder: Path, details: JsonObject) -> Any:
        return json.loads((folder / FILE).read_text(encoding="utf-8"))
