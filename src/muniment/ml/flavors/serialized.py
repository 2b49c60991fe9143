"""Objects as Python serialises them: whole, and with code that runs when they are read."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from muniment.domain.values import JsonObject
from muniment.ml.flavors.base import Flavor, is_of, unwritable
from muniment.ml.trust import Suspect

_UNPICKLABLE = (pickle.PicklingError, AttributeError, TypeError)


class _SerializedFlavor(Flavor):
    """One file, whose reading runs code."""

    file: ClassVar[str]

    def suspects(self, details: JsonObject) -> tuple[Suspect, ...]:
        return (Suspect(f"{self.name}: reading it runs code", self.file),)

    def predicts(self, model: Any) -> bool:
        return super().predicts(model) or callable(model)

    def predict(self, model: Any, inputs: Any) -> Any:
        return model.predict(inputs) if super().predicts(model) else model(inputs)


class JoblibFlavor(_SerializedFlavor):
    """Any object, by joblib: good at large arrays."""

    name = "joblib"
    libraries: ClassVar[tuple[str, ...]] = ("joblib",)
    install = "joblib"
    takes = "objects that can be pickled"
    file = "model.joblib"

    def fits(self, model: object) -> bool:
        return True

    def write(self, model: Any, folder: Path) -> JsonObject:
        with unwritable(model, *_UNPICKLABLE):
            self.need("joblib").dump(model, folder / self.file)
        return {}

    def read(self, folder: Path, details: JsonObject) -> Any:
        return self.need("joblib").load(folder / self.file)


class SklearnFlavor(JoblibFlavor):
    """scikit-learn's estimators and pipelines, for which there is no format without code."""

    name = "sklearn"
    framework = "scikit-learn"
    libraries = ("sklearn", "joblib", "numpy")
    install = "scikit-learn"
    takes = "estimators of scikit-learn"

    def fits(self, model: object) -> bool:
        return is_of(model, "sklearn")

    def modules(self, model: Any) -> Iterable[str]:
        """Those of the steps of a pipeline, too."""
        parts = model.get_params(deep=True).values()
        return {type(part).__module__ for part in (model, *parts)}


class PickleFlavor(_SerializedFlavor):
    """Any object of Python."""

    name = "pickle"
    takes = "objects that can be pickled"
    file = "model.pkl"

    def fits(self, model: object) -> bool:
        return True

    def write(self, model: Any, folder: Path) -> JsonObject:
        with unwritable(model, *_UNPICKLABLE), (folder / self.file).open("wb") as stream:
            pickle.dump(model, stream, protocol=5)
        return {}

    def read(self, folder: Path, details: JsonObject) -> Any:
        with (folder / self.file).open("rb") as stream:
            return pickle.load(stream)  # noqa: S301 - its caller has asked for trust
