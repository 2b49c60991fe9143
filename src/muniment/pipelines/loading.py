"""Templates in Python files: `fraud_pipeline.py`, or `fraud_pipeline.py:NAME`."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from muniment.errors import NotFound
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.template import PipelineBuilderTemplate


def load_template(place: str) -> PipelineBuilderTemplate:
    """Run a Python file and return its template: the variable, or what the function returns.

    Without a name behind a colon it is called `template`.

    Raises:
        NotFound: there is no such file.
        InvalidPipeline: the file has no such name, or it is no template.
    """
    path, colon, name = place.rpartition(":")
    if not colon or not path.endswith(".py"):
        path, name = place, "template"
    file = Path(path)
    if not file.is_file():
        raise NotFound(f"There is no file {path!r}.", hint="Name a Python file with a template.")
    spec = spec_from_file_location(f"muniment_pipeline_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InvalidPipeline(f"{path!r} is no Python file; its name must end in .py.")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if found is None:
        raise InvalidPipeline(
            f"{path} has no {name!r}; it must be a PipelineBuilderTemplate, or a function that "
            "returns one.",
            hint=f"Write {path}:NAME if it has another name.",
        )
    template = found() if callable(found) else found
    if not isinstance(template, PipelineBuilderTemplate):
        raise InvalidPipeline(
            f"{name!r} of {path} is a {type(template).__name__}; "
            "it must be a PipelineBuilderTemplate."
        )
    return template
