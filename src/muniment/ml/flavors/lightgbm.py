"""lightgbm: its text format (`model.txt`), which holds trees and no code.

It has no place for the classes of an `LGBMClassifier`, so those stand in the details, and
`TreeClassifier` turns its scores into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muniment.domain.values import JsonObject
from muniment.errors import Corrupt, InvalidInput
from muniment.ml.data import numpy
from muniment.ml.flavors.base import Flavor, is_of, unwritable

FILE: Final = "model.txt"
CLASSES: Final = ("Booster", "LGBMClassifier", "LGBMRanker", "LGBMRegressor")


@dataclass(frozen=True, slots=True)
class TreeClassifier:
    """What is left of an `LGBMClassifier`: the booster, and the classes by its scores."""

    booster: Any
    classes: Any

    def predict_proba(self, inputs: Any) -> Any:
        """Return an array (rows, classes)."""
        scores = self.booster.predict(inputs)
        return scores if scores.ndim == 2 else numpy().stack([1 - scores, scores], axis=1)

    def predict(self, inputs: Any) -> Any:
        """Return the likeliest class of each row."""
        return self.classes[self.predict_proba(inputs).argmax(axis=1)]


class LightgbmFlavor(Flavor):
    """Boosters, and the estimators of lightgbm's own, which come back as boosters."""

    name = "lightgbm"
    framework = "lightgbm"
    libraries = ("lightgbm", "numpy")
    install = "lightgbm"
    takes = "a Booster or one of lightgbm's estimators"

    def fits(self, model: object) -> bool:
        return is_of(model, "lightgbm")

    def write(self, model: Any, folder: Path) -> JsonObject:
        kind = type(model).__name__
        if kind not in CLASSES or not type(model).__module__.startswith("lightgbm."):
            raise InvalidInput(
                f"A {type(model).__module__}.{kind} would not come back as what it is.",
                hint=f"This flavor keeps {', '.join(CLASSES)}; or say flavor='joblib'.",
            )
        if kind == "Booster":
            model.save_model(folder / FILE)
            return {"class": kind}
        if callable(model.get_params(deep=False).get("objective")):
            raise InvalidInput(
                "The objective is a function, which this format does not hold.",
                hint="Name one of lightgbm's objectives, or say flavor='joblib'.",
            )
        with unwritable(model, ValueError):  # not fitted
            booster = model.booster_
        booster.save_model(folder / FILE)
        if kind != "LGBMClassifier":
            return {"class": kind}
        return {"class": kind, "classes": model.classes_.tolist()}

    def read(self, folder: Path, details: JsonObject) -> Any:
        booster = self.need("lightgbm").Booster(model_file=folder / FILE)
        if details.get("class") != "LGBMClassifier":
            return booster
        classes = numpy().asarray(details.get("classes"))
        if classes.ndim != 1 or len(classes) < 2:
            raise Corrupt("The details of the lightgbm model name no classes.")
        return TreeClassifier(booster, classes)
