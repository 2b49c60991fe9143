"""PyTorch: the state dict of a module, as safetensors if it is all tensors.

A module's code is never kept: whoever loads names what builds it (`module` of the loader). A state
dict with other values in it is written by torch, in a zip with a pickle, and read back by torch's
reader of weights only, once it is trusted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput
from muniment.ml.data import data_of, numpy
from muniment.ml.flavors.base import Flavor, unwritable
from muniment.ml.trust import Suspect

TENSORS: Final = "model.safetensors"
PICKLED: Final = "model.pt"


class PytorchFlavor(Flavor):
    """An `nn.Module` or a state dict. It comes back as a state dict, or in a module."""

    name = "pytorch"
    framework = "pytorch"
    libraries = ("torch", "safetensors")
    install = "torch safetensors"
    takes = "an nn.Module or its state dict"

    def fits(self, model: object) -> bool:
        torch = sys.modules.get("torch")
        if torch is None:
            return False
        if isinstance(model, Mapping):
            return any(isinstance(value, torch.Tensor) for value in model.values())
        return isinstance(model, torch.nn.Module)

    def write(self, model: Any, folder: Path) -> JsonObject:
        torch = self.need("torch")
        state = model if isinstance(model, Mapping) else model.state_dict()
        if not all(isinstance(value, torch.Tensor) for value in state.values()):
            with unwritable(model, TypeError, AttributeError):
                torch.save(dict(state), folder / PICKLED)
            return {"format": "torch"}
        # copies: safetensors refuses what shares memory, as tied weights do
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
        with unwritable(model, ValueError, RuntimeError):
            self.need("safetensors.torch").save_file(tensors, folder / TENSORS)
        return {"format": "safetensors"}

    def read(self, folder: Path, details: JsonObject) -> Any:
        if details.get("format") == "torch":
            torch = self.need("torch")
            return torch.load(folder / PICKLED, map_location="cpu", weights_only=True)
        return self.need("safetensors.torch").load_file(folder / TENSORS)

    def suspects(self, details: JsonObject) -> tuple[Suspect, ...]:
        if details.get("format") == "torch":
            return (Suspect("torch: it holds a pickle", PICKLED),)
        return ()

    def predicts(self, model: Any) -> bool:
        return not isinstance(model, Mapping)

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return what `forward` gives, as a numpy array, or a dict of them.

        A dict of tensors goes to arguments by name, anything else as one tensor. Floats get the
        type of the module's weights.
        """
        torch = self.need("torch")
        weights = next((p for p in model.parameters() if p.is_floating_point()), None)
        data = data_of(inputs)
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                if data.is_named and not data.is_table:
                    given = {c.name: _tensor(torch, c.values, weights) for c in data.columns}
                    result = model(**given)
                else:
                    result = model(_tensor(torch, _as_one(data.columns), weights))
        finally:
            model.train(was_training)
        return _arrays(torch, result)


def built(module: Any, state: Mapping[str, Any]) -> Any:
    """Return a module with the weights of a state dict, ready to predict.

    Raises:
        InvalidInput: they are not of this module.
    """
    try:
        module.load_state_dict(state)
    except (RuntimeError, AttributeError) as error:
        raise InvalidInput(
            f"The weights do not fit {type(module).__qualname__}: {error}.",
            hint="`module` must build what the weights were taken from, with the same sizes.",
        ) from error
    module.eval()
    return module


def _as_one(columns: Any) -> Any:
    if len(columns) == 1 and columns[0].is_tensor:
        return columns[0].values
    return numpy().column_stack([column.values for column in columns])


def _tensor(torch: Any, values: Any, weights: Any) -> Any:
    tensor = torch.as_tensor(numpy().ascontiguousarray(values))
    if weights is None:
        return tensor
    dtype = weights.dtype if tensor.is_floating_point() else tensor.dtype
    return tensor.to(device=weights.device, dtype=dtype)


def _arrays(torch: Any, result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        return result.cpu().numpy()
    if isinstance(result, Mapping):
        return {name: _arrays(torch, value) for name, value in result.items()}
    raise InvalidInput(
        f"The module returns a {type(result).__name__}, not a tensor or a dict of tensors.",
        hint="Let its `forward` return one of these.",
    )
