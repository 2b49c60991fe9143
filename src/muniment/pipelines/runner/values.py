"""What a definition leaves open, filled in: `Get` references, and parts to be joined.

    {"Get": "Parameters.X"}     {"Get": "Execution.PipelineName"}
    {"Get": "Steps.NAME.ProcessingOutputConfig.Outputs['x'].S3Output.S3Uri"}
    {"Std:Join": {"On": "/", "Values": [ … ]}}

Of lists, `['x']` is the element of that name (OutputName, InputName, ChannelName, …), `[0]` the
first one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muniment.pipelines.errors import InvalidPipeline

_PART: Final = re.compile(r"""\.?([^.\[\]]+)|\[(?:'([^']*)'|"([^"]*)"|(\d+))\]""")
_STEP: Final = re.compile(r"Steps\.([^.\[\]]+)")
_JOIN: Final = "Std:Join"


@dataclass
class Values:
    """What is known so far: parameters, the execution, and what became of each step."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    steps: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """Return a value with all references in it filled in.

        Raises:
            InvalidPipeline: a reference leads nowhere, or a function is not known here.
        """
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        function = _function(value)
        if function is None:
            return {key: self.resolve(item) for key, item in value.items()}
        if function == "Get":
            return self._get(value["Get"])
        if function == _JOIN:
            return self._join(value[_JOIN])
        raise InvalidPipeline(
            f"The definition uses {function}; the local runner knows Get and {_JOIN}."
        )

    def _join(self, given: Any) -> str:
        if not isinstance(given, dict) or not isinstance(given.get("Values"), list):
            raise InvalidPipeline(f"{given!r:.80} can't be joined; it must have On and Values.")
        parts = [self.resolve(part) for part in given["Values"]]
        for part in parts:
            if isinstance(part, dict | list) or part is None:
                raise InvalidPipeline(f"{part!r:.80} can't be joined; it must be a text.")
        return str(given.get("On", "")).join(map(str, parts))

    def _get(self, path: Any) -> Any:
        if not isinstance(path, str):
            raise InvalidPipeline(f"{path!r:.80} is no path of a Get; it must be a text.")
        kind, _, rest = path.partition(".")
        if kind == "Parameters":
            return _of(self.parameters, rest, path, "parameter")
        if kind == "Execution":
            return _of(self.execution, rest, path, "value of the execution")
        if kind == "Steps" and (named := _STEP.match(path)):
            found: Any = _of(self.steps, named[1], path, "step that has run")
            return _walk(found, path, named.end())
        raise InvalidPipeline(
            f"{path!r} leads nowhere; a Get begins with Parameters, Execution or Steps."
        )


def referenced_steps(value: Any) -> Iterator[str]:
    """Yield the names of the steps that references in a value lead to."""
    if isinstance(value, list):
        for item in value:
            yield from referenced_steps(item)
    elif isinstance(value, dict):
        path = value.get("Get") if _function(value) == "Get" else None
        if isinstance(path, str) and (named := _STEP.match(path)):
            yield named[1]
        for item in value.values():
            yield from referenced_steps(item)


def _function(value: Mapping[str, Any]) -> str | None:
    """The function that an object stands for: a single key, `Get` or `NAMESPACE:NAME`."""
    if len(value) != 1:
        return None
    key = next(iter(value))
    return key if key == "Get" or re.fullmatch(r"[A-Z]\w*:\w+", key) else None


def _of(known: Mapping[str, Any], name: str, path: str, what: str) -> Any:
    if known.get(name) is None:
        raise InvalidPipeline(
            f"{path!r} leads nowhere: there is no {what} {name!r} "
            f"(there is {', '.join(known) or 'nothing'})."
        )
    return known[name]


def _walk(found: Any, path: str, position: int) -> Any:
    while position < len(path):
        part = _PART.match(path, position)
        if part is None:
            raise InvalidPipeline(f"{path!r} can't be read from {path[position:]!r} on.")
        key = next(group for group in part.groups() if group is not None)
        if isinstance(found, list):
            found = _element(found, key)
        else:
            found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            raise InvalidPipeline(f"{path!r} leads nowhere: there is no {path[: part.end()]!r}.")
        position = part.end()
    return found


def _element(items: list[Any], key: str) -> Any:
    for item in items:
        if isinstance(item, dict) and any(
            name.endswith("Name") and value == key for name, value in item.items()
        ):
            return item
    return items[int(key)] if key.isdigit() and int(key) < len(items) else None
