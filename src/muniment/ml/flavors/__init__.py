"""The formats that a `MunimentSaver` writes, one module each; chosen from top to bottom.

    flavor        file                for                                        reading it
    xgboost       model.ubj           boosters and estimators of xgboost         is safe
    lightgbm      model.txt           boosters and estimators of lightgbm        is safe
    sklearn       model.joblib        scikit-learn estimators                    runs code
    pytorch       model.safetensors   modules and state dicts of PyTorch         is safe
                  model.pt            state dicts with other things in them      may run code
    onnx          model.onnx          ONNX models                                is safe
    safetensors   model.safetensors   dicts of numpy arrays                      is safe
    json          model.json          dicts and lists of JSON values             is safe
    pickle        model.pkl           any other Python object                    runs code
    joblib        model.joblib        any object, if asked for                   runs code

A library is imported when a model of it is there, or is to be read.
"""

from __future__ import annotations

from typing import Final

from muniment.errors import InvalidInput
from muniment.ml.flavors.base import Flavor
from muniment.ml.flavors.lightgbm import LightgbmFlavor
from muniment.ml.flavors.onnx import OnnxFlavor
from muniment.ml.flavors.plain import JsonFlavor
from muniment.ml.flavors.pytorch import PytorchFlavor
from muniment.ml.flavors.safetensors import SafetensorsFlavor
from muniment.ml.flavors.serialized import JoblibFlavor, PickleFlavor, SklearnFlavor
from muniment.ml.flavors.xgboost import XgboostFlavor

__all__ = ["AUTO", "FLAVORS", "Flavor", "check_flavor", "flavor_for"]

AUTO: Final = "auto"
FLAVORS: Final[dict[str, Flavor]] = {
    flavor.name: flavor
    for flavor in (
        XgboostFlavor(),
        LightgbmFlavor(),
        SklearnFlavor(),
        PytorchFlavor(),
        OnnxFlavor(),
        SafetensorsFlavor(),
        JsonFlavor(),
        PickleFlavor(),
        JoblibFlavor(),
    )
}


def check_flavor(name: str) -> str:
    """Return the name of a flavor.

    Raises:
        InvalidInput: there is none of this name.
    """
    if name not in FLAVORS:
        raise InvalidInput(
            f"There is no flavor {name!r:.100}.", hint=f"Use one of {', '.join(FLAVORS)}."
        )
    return name


def flavor_for(model: object, name: str = AUTO) -> Flavor:
    """Return the flavor `name`, or the first one that a model is of.

    Raises:
        InvalidInput: the model is not of that flavor.
    """
    if name == AUTO:
        return next(flavor for flavor in FLAVORS.values() if flavor.fits(model))
    flavor = FLAVORS[check_flavor(name)]
    if not flavor.fits(model):
        kind = type(model)
        raise InvalidInput(
            f"A {kind.__module__}.{kind.__qualname__} is no model of the flavor {name!r}: that "
            f"takes {flavor.takes}.",
            hint=f"Leave the flavor {AUTO!r}, or choose another one.",
        )
    return flavor
