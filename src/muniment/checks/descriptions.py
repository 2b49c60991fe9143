"""Checks of what is said of a version: schema, card, ownership."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from muniment.checks.interface import Outcome, Subject, SubjectFile
from muniment.domain.checks import Verdict
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import InvalidInput

_EXAMPLES: Final = ("input_example.json", "serving_input_example.json")
_CARDS: Final = frozenset({"README.md", "MODEL_CARD.md", "model_card.md", "modelcard.md"})
_MAX_DOCUMENT: Final = 16 << 20
_LEAST_CARD: Final = 80
_OWNERS: Final = ("owner", "owners", "team", "contact", "maintainer")
_LICENCES: Final = ("license", "licence")


class Schema:
    """Is there a signature and an input example, and do they fit each other?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Compare the columns of the example with the inputs of the signature."""
        signature = subject.version.signature or _saved_signature(subject)
        example = next((f for name in _EXAMPLES if (f := subject.file(name)) is not None), None)
        missing = []
        if signature is None or not signature.inputs:
            missing.append("It has no signature with inputs.")
        if example is None:
            missing.append("It has no input example (input_example.json).")
        if signature is None or example is None or missing:
            return Outcome.of(missing)
        try:
            rows = _rows(json.loads(_text(example)))
        except (ValueError, TypeError, KeyError) as error:
            return Outcome(
                Verdict.UNKNOWN, (f"{example.path}: it can't be read as rows: {error!s:.200}.",)
            )
        return Outcome.of(_unfit(signature, rows))


def _saved_signature(subject: Subject) -> Signature | None:
    """Return the signature that a MunimentSaver wrote beside the model's files, if it did."""
    described = subject.file("muniment.json")
    if described is None:
        return None
    try:
        said = json.loads(_text(described))["signature"]
        return None if said is None else Signature.from_json(said)
    except (ValueError, TypeError, KeyError, InvalidInput):
        return None


def _rows(document: Any) -> list[Mapping[str, Any]] | None:
    """Return an example as rows by column; None if its columns have no names."""
    if isinstance(document, dict) and {"columns", "data"} <= document.keys():
        return [dict(zip(document["columns"], row, strict=True)) for row in document["data"]]
    for key in ("dataframe_split", "dataframe_records"):
        if isinstance(document, dict) and key in document:
            return _rows(document[key])
    if isinstance(document, list) and all(isinstance(row, dict) for row in document):
        return document
    if isinstance(document, dict) and "inputs" in document:
        return _rows(document["inputs"])
    if isinstance(document, dict) and document.keys() and not document.keys() & {"instances"}:
        columns = {k: v if isinstance(v, list) else [v] for k, v in document.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return None


def _unfit(signature: Signature, rows: list[Mapping[str, Any]] | None) -> Iterable[str]:
    if rows is None:  # tensors
        return
    if not rows:
        yield "The input example is empty."
        return
    known = {variable.name: variable for variable in signature.inputs}
    for name in sorted({str(name) for row in rows for name in row} - known.keys()):
        yield f"The input example has {name!r:.200}, which is no input of the signature."
    for name, variable in known.items():
        yield from _unfit_values(variable, [row.get(name) for row in rows], name in rows[0])


def _unfit_values(variable: Variable, values: list[Any], present: bool) -> Iterable[str]:
    if not present and not variable.optional:
        yield f"The input example lacks {variable.name!r:.200}, an input of the signature."
        return
    for number, value in enumerate(values):
        if value is None or variable.shape is not None:
            continue
        if isinstance(value, str) != (variable.type is VariableType.TEXT):
            yield (
                f"Row {number} of the input example: {variable.name!r:.200} is "
                f"{value!r:.80}, and {variable.type.value} in the signature."
            )
            return


class Card:
    """Is there a model card?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Look for a card among the files, with something in it."""
        card = next((file for file in subject.files if file.path in _CARDS), None)
        if card is None:
            return Outcome(
                Verdict.FAIL, ("There is no model card: add a README.md that says what it does.",)
            )
        words = len(_text(card).strip())
        if words < _LEAST_CARD:
            return Outcome(
                Verdict.FAIL, (f"{card.path}: {words} characters say too little of a model.",)
            )
        return Outcome(Verdict.PASS)


class Ownership:
    """Is it said what it is, whose it is, and under which licence?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Look at the description and the tags of the version and of its model."""
        tags = {**subject.model_tags, **subject.version.tags}
        findings = []
        if not (subject.version.description or subject.model_description).strip():
            findings.append("Neither the version nor its model has a description.")
        if not any(str(tags.get(name, "")).strip() for name in _OWNERS):
            findings.append(f"No tag says who owns it: {', '.join(_OWNERS)}.")
        named = any(str(tags.get(name, "")).strip() for name in _LICENCES)
        files = {file.path.partition(".")[0].upper() for file in subject.files}
        if not named and not files & {"LICENSE", "LICENCE"}:
            findings.append("No tag `license` and no file LICENSE says how it may be used.")
        return Outcome.of(findings)


def _text(file: SubjectFile) -> str:
    if file.entry.size > _MAX_DOCUMENT:
        raise ValueError(f"{file.path} has {file.entry.size} bytes")
    with file.open() as opened:
        return opened.read(_MAX_DOCUMENT).decode("utf-8", "replace")
