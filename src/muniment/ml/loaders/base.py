"""What every loader is, and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from muniment.domain.entities import Signature
from muniment.errors import InvalidInput, MunimentError
from muniment.ml.checking import check_data
from muniment.ml.configuration import Configured, Place, imported
from muniment.ml.project_schemas import check_schema


@dataclass(frozen=True, slots=True)
class Adapter(ABC):
    """A loaded model behind one call, its data checked on the way in and on the way out.

    `model` is what the library gives. `input_schema` and `output_schema` are schemas of pandera,
    asked beside the signature.
    """

    model: Any
    signature: Signature | None = None
    input_schema: Any = None
    output_schema: Any = None

    def predict(self, inputs: Any) -> Any:
        """Return what the model makes of `inputs`.

        Raises:
            InvalidInput: the data is not what signature or schema say (`details` hold `column`
                and `row`), or the model can't predict.
        """
        said = self.signature or Signature()
        inputs = check_data(inputs, said.inputs, side="input")
        inputs = check_schema(inputs, self.input_schema, side="input")
        try:
            outputs = self._predict(inputs)
        except MunimentError:
            raise
        except Exception as error:  # whatever a model raises
            raise InvalidInput(
                f"The model can't predict this: {type(error).__name__}: {error}.",
                hint="Pass data like its input example.",
            ) from error
        check_data(outputs, said.outputs, side="output")
        return check_schema(outputs, self.output_schema, side="output")

    @abstractmethod
    def _predict(self, inputs: Any) -> Any:
        """Return what the model makes of data that has been checked."""


class Loader(Configured, ABC):
    """Loads models from an address.

    `trust` says that whoever wrote the model may run code here: without it, formats that run code
    when they are read are refused, unless a scan on this machine clears them. `input_schema` and
    `output_schema` name schemas of pandera in a project, such as `project.schemas:Inputs`.
    """

    trust: bool = False
    input_schema: Place | None = None
    output_schema: Place | None = None

    @abstractmethod
    def load(self, uri: str) -> Adapter:
        """Return the model at an address.

        Raises:
            InvalidInput: the address is malformed, or there is no such model at it.
            NotFound: there is nothing.
            Unreachable: nobody answers.
            PermissionDenied: reading it may run code, and not `trust`.
            ConfigurationError: a library is not installed.
        """

    def _schemas(self) -> tuple[Any, Any]:
        """Return the schemas for inputs and outputs; None where none is named."""
        return tuple(  # type: ignore[return-value]  # of two
            None if place is None else imported(place)
            for place in (self.input_schema, self.output_schema)
        )
