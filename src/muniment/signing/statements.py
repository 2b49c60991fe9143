"""What is signed: an in-toto statement that names every file of a model by its SHA-256."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import Json, JsonObject, as_object, canonical_json
from muniment.errors import InvalidInput

TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://model_signing/signature/v1.0"
OLD_PREDICATE: Final = "https://model_signing/Digests/v0.1"
"""Of signatures made before version 1.0 of the format: the files are the subjects."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Statement:
    """The files that a signature is about: path to SHA-256. `name` is for people."""

    name: str
    digests: Mapping[str, str]


def statement_of(manifest: Manifest, name: str) -> bytes:
    """Return what is to be signed for the files of `manifest`."""
    files = sorted(manifest.files, key=lambda file: file.path.split("/"))
    root = _root(file.digest for file in files)
    statement: JsonObject = {
        "_type": TYPE,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [_resource(file) for file in files],
        },
    }
    return canonical_json(statement)


def read_statement(payload: bytes) -> Statement:
    """Read what was signed.

    Raises:
        InvalidInput: it is no statement about a model's files, or names them by other digests.
    """
    try:
        value: Json = json.loads(payload)
    except (ValueError, RecursionError):
        raise InvalidInput("What the bundle signs is not JSON.") from None
    statement = as_object(value, "what the bundle signs")
    if statement.get("_type") != TYPE:
        raise InvalidInput(f"The bundle signs {statement.get('_type')!r:.100}, not {TYPE!r}.")
    predicate = statement.get("predicateType")
    if predicate == PREDICATE:
        return _present(statement)
    if predicate == OLD_PREDICATE:
        return Statement("", dict(_subjects(statement)))
    raise InvalidInput(
        f"The bundle signs a {predicate!r:.100}, which is no signature on a model.",
        hint=f"This reads {PREDICATE!r}, as model-signing writes it.",
    )


def differences(statement: Statement, manifest: Manifest, *, but: str = "") -> Iterator[str]:
    """Yield how the files that were signed differ from those of `manifest`, in sentences.

    Every file must have been signed, but the one with the digest `but`: the bundle itself may
    stand among the files, and can't cover itself.
    """
    files = {file.path: file.digest for file in manifest.files}
    signed = statement.digests
    other = sorted(path for path in signed.keys() & files.keys() if signed[path] != files[path])
    missing = sorted(signed.keys() - files.keys())
    more = sorted(path for path in files.keys() - signed.keys() if files[path] != but)
    for paths, said in (
        (other, "other bytes were signed"),
        (missing, "it was signed, and is not there"),
        (more, "it is there, and was not signed"),
    ):
        for path in paths[:_SHOWN]:
            yield f"{path!r:.300}: {said}"
        if len(paths) > _SHOWN:
            yield f"and {len(paths) - _SHOWN} more files: {said}"


def _resource(file: FileEntry) -> JsonObject:
    return {"algorithm": "sha256", "digest": file.digest, "name": file.path}


def _root(digests: Iterator[str]) -> str:
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(bytes.fromhex(digest))
    return whole.hexdigest()


def _present(statement: JsonObject) -> Statement:
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise InvalidInput("The statement is not about exactly one model.")
    subject = as_object(subjects[0], "the subject of the statement")
    predicate = as_object(statement.get("predicate"), "the predicate of the statement")
    way = as_object(predicate.get("serialization"), "the serialization of the statement")
    if way.get("method") != "files" or way.get("hash_type") != "sha256":
        raise InvalidInput(
            f"The files were signed as {way.get('method')!r:.40} by {way.get('hash_type')!r:.40}.",
            hint="A version names whole files by SHA-256: sign them so, which is the default.",
        )
    resources = predicate.get("resources")
    if not isinstance(resources, list):
        raise InvalidInput("The statement lists no files.")
    digests: dict[str, str] = {}
    for item in resources:
        resource = as_object(item, "a file of the statement")
        _note(digests, resource.get("name"), resource.get("algorithm"), resource.get("digest"))
    whole = as_object(subject.get("digest"), "the digest of the statement")
    if whole.get("sha256") != _root(iter(digests.values())):
        raise InvalidInput("The statement contradicts itself: its digest is not that of its files.")
    name = subject.get("name")
    return Statement(name if isinstance(name, str) else "", digests)


def _subjects(statement: JsonObject) -> dict[str, str]:
    subjects = statement.get("subject")
    if not isinstance(subjects, list):
        raise InvalidInput("The statement lists no files.")
    digests: dict[str, str] = {}
    for item in subjects:
        subject = as_object(item, "a subject of the statement")
        named = as_object(subject.get("digest"), "the digest of a subject")
        _note(digests, subject.get("name"), "sha256", named.get("sha256"))
    return digests


def _note(digests: dict[str, str], name: Json, algorithm: Json, digest: Json) -> None:
    if not isinstance(name, str) or algorithm != "sha256" or not isinstance(digest, str):
        raise InvalidInput(f"The statement names a file by {algorithm!r:.40}, not by SHA-256.")
    if not _SHA256.fullmatch(digest):
        raise InvalidInput(f"The statement has {digest!r:.80} for {name!r:.200}: no SHA-256.")
    if name in digests:
        raise InvalidInput(f"The statement names the file {name!r:.200} twice.")
    digests[name] = digest
