"""xgboost: its binary JSON (`model.ubj`), which holds trees and no code."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from muniment.domain.values import JsonObject
from muniment.errors import Corrupt, InvalidInput
from muniment.ml.flavors.base import Flavor, is_of, unwritable

FILE: Final = "model.ubj"
CLASSES: Final = (
    "Booster",
    "XGBClassifier",
    "XGBRanker",
    "XGBRegressor",
    "XGBRFClassifier",
    "XGBRFRegressor",
)
_KEPT: Final = ("missing", "enable_categorical", "booster")
"""Params of an estimator that predictions depend on, and that xgboost does not write."""


class XgboostFlavor(Flavor):
    """Boosters, and the estimators of xgboost's own."""

    name = "xgboost"
    framework = "xgboost"
    libraries = ("xgboost", "numpy")
    install = "xgboost"
    takes = "a Booster or one of xgboost's estimators"

    def fits(self, model: object) -> bool:
        return is_of(model, "xgboost")

    def write(self, model: Any, folder: Path) -> JsonObject:
        kind = type(model).__name__
        if kind not in CLASSES or not type(model).__module__.startswith("xgboost."):
            raise InvalidInput(
                f"A {type(model).__module__}.{kind} would not come back as what it is.",
                hint=f"This flavor keeps {', '.join(CLASSES)}; or say flavor='joblib'.",
            )
        details: JsonObject = {"class": kind}
        if kind != "Booster":
            if callable(model.get_params(deep=False).get("objective")):
                raise InvalidInput(
                    "The objective is a function, which this format does not hold.",
                    hint="Name one of xgboost's objectives, or say flavor='joblib'.",
                )
            params = model.get_params(deep=False)
            details["params"] = {
                name: params[name] for name in _KEPT if _is_plain(params.get(name))
            }
        with unwritable(model, ValueError, self.need("xgboost").core.XGBoostError):
            model.save_model(folder / FILE)
        return details

    def read(self, folder: Path, details: JsonObject) -> Any:
        kind = details.get("class")
        if kind not in CLASSES:
            raise Corrupt(f"The flavor {self.name!r} has no class {kind!r:.80}.")
        model = getattr(self.need("xgboost"), str(kind))()
        model.load_model(folder / FILE)
        params = details.get("params")
        if isinstance(params, dict) and kind != "Booster":
            model.set_params(**{name: params[name] for name in _KEPT if name in params})
        return model

    def predict(self, model: Any, inputs: Any) -> Any:
        library = self.need("xgboost")
        if isinstance(model, library.Booster):
            return model.predict(library.DMatrix(inputs, enable_categorical=True))
        return model.predict(inputs)


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)  # NaN is how a missing value looks anyhow
    return isinstance(value, str | bool | int)
