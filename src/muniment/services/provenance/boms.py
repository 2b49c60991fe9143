"""Bills of materials: CycloneDX 1.6 with the model as a component, its card, files and origins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from muniment._version import __version__
from muniment.domain.entities import Variable
from muniment.domain.lineage import Edge, NodeKind
from muniment.domain.values import Json, JsonObject, text_of, time_to_json
from muniment.services.provenance.facts import Facts

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
_SPDX: Final = {
    name.lower(): name
    for name in (
        "0BSD", "AFL-3.0", "AGPL-3.0-only", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause",
        "BSL-1.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", "CC0-1.0",
        "EUPL-1.2", "GPL-2.0-only", "GPL-3.0-only", "ISC", "LGPL-3.0-only", "MIT", "MPL-2.0",
        "MS-PL", "Unlicense", "Zlib",
    )
}  # fmt: skip
"""Licences that CycloneDX knows by their id; any other is written by its name."""


def bom_of(facts: Facts) -> bytes:
    """Return the bill of a version as JSON; the same for the same facts."""
    files, others = list(_files(facts)), [*_data(facts), *_libraries(facts)]
    components = [*files, *others]
    refs: list[Json] = [component["bom-ref"] for component in components]
    document: JsonObject = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(facts)}",
        "version": 1,
        "metadata": {
            "timestamp": time_to_json(facts.version.updated_at),
            "tools": {
                "components": [{"type": "application", "name": "muniment", "version": __version__}]
            },
            "component": _model(facts),
        },
        "components": [*components],
        "dependencies": [{"ref": facts.version.ref, "dependsOn": refs}],
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _serial(facts: Facts) -> str:
    """Return an id that is the bill's alone: another one as soon as the version changes."""
    version = facts.version
    return str(uuid5(NAMESPACE_URL, f"muniment:{version.uuid}:{version.revision}"))


def _model(facts: Facts) -> JsonObject:
    version = facts.version
    out: JsonObject = {
        "type": "machine-learning-model",
        "bom-ref": version.ref,
        "name": version.model,
        "version": version.label or str(version.version),
    }
    if facts.description:
        out["description"] = facts.description
    if owner := facts.tag("owner"):
        out["supplier"] = {"name": owner}
    if version.digest is not None:
        out["hashes"] = [_sha256(version.digest)]
    if licence := facts.tag("license"):
        known = _SPDX.get(licence.lower())
        out["licenses"] = [{"license": {"id": known} if known else {"name": licence}}]
    if version.source_uri:
        out["externalReferences"] = [
            {"type": "distribution", "url": quote(version.source_uri, safe=":/?#[]@!$&'()*+,;=%")}
        ]
    if ancestors := [_ancestor(edge) for edge in facts.origins(NodeKind.VERSION)]:
        out["pedigree"] = {"ancestors": [*ancestors]}
    out["modelCard"] = _card(facts)
    out["properties"] = [*_properties(facts)]
    return out


def _card(facts: Facts) -> JsonObject:
    version = facts.version
    parameters: JsonObject = {}
    if task := facts.tag("pipeline_tag", "task"):
        parameters["task"] = task
    datasets: list[Json] = [{"ref": _ref(edge)} for edge in _unique(facts)]
    if datasets:
        parameters["datasets"] = datasets
    if version.signature is not None:
        parameters["inputs"] = [_variable(one) for one in version.signature.inputs]
        parameters["outputs"] = [_variable(one) for one in version.signature.outputs]
    card: JsonObject = {}
    if parameters:
        card["modelParameters"] = parameters
    if version.metrics:
        metrics: list[Json] = [
            {"type": name, "value": repr(value)} for name, value in sorted(version.metrics.items())
        ]
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card


def _variable(variable: Variable) -> JsonObject:
    shape = "" if variable.shape is None else f"[{', '.join(map(str, variable.shape))}]"
    return {"format": f"{variable.name}: {variable.dtype or variable.type.value}{shape}"}


def _properties(facts: Facts) -> Iterator[Json]:
    version = facts.version
    found = {
        "muniment:version": str(version.version),
        "muniment:uuid": version.uuid,
        "muniment:stage": version.stage,
        "muniment:framework": version.framework,
        "muniment:signature": str(facts.signatures.state),
        **{f"muniment:tag:{key}": text_of(value) for key, value in sorted(version.tags.items())},
        **{f"muniment:param:{key}": text_of(v) for key, v in sorted(version.params.items())},
        **{f"muniment:check:{check.name}": str(check.verdict) for check in facts.latest_checks},
    }
    for name, value in found.items():
        if value:
            yield {"name": name, "value": value}


def _files(facts: Facts) -> Iterator[JsonObject]:
    for file in () if facts.manifest is None else facts.manifest.files:
        yield {
            "type": "file",
            "bom-ref": f"file:{file.path}",
            "name": file.path,
            "mime-type": file.media_type.partition(";")[0].strip(),
            "hashes": [_sha256(file.digest)],
            "properties": [{"name": "muniment:size", "value": str(file.size)}],
        }


def _unique(facts: Facts) -> list[Edge]:
    return list({_ref(edge): edge for edge in facts.origins(NodeKind.DATASET)}.values())


def _data(facts: Facts) -> Iterator[JsonObject]:
    for edge in _unique(facts):
        data: JsonObject = {"type": "dataset", "name": edge.node.name or edge.node.id}
        if edge.node.uri:
            data["contents"] = {"url": quote(edge.node.uri, safe=":/?#[]@!$&'()*+,;=%")}
        yield {
            "type": "data",
            "bom-ref": _ref(edge),
            "name": edge.node.name or edge.node.id,
            "data": [data],
        }


def _libraries(facts: Facts) -> Iterator[JsonObject]:
    for name, version in facts.packages().items():
        purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _ancestor(edge: Edge) -> JsonObject:
    out: JsonObject = {"type": "machine-learning-model", "name": edge.node.name or edge.node.id}
    if edge.node.digest:
        out["properties"] = [{"name": "muniment:digest", "value": edge.node.digest}]
    return out


def _ref(edge: Edge) -> str:
    return f"{edge.node.kind}:{edge.node.id}"


def _sha256(digest: str) -> JsonObject:
    return {"alg": "SHA-256", "content": digest}
