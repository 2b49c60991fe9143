"""What a service does with a stock client: load what `keep.py` has kept, and predict.

python use.py NAME FOLDER      with MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI set
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow import MlflowClient


def main(name: str, folder: Path) -> None:
    mlflow.set_registry_uri(os.environ["MLFLOW_REGISTRY_URI"])  # which the old one does not read
    features = pd.read_json(folder / "features.json", orient="split").astype(float)
    for model, expected in json.loads((folder / "predictions.json").read_text()).items():
        addresses = [f"models:/{model}/1"]
        if model.endswith("-linear"):
            addresses += [f"models:/{model}/Production"]
            if hasattr(MlflowClient, "set_registered_model_alias"):
                addresses += [f"models:/{model}@champion"]
        for address in addresses:
            found = np.asarray(mlflow.pyfunc.load_model(address).predict(features))
            assert np.allclose(found, expected), (address, found, expected)
    renamed = mlflow.sklearn.load_model(f"models:/{name}-renamed/1")
    assert renamed.coef_.shape == (2,)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
