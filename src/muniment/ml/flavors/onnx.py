"""ONNX: a graph of known operators, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput
from muniment.ml.data import data_of, numpy
from muniment.ml.flavors.base import Flavor, unwritable

FILE: Final = "model.onnx"
_DTYPES: Final = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxFlavor(Flavor):
    """A `ModelProto`, which comes back as an `InferenceSession`.

    Inputs may be an array for a model with one input, or a table or dict with a column for each
    input; a table also stands for a single input that takes all its columns. Columns of one value
    a row are handed over in the shape (rows, 1). Numbers get the types that the graph says. One
    output comes back as an array, several as a dict by name.
    """

    name = "onnx"
    framework = "onnx"
    libraries = ("onnxruntime", "onnx")
    install = "onnxruntime"
    takes = "an onnx.ModelProto"

    def fits(self, model: object) -> bool:
        kind = type(model)
        return kind.__name__ == "ModelProto" and kind.__module__.partition(".")[0] == "onnx"

    def write(self, model: Any, folder: Path) -> JsonObject:
        if any(tensor.external_data for tensor in model.graph.initializer):
            raise InvalidInput(
                "The ONNX model keeps weights in files beside it.",
                hint="Load it with onnx.load(…, load_external_data=True), which brings them in.",
            )
        with unwritable(model, ValueError):  # of 2 GiB and more
            content = model.SerializeToString()
        (folder / FILE).write_bytes(content)
        return {}

    def read(self, folder: Path, details: JsonObject) -> Any:
        return self._session(str(folder / FILE))

    def predicts(self, model: Any) -> bool:
        return True

    def predict(self, model: Any, inputs: Any) -> Any:
        session = self._session(model.SerializeToString()) if self.fits(model) else model
        results = session.run(None, _feeds(session.get_inputs(), inputs))
        names = [output.name for output in session.get_outputs()]
        return results[0] if len(results) == 1 else dict(zip(names, results, strict=True))

    def _session(self, source: str | bytes) -> Any:
        return self.need("onnxruntime").InferenceSession(source, providers=["CPUExecutionProvider"])


def _feeds(wanted: list[Any], inputs: Any) -> dict[str, Any]:
    data = data_of(inputs)
    if len(wanted) == 1 and data.column(wanted[0].name) is None:
        columns = [column.values for column in data.columns]
        value = columns[0] if data.columns[0].is_tensor else numpy().column_stack(columns)
        return {wanted[0].name: _typed(value, wanted[0])}
    feeds = {}
    for asked in wanted:
        column = data.column(asked.name)
        if column is None:
            raise InvalidInput(
                f"The ONNX model takes {asked.name!r:.100}, which is not in the data.",
                hint=f"It takes {', '.join(one.name for one in wanted)[:300]}.",
            )
        feeds[asked.name] = _typed(column.values, asked)
    return feeds


def _typed(values: Any, asked: Any) -> Any:
    if values.ndim == 1 and len(asked.shape) == 2:
        values = values.reshape(-1, 1)
    dtype = _DTYPES.get(asked.type)
    return values if dtype is None else values.astype(dtype)
