"""`muniment.json`: what a saved model is, in a few lines beside its files.

    model/
      muniment.json         this
      model.ubj             the files of its flavor
      input_example.json    an example of what goes in, if one was given

    {
      "schema": "muniment.model/1",
      "flavor": "xgboost",
      "class": "xgboost.sklearn.XGBClassifier",
      "files": ["model.ubj"],
      "details": {…},                                  what the flavor needs to read them
      "signature": {"input": …, "output": …} or null,
      "input_example": {"file": "input_example.json", "container": "pandas.DataFrame"} or null,
      "environment": {"muniment": "…", "python": "3.11.7", "packages": {"xgboost": "3.2.0"}}
    }

It comes with the model, so it is believed in nothing that matters: it can't make a file trusted,
nor choose which class is made or which file is read, but among those that its flavor knows.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions
from importlib.metadata import version as package_version
from typing import Final

from muniment._version import __version__
from muniment.domain.entities import Signature
from muniment.domain.names import check_path
from muniment.domain.values import Json, JsonObject, as_object
from muniment.errors import Corrupt, InvalidInput, NotImplementedHere

DESCRIPTOR: Final = "muniment.json"
EXAMPLE: Final = "input_example.json"
SCHEMA: Final = "muniment.model/1"


@dataclass(frozen=True, slots=True)
class Environment:
    """What a model was written with: versions of Muniment, Python and packages."""

    muniment: str
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls, modules: Iterable[str]) -> Environment:
        """Return this one, with the packages that `modules` belong to."""
        tops = {module.partition(".")[0] for module in modules}
        owners = packages_distributions()
        packages = {owner for top in tops for owner in owners.get(top, ())}
        versions = {package: package_version(package) for package in sorted(packages)}
        return cls(__version__, platform.python_version(), versions)

    def __str__(self) -> str:
        return ", ".join(
            [f"Python {self.python}", *(f"{name} {v}" for name, v in self.packages.items())]
        )


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What `muniment.json` says; `container` is what the input example came in."""

    flavor: str
    model_class: str
    files: tuple[str, ...]
    environment: Environment
    details: JsonObject = field(default_factory=dict)
    signature: Signature | None = None
    container: str | None = None

    def content(self) -> bytes:
        """Return the file; the same for the same model in the same environment."""
        document: JsonObject = {
            "schema": SCHEMA,
            "flavor": self.flavor,
            "class": self.model_class,
            "files": list(self.files),
            "details": self.details,
            "signature": None if self.signature is None else self.signature.to_json(),
            "input_example": self.container and {"file": EXAMPLE, "container": self.container},
            "environment": {
                "muniment": self.environment.muniment,
                "python": self.environment.python,
                "packages": dict(self.environment.packages),
            },
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> Descriptor:
        """Read what `content` wrote.

        Raises:
            NotImplementedHere: it is of another schema.
            Corrupt: it is not as it should be.
        """
        try:
            document = as_object(json.loads(content), DESCRIPTOR)
            if document.get("schema") != SCHEMA:
                raise NotImplementedHere(
                    f"The schema {document.get('schema')!r:.80} is not known; this is {SCHEMA!r}.",
                    hint="A newer Muniment may know it.",
                )
            return cls._of(document)
        except (ValueError, KeyError, InvalidInput) as error:
            raise Corrupt(f"{DESCRIPTOR} can't be read: {error}.") from error

    @classmethod
    def _of(cls, document: JsonObject) -> Descriptor:
        files, example = document["files"], document["input_example"]
        environment = as_object(document["environment"], "the environment")
        packages = as_object(environment["packages"], "the packages")
        if not isinstance(files, list) or not files:
            raise ValueError("it names no files")
        container = example and _text(as_object(example, "the input example")["container"])
        signature = document["signature"]
        return cls(
            flavor=_text(document["flavor"]),
            model_class=_text(document["class"]),
            files=tuple(check_path(_text(file)) for file in files),
            environment=Environment(
                muniment=_text(environment["muniment"]),
                python=_text(environment["python"]),
                packages={name: _text(version) for name, version in packages.items()},
            ),
            details=as_object(document["details"], "the details"),
            signature=None if signature is None else Signature.from_json(signature),
            container=container or None,
        )


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.80} should be text")
    return value
