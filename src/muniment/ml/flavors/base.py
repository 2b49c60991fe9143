"""What a flavor can do: write a model into a folder, read it back, predict with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from muniment.domain.values import JsonObject
from muniment.errors import ConfigurationError, InvalidInput
from muniment.ml.trust import Suspect


class Flavor(ABC):
    """A way to keep models.

    `takes` says in words which ones, `libraries` are the modules that it needs, and `install` what
    pip calls them.
    """

    name: ClassVar[str]
    framework: ClassVar[str] = ""
    libraries: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""
    takes: ClassVar[str]

    @abstractmethod
    def fits(self, model: object) -> bool:
        """Say whether this flavor keeps such models, without importing anything."""

    @abstractmethod
    def write(self, model: Any, folder: Path) -> JsonObject:
        """Write the files of a model into an empty folder; return what `read` must know.

        Raises:
            InvalidInput: this model can't be written so that it would come back the same.
        """

    @abstractmethod
    def read(self, folder: Path, details: JsonObject) -> Any:
        """Return the model in a folder.

        `details` come from the model's own files: what they choose must be looked up here.
        """

    def suspects(self, details: JsonObject) -> tuple[Suspect, ...]:
        """Return what `read` would run code of."""
        return ()

    def predicts(self, model: Any) -> bool:
        """Say whether this model can predict."""
        return callable(getattr(model, "predict", None))

    def predict(self, model: Any, inputs: Any) -> Any:
        """Return what the model makes of data."""
        return model.predict(inputs)

    def modules(self, model: Any) -> Iterable[str]:
        """Return modules that the model needs, beside the flavor's libraries."""
        return (type(model).__module__,)

    def need(self, module: str) -> Any:
        """Import a library.

        Raises:
            ConfigurationError: it is not installed.
        """
        try:
            return import_module(module)
        except ImportError as error:
            raise ConfigurationError(
                f"The flavor {self.name!r} needs {module.partition('.')[0]}, "
                f"which can't be imported: {error}.",
                hint=f"pip install {self.install}.",
            ) from error


def is_of(model: object, package: str) -> bool:
    """Say whether an object is of a class of a package, or of one derived from such a class."""
    return any(cls.__module__.partition(".")[0] == package for cls in type(model).__mro__)


@contextmanager
def unwritable(model: object, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of a library that can't write a model into ours."""
    try:
        yield
    except kinds as error:
        raise InvalidInput(
            f"This {type(model).__qualname__} can't be saved: {type(error).__name__}: {error}.",
            hint="Train it first, or choose another flavor.",
        ) from error
