"""Script contracts: what a container gives a script, and what the script leaves behind.

A contract is what a step's definition and its script agree on, and all that they share. Where they
lie in a processing container:

    /opt/ml/processing/input/…          what other steps made, one folder per input
    /opt/ml/processing/input/code       the script itself
    /opt/ml/processing/mims_payload     GeneratedPayloadSamples, where registration looks for them
    /opt/ml/processing/config/config    the step's configuration, one JSON file
    /opt/ml/processing/output/…         what the script made, one folder per output

and in a training container:

    /opt/ml/input/data/CHANNEL          what other steps made, one folder per channel
    /opt/ml/input/data/code             the script itself
    /opt/ml/input/config                hyperparameters.json, its values strings
    /opt/ml/model                       becomes model.tar.gz
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from muniment.pipelines.errors import InvalidPipeline

CONFIG_FOLDER: Final = "/opt/ml/processing/config/config"
CONFIG_FILE: Final = "config.json"
PAYLOAD_FOLDER: Final = "/opt/ml/processing/mims_payload"
CODE_FOLDER: Final = "/opt/ml/processing/input/code"
TRAINING_CODE_FOLDER: Final = "/opt/ml/input/data/code"

_ARGUMENT: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Container(StrEnum):
    """The kind of container that a script runs in; it decides where its folders may lie."""

    PROCESSING = "processing"
    TRAINING = "training"


_INPUTS: Final[Mapping[Container, tuple[str, ...]]] = {
    Container.PROCESSING: ("/opt/ml/processing/input", PAYLOAD_FOLDER, CONFIG_FOLDER),
    Container.TRAINING: ("/opt/ml/input/data",),
}
_OUTPUTS: Final[Mapping[Container, tuple[str, ...]]] = {
    Container.PROCESSING: ("/opt/ml/processing/output",),
    Container.TRAINING: ("/opt/ml/model", "/opt/ml/output"),
}


@dataclass(frozen=True)
class ScriptContract:
    """What a script expects, and what it promises.

    Paths are folders in the container, by the logical name of the input or output; arguments are
    written `--name value`, named here without the dashes, with a word on what they mean.
    `configured_input_paths` are filled from the step's configuration, never by other steps.

    Raises:
        InvalidPipeline: a path lies outside of the container's folders, the entry point is no
            Python file, an argument is not lower-kebab, or a variable is no name.
    """

    entry_point: str
    expected_input_paths: Mapping[str, str] = field(default_factory=dict)
    expected_output_paths: Mapping[str, str] = field(default_factory=dict)
    expected_arguments: Mapping[str, str] = field(default_factory=dict)
    required_env_vars: tuple[str, ...] = ()
    optional_env_vars: Mapping[str, str] = field(default_factory=dict)
    framework_requirements: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    configured_input_paths: Mapping[str, str] = field(default_factory=dict)
    container: Container = Container.PROCESSING

    def __post_init__(self) -> None:
        object.__setattr__(self, "required_env_vars", tuple(self.required_env_vars))
        if not re.fullmatch(r"[\w./-]+\.py", self.entry_point) or ".." in self.entry_point:
            raise InvalidPipeline(
                f"entry_point is {self.entry_point!r}; it must be the path of a Python file (.py)."
            )
        for title, paths, roots in (
            ("expected_input_paths", self.expected_input_paths, _INPUTS[self.container]),
            ("configured_input_paths", self.configured_input_paths, _INPUTS[self.container]),
            ("expected_output_paths", self.expected_output_paths, _OUTPUTS[self.container]),
        ):
            for name, path in paths.items():
                _check_path(f"{title}[{name!r}]", path, roots)
        for argument in self.expected_arguments:
            if not _ARGUMENT.fullmatch(argument):
                raise InvalidPipeline(
                    f"expected_arguments has {argument!r}; an argument's name is lower-kebab, "
                    "without dashes before it: job-type."
                )
        for variable in (*self.required_env_vars, *self.optional_env_vars):
            if not _VARIABLE.fullmatch(variable):
                raise InvalidPipeline(
                    f"{variable!r} is no name of an environment variable; "
                    "it has letters, digits and underscores: LABEL_FIELD."
                )

    def missing_variables(self, environment: Iterable[str]) -> list[str]:
        """Return the required variables that an environment lacks, in the contract's order."""
        given = set(environment)
        return [name for name in self.required_env_vars if name not in given]


def _check_path(where: str, path: str, roots: tuple[str, ...]) -> None:
    pure = PurePosixPath(path)
    if ".." in pure.parts or not any(pure.is_relative_to(root) for root in roots):
        raise InvalidPipeline(f"{where} is {path!r}; it must lie under {' or '.join(roots)}.")
