"""Saving without MLflow: a folder with the model's files and `muniment.json`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from muniment.domain.entities import Signature
from muniment.errors import AlreadyExists, InvalidInput
from muniment.ml.configuration import checked_by
from muniment.ml.descriptor import DESCRIPTOR, EXAMPLE, Descriptor, Environment
from muniment.ml.examples import container_of, write_example
from muniment.ml.fitting import fitting_signature
from muniment.ml.flavors import AUTO, Flavor, check_flavor, flavor_for
from muniment.ml.mlflow_signatures import ours
from muniment.ml.savers.base import Saver, internal
from muniment.ml.uris import uri_of_folder

_WHOLE = ("pickle", "joblib")
"""Flavors that keep a project's model as it is, with its code's names."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model in a folder of this machine."""

    folder: Path
    descriptor: Descriptor

    @property
    def model_uri(self) -> str:
        """The folder's address, for a register or a loader."""
        return uri_of_folder(self.folder)

    @property
    def signature(self) -> Signature | None:
        """What goes in and what comes out, as far as it is known."""
        return self.descriptor.signature


class MunimentSaver(Saver):
    """Writes a new folder at `path`, in the formats of `muniment.ml.flavors`.

    The flavor is found by the model's type, unless it is named. Formats without code are used
    where a library has one.
    """

    KIND: Literal["MunimentSaver"] = "MunimentSaver"
    flavor: Annotated[
        str, checked_by(lambda name: name if name == AUTO else check_flavor(name))
    ] = AUTO

    def save(
        self, model: Any, signature: Signature | None = None, input_example: Any = None
    ) -> SavedModel:
        """Save a model; the folder appears whole, or not at all.

        Raises:
            InvalidInput: the model is not of the flavor, or model, signature and example do not
                fit together; nothing was written.
            AlreadyExists: there is something at `path`.
            ConfigurationError: a library is not installed.
        """
        if self.flavor not in _WHOLE:
            model = internal(model)
        if model is None:
            raise InvalidInput("There is no model to be saved: it is None.")
        flavor = flavor_for(model, self.flavor)
        place = Path(self.path).expanduser().absolute()
        if place.exists() and not (place.is_dir() and not any(place.iterdir())):
            raise AlreadyExists(
                f"There is something at {str(place)!r:.300}.",
                hint="Save to a new folder, or remove that one.",
            )
        predict = partial(flavor.predict, model) if flavor.predicts(model) else None
        fitted = fitting_signature(predict, ours(signature), input_example)
        example = None if input_example is None else write_example(input_example)
        with _appearing(place) as folder:
            details = flavor.write(model, folder)
            descriptor = Descriptor(
                flavor=flavor.name,
                model_class=f"{type(model).__module__}.{type(model).__qualname__}",
                files=tuple(sorted(file.name for file in folder.iterdir())),
                environment=_environment(flavor, model, input_example),
                details=details,
                signature=fitted,
                container=None if example is None else container_of(input_example),
            )
            if example is not None:
                (folder / EXAMPLE).write_bytes(example)
            (folder / DESCRIPTOR).write_bytes(descriptor.content())
        return SavedModel(place, descriptor)


def _environment(flavor: Flavor, model: Any, example: Any) -> Environment:
    return Environment.here([*flavor.libraries, *flavor.modules(model), type(example).__module__])


@contextmanager
def _appearing(place: Path) -> Iterator[Path]:
    """Yield a new folder that is moved to its place if the block ends well, else removed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = place.with_name(f".{place.name}.{uuid4().hex[:12]}")
    folder.mkdir()
    try:
        yield folder
        folder.replace(place)
    except BaseException:
        shutil.rmtree(folder)
        raise
