"""How Python objects become files and come back: a table, read from top to bottom.

    format    file           for                                      reading it
    sklearn   model.joblib   scikit-learn estimators                  runs code
    numpy     model.npy      arrays without object elements           safe
    json      model.json     dicts and lists of JSON values           safe
    pickle    model.pkl      anything else that can be pickled        runs code

No library is imported before an object of it is there. `muniment.json` beside the file says which
format it is and with which versions it was written. A format that runs code when it is read is
read only if the caller says `trust=True`.
"""

from __future__ import annotations

import json
import math
import pickle
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from types import ModuleType
from typing import Final

from muniment.domain.manifest import Manifest
from muniment.domain.names import check_path
from muniment.domain.values import Json, JsonObject, as_object
from muniment.errors import ConfigurationError, Corrupt, InvalidInput, NotImplementedHere

DESCRIPTION: Final = "muniment.json"
EXAMPLE: Final = "input_example.json"
SCHEMA: Final = "muniment.object/1"


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table.

    `fits` says whether an object is written this way; `packages` are the distributions whose
    versions are noted; `runs_code` whether reading a hostile file would run what it says.
    """

    name: str
    file: str
    suffixes: tuple[str, ...]
    framework: str
    packages: tuple[str, ...]
    runs_code: bool
    fits: Callable[[object], bool]
    save: Callable[[object, Path], None]
    load: Callable[[Path], object]


def format_for(value: object) -> Format:
    """Return the first format that fits an object."""
    return next(form for form in FORMATS if form.fits(value))


def describe(value: object, form: Format) -> bytes:
    """Return the content of `muniment.json` for an object; the same for the same environment."""
    kind = type(value)
    document: JsonObject = {
        "schema": SCHEMA,
        "format": form.name,
        "file": form.file,
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "python": platform.python_version(),
        "packages": {name: found for name in form.packages if (found := _installed(name))},
    }
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it stands in a version: its file, its format, and what it was written with."""

    path: str
    format: Format
    written_with: str

    def load(self, folder: Path) -> object:
        """Read the object from the version's folder.

        Raises:
            ConfigurationError: a package that it needs is not installed.
            Corrupt: the file is not of its format.
        """
        try:
            return self.format.load(folder / self.path)
        except ImportError as error:
            raise ConfigurationError(
                f"{self.path!r} can't be loaded: {error}.",
                hint=f"It was written with {self.written_with}; install what is missing.",
            ) from error
        except (ValueError, EOFError, pickle.UnpicklingError) as error:
            raise Corrupt(
                f"{self.path!r} can't be read as {self.format.name}: {error}.",
                hint=f"It was written with {self.written_with}.",
            ) from error


def find_object(manifest: Manifest, description: bytes | None) -> Stored:
    """Return the object in a version; `description` is its `muniment.json`, if it has one.

    Without one, a single file with a suffix of the table is understood.

    Raises:
        InvalidInput: there is none, or several.
        NotImplementedHere: a format that this client does not know.
    """
    if description is not None:
        return _described(manifest, description)
    files = [file.path for file in manifest.files if file.path != EXAMPLE]
    if len(files) == 1:
        suffix = Path(files[0]).suffix.lower()
        for form in FORMATS:
            if suffix in form.suffixes:
                return Stored(files[0], form, "unknown versions")
    raise InvalidInput(
        f"{_listed(files)}: there is no way known to make one Python object of this.",
        hint="Pull it, and load the files with the library that wrote them.",
    )


def _described(manifest: Manifest, description: bytes) -> Stored:
    try:
        document = as_object(json.loads(description), DESCRIPTION)
    except ValueError as error:
        raise Corrupt(f"{DESCRIPTION} is not JSON: {error}.") from None
    if document.get("schema") == "muniment.model/1":
        raise NotImplementedHere(
            "A MunimentSaver saved this, with a signature that its data is checked against.",
            hint="Load it with muniment.ml.MunimentLoader.",
        )
    name, path = document.get("format"), document.get("file")
    form = next((form for form in FORMATS if form.name == name), None)
    if form is None or document.get("schema") != SCHEMA:
        raise NotImplementedHere(
            f"This client does not know the format {name!r:.80}.",
            hint="A newer Muniment may; or pull the version, and load its files yourself.",
        )
    if not isinstance(path, str) or manifest.file(check_path(path)) is None:
        raise Corrupt(f"{DESCRIPTION} names the file {path!r:.200}, which the version lacks.")
    packages = as_object(document.get("packages", {}), "packages")
    versions = [f"Python {document.get('python')}", *(f"{k} {v}" for k, v in packages.items())]
    return Stored(path, form, ", ".join(versions))


