"""Named numpy arrays as safetensors: numbers and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from muniment.domain.values import JsonObject
from muniment.ml.flavors.base import Flavor, unwritable

FILE: Final = "model.safetensors"


class SafetensorsFlavor(Flavor):
    """A dict of arrays. It predicts nothing by itself."""

    name = "safetensors"
    framework = "safetensors"
    libraries = ("safetensors", "numpy")
    install = "safetensors numpy"
    takes = "dicts of numpy arrays by name"

    def fits(self, model: object) -> bool:
        numpy = sys.modules.get("numpy")
        return (
            numpy is not None
            and isinstance(model, dict)
            and bool(model)
            and all(
                isinstance(name, str) and isinstance(value, numpy.ndarray)
                for name, value in model.items()
            )
        )

    def write(self, model: Any, folder: Path) -> JsonObject:
        numpy, library = self.need("numpy"), self.need("safetensors.numpy")
        # it writes the buffer as it lies in memory
        arrays = {name: numpy.ascontiguousarray(value) for name, value in model.items()}
        with unwritable(model, KeyError, ValueError, self.need("safetensors").SafetensorError):
            library.save_file(arrays, folder / FILE)
        return {}

    def read(self, folder: Path, details: JsonObject) -> Any:
        return self.need("safetensors.numpy").load_file(folder / FILE)
