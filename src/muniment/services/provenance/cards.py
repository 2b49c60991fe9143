"""Model cards: Markdown with YAML on top, as the Hugging Face Hub reads it.

A card that came with the files (README.md) is taken over as it is: fields that it lacks are added
to its front matter, and what the registry knows stands below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from muniment.domain.entities import NO_STAGE, Variable
from muniment.domain.lineage import NodeKind
from muniment.domain.values import Json, JsonObject, text_of
from muniment.services.provenance.facts import Facts

_FENCE: Final = "---"
_FIELD: Final = re.compile(r"([A-Za-z_][\w-]*)\s*:")
_LIBRARIES: Final = {"sklearn": "scikit-learn", "torch": "pytorch"}
"""What the Hub calls libraries that go by other names elsewhere."""


def card_of(facts: Facts) -> str:
    """Return the card of a version; the same for the same facts."""
    front, body = _split(facts.card())
    known = {match[1] for line in front if (match := _FIELD.match(line))}
    lines = [*front, *(line for key, line in _fields(facts) if key not in known)]
    if not body.strip():
        description = f"{_plain(facts.description)}\n\n" if facts.description else ""
        body = f"# {_plain(facts.model.name)}\n\n{description}"
    parts = [_FENCE, *lines, _FENCE, "", body.strip("\r\n"), "", *_registered(facts)]
    return "\n".join(parts).rstrip() + "\n"


# -- the front matter ----------------------------------------------------------------------------


def _split(card: str) -> tuple[list[str], str]:
    """Return the lines of a card's front matter, and what follows it."""
    lines = card.removeprefix("\ufeff").splitlines()
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 1):
            if line.rstrip() == _FENCE:
                return lines[1:number], "\n".join(lines[number + 1 :])
    return [], "\n".join(lines)


def _fields(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the fields of the front matter that are known, as YAML (values are JSON, so YAML)."""
    version, framework = facts.version, facts.version.framework
    values: dict[str, Json] = {
        "license": facts.tag("license").lower(),
        "library_name": _LIBRARIES.get(framework.lower(), framework.lower()),
        "pipeline_tag": facts.tag("pipeline_tag", "task"),
        "tags": ["muniment", *(f"{key}:{text_of(v)}" for key, v in sorted(version.tags.items()))],
        "datasets": [edge.node.name or edge.node.id for edge in facts.origins(NodeKind.DATASET)],
        "base_model": [edge.node.name or edge.node.id for edge in facts.origins(NodeKind.VERSION)],
    }
    for key, value in values.items():
        if value:
            yield key, f"{key}: {_yaml(value)}"
    if version.metrics:
        yield "model-index", f"model-index: {_yaml([_result(facts)])}"


def _result(facts: Facts) -> JsonObject:
    """Return the metrics as an entry of `model-index`, which wants task and data named."""
    datasets = facts.origins(NodeKind.DATASET)
    dataset = (datasets[0].node.name or datasets[0].node.id) if datasets else "unspecified"
    task = facts.tag("pipeline_tag", "task") or "other"
    metrics: list[Json] = [
        {"type": name, "name": name, "value": value}
        for name, value in sorted(facts.version.metrics.items())
    ]
    result: JsonObject = {
        "task": {"type": task},
        "dataset": {"name": dataset, "type": dataset},
        "metrics": metrics,
    }
    return {"name": facts.model.name, "results": [result]}


def _yaml(value: Json) -> str:
    # ASCII: YAML takes some characters for line breaks that JSON leaves as they are.
    return json.dumps(value)


# -- what the registry knows ---------------------------------------------------------------------


def _registered(facts: Facts) -> Iterator[str]:
    version, manifest = facts.version, facts.manifest
    yield f"## Version {version.version}"
    yield ""
    rows = {
        "Version": f"{version.ref}" + (f" ({version.label})" if version.label else ""),
        "Digest": f"`sha256:{version.digest}`" if version.digest else "",
        "Source": _plain(version.source_uri),
        "Files": f"{len(manifest.files):,}, {manifest.size:,} bytes" if manifest else "",
        "Stage": "" if version.stage == NO_STAGE else version.stage,
        "Framework": _plain(version.framework),
        "License": _plain(facts.tag("license")),
        "Owner": _plain(facts.tag("owner")),
        "Registered": f"{version.created_at:%Y-%m-%d} by {_plain(version.created_by)}",
        "Signature": str(facts.signatures.state)
        + (f" ({', '.join(facts.signatures.keys)})" if facts.signatures.keys else ""),
    }
    yield from _table(("", ""), [(name, value) for name, value in rows.items() if value])
    metrics = [(_plain(k), repr(v)) for k, v in sorted(version.metrics.items())]
    yield from _section("Metrics", ("Metric", "Value"), metrics)
    params = [(_plain(k), _plain(text_of(v))) for k, v in sorted(version.params.items())]
    yield from _section("Parameters", ("Parameter", "Value"), params)
    if version.signature is not None:
        for title, variables in (
            ("Inputs", version.signature.inputs),
            ("Outputs", version.signature.outputs),
        ):
            columns = ("Name", "Type", "Shape", "")
            yield from _section(title, columns, [_variable(one) for one in variables])
    lineage = [
        (edge.relation.replace("_", " "), edge.node.kind, _plain(edge.node.name or edge.node.id))
        for edge in facts.lineage
    ]
    yield from _section("Lineage", ("Relation", "Kind", "Origin"), lineage)
    checks = [(_plain(check.name), check.verdict) for check in facts.latest_checks]
    yield from _section("Checks", ("Check", "Verdict"), checks)


def _variable(variable: Variable) -> tuple[str, ...]:
    shape = "" if variable.shape is None else "x".join(map(str, variable.shape))
    optional = "optional" if variable.optional else ""
    return _plain(variable.name), _plain(variable.dtype or variable.type), shape, optional


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"### {title}"
        yield ""
        yield from _table(columns, rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _plain(text: str) -> str:
    """Return text that says the same in Markdown, on one line, and is no HTML or table there."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|&#])", r"\\\1", one_line)