def example_of(value: object) -> bytes:
    """Return an input example (dict, list, array, data frame) as JSON.

    A data frame becomes a list of records, an array a list of lists.

    Raises:
        InvalidInput: it holds something that JSON does not.
    """
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        try:
            value = to_dict(orient="records")
        except TypeError:
            value = to_dict()
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The input example can't be written as JSON: {error}.",
            hint="Pass a dict, a list, an array or a data frame of numbers and strings.",
        ) from None
    return text.encode() + b"\n"


def _plain(value: object) -> object:
    to_list = getattr(value, "tolist", None)  # arrays, and numpy's scalars
    if callable(to_list):
        return to_list()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _listed(paths: list[str]) -> str:
    shown = ", ".join(repr(path) for path in paths[:3])
    return f"{len(paths)} files ({shown}, …)" if len(paths) > 3 else shown or "No file"


def _installed(distribution: str) -> str | None:
    try:
        return package_version(distribution)
    except PackageNotFoundError:
        return None


# -- scikit-learn ------------------------------------------------------------------------------


def _is_estimator(value: object) -> bool:
    """An object of scikit-learn, or of a class derived from one of its classes."""
    return any(cls.__module__.partition(".")[0] == "sklearn" for cls in type(value).__mro__)


def _save_joblib(value: object, path: Path) -> None:
    import_module("joblib").dump(value, path)


def _load_joblib(path: Path) -> object:
    value: object = import_module("joblib").load(path)
    return value


# -- numpy -------------------------------------------------------------------------------------


def _numpy() -> ModuleType | None:
    """Return numpy if somebody has imported it: without that there is no array."""
    return sys.modules.get("numpy")


def _is_array(value: object) -> bool:
    numpy = _numpy()
    return (
        numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject  # type: ignore[attr-defined]
    )


def _save_npy(value: object, path: Path) -> None:
    import_module("numpy").save(path, value, allow_pickle=False)


def _load_npy(path: Path) -> object:
    value: object = import_module("numpy").load(path, allow_pickle=False)
    return value


# -- JSON --------------------------------------------------------------------------------------


def is_document(value: object) -> bool:
    """Say whether a dict or list comes back from JSON as the very same."""
    return type(value) in (dict, list) and _is_json(value)


def _is_json(value: object) -> bool:
    """Whether JSON gives the very same value back: no tuples, no NaN, no keys but strings."""
    if isinstance(value, dict):
        return type(value) is dict and all(
            type(key) is str and _is_json(item) for key, item in value.items()
        )
    if isinstance(value, list):
        return type(value) is list and all(map(_is_json, value))
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, int, str)


def _save_json(value: object, path: Path) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _load_json(path: Path) -> object:
    value: Json = json.loads(path.read_text(encoding="utf-8"))
    return value


# -- pickle ------------------------------------------------------------------------------------


def _save_pickle(value: object, path: Path) -> None:
    try:
        with path.open("wb") as stream:
            pickle.dump(value, stream, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InvalidInput(
            f"A {type(value).__qualname__} can't be pickled: {error}.",
            hint="Save it with its own library, and push the file or folder.",
        ) from error


def _load_pickle(path: Path) -> object:
    with path.open("rb") as stream:
        value: object = pickle.load(stream)  # noqa: S301 -- `trust=True` was said
        return value


FORMATS: Final = (
    Format(
        name="sklearn",
        file="model.joblib",
        suffixes=(".joblib",),
        framework="scikit-learn",
        packages=("scikit-learn", "joblib", "numpy"),
        runs_code=True,
        fits=_is_estimator,
        save=_save_joblib,
        load=_load_joblib,
    ),
    Format(
        name="numpy",
        file="model.npy",
        suffixes=(".npy",),
        framework="numpy",
        packages=("numpy",),
        runs_code=False,
        fits=_is_array,
        save=_save_npy,
        load=_load_npy,
    ),
    Format(
        name="json",
        file="model.json",
        suffixes=(".json",),
        framework="",
        packages=(),
        runs_code=False,
        fits=is_document,
        save=_save_json,
        load=_load_json,
    ),
    Format(
        name="pickle",
        file="model.pkl",
        suffixes=(".pkl", ".pickle"),
        framework="",
        packages=(),
        runs_code=True,
        fits=lambda value: True,
        save=_save_pickle,
        load=_load_pickle,
    ),
)
