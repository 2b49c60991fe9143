"""Payload: example requests, one per content type, that the model can be tried with.

    input/model                model.tar.gz, or its files: they name the fields if nothing else does
    input/custom_payload       payload files of your own, to be taken instead, if there are any
    config/config/config.json  {"input_variables": {"amount": "NUMERIC", …}, "load_test": {…}}

    output/payload.tar.gz      flat: payload_text_csv_0.csv (one row, no header),
                               payload_application_json_1.json (one object)
    output/load_test.json      what a load test of the model should know

Without input variables, the fields are those of the model's hyperparameters.json: tab_field_list
are NUMERIC, cat_field_list TEXT, less label_name and id_name. A row follows feature_columns.txt
where the model has one. What a field holds is said by, first to last

    SPECIAL_FIELD_<name>                         {timestamp} in it is the time, in UTC
    FIELD_DEFAULTS                               JSON: {"<name>": value}
    DEFAULT_NUMERIC_VALUE, DEFAULT_TEXT_VALUE    by its type

and CONTENT_TYPES says which requests are made, with commas between.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import sys
import tarfile
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
MODEL = OPT_ML / "processing/input/model"
CUSTOM = OPT_ML / "processing/input/custom_payload"
CONFIG = OPT_ML / "processing/config/config/config.json"
OUTPUT = OPT_ML / "processing/output"

PAYLOAD = "payload.tar.gz"
LOAD_TEST = "load_test.json"
SUFFIXES = {"text/csv": "csv", "application/json": "json"}
HYPERPARAMETERS, COLUMNS = "hyperparameters.json", "feature_columns.txt"
LARGEST = 10 * 1024**2  # bytes of a file that is read whole
LEAST_LIMIT, RATIO = 100 * 1024**2, 100  # what an archive may unpack to: bytes, times its size


class Refused(Exception):
    """What was given is not as it must be."""


class CalledWrongly(Exception):
    """A variable is missing, or makes no sense."""


@dataclass(frozen=True)
class Values:
    """What fields hold."""

    numeric: float
    text: str
    defaults: Mapping[str, Any]
    special: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Values:
        """Read them from variables. Raises CalledWrongly."""
        given = environment.get("DEFAULT_NUMERIC_VALUE", "0.0")
        numeric = _number(given)
        if numeric is None:
            raise CalledWrongly(f"DEFAULT_NUMERIC_VALUE is {given!r}; it must be a number.")
        try:
            defaults = json.loads(environment.get("FIELD_DEFAULTS") or "{}")
        except ValueError as error:
            raise CalledWrongly(f"FIELD_DEFAULTS is no JSON: {error}") from error
        if not isinstance(defaults, dict):
            raise CalledWrongly("FIELD_DEFAULTS must be one JSON object.")
        prefix = "SPECIAL_FIELD_"
        special = {k[len(prefix) :]: v for k, v in environment.items() if k.startswith(prefix)}
        text = environment.get("DEFAULT_TEXT_VALUE", "DEFAULT_TEXT")
        return cls(numeric, text, defaults, special)

    def of_field(self, name: str, kind: str) -> float | str:
        """Return what a field of a kind, NUMERIC or TEXT, holds. Raises Refused."""
        value: Any = self.numeric if kind == "NUMERIC" else self.text
        value = self.defaults.get(name, value)
        if name in self.special:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            value = self.special[name].replace("{timestamp}", now)
        if kind == "TEXT":
            return str(value)
        number = _number(value)
        if number is None:
            raise Refused(f"The field {name!r} is NUMERIC, but its value is {value!r:.80}.")
        return number


def fields_of(variables: Mapping[str, str], model: Path) -> dict[str, str]:
    """Return the fields of a request and their types, in order. Raises Refused."""
    files = read_model(model, (HYPERPARAMETERS, COLUMNS))
    fields = dict(variables) or _fields_of_model(files.get(HYPERPARAMETERS))
    for name, kind in fields.items():
        if kind not in ("NUMERIC", "TEXT"):
            raise Refused(f"The type of {name!r} is {kind!r}; it must be NUMERIC or TEXT.")
    if COLUMNS not in files:
        return fields
    columns = [line.strip() for line in _text(COLUMNS, files[COLUMNS]).splitlines() if line.strip()]
    if unknown := [name for name in columns if name not in fields]:
        raise Refused(f"{COLUMNS} of the model has {unknown[0]!r}, which is no input variable.")
    ordered = [*columns, *(name for name in fields if name not in columns)]
    return {name: fields[name] for name in ordered}


def _fields_of_model(hyperparameters: bytes | None) -> dict[str, str]:
    if hyperparameters is None:
        raise Refused(f"There are no input variables, and the model has no {HYPERPARAMETERS}.")
    known = _object(HYPERPARAMETERS, _text(HYPERPARAMETERS, hyperparameters))
    hidden = {known.get("label_name"), known.get("id_name")}
    fields: dict[str, str] = {}
    for key, kind in (("tab_field_list", "NUMERIC"), ("cat_field_list", "TEXT")):
        listed = known.get(key, [])
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise Refused(f"{key} in {HYPERPARAMETERS} must be a list of names.")
        fields.update((name, kind) for name in listed if name not in hidden)
    if not fields:
        raise Refused(f"{HYPERPARAMETERS} names no fields: tab_field_list, cat_field_list.")
    return fields


def read_model(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return files at the root of a model, a folder with either files or one .tar.gz of them."""
    files = sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []
    if len(files) == 1 and files[0].name.endswith((".tar.gz", ".tgz")):
        return _read_archive(files[0], names)
    return {file.name: _limited(file.name, file) for file in files if file.name in names}


def _limited(name: str, file: Path) -> bytes:
    if file.stat().st_size > LARGEST:
        raise Refused(f"{name} of the model has more than {LARGEST} bytes.")
    return file.read_bytes()


class _Unpacked:
    """The bytes of a .tar.gz, unpacked, but no more than it may come to."""

    def __init__(self, stream: io.BufferedIOBase, archive: Path) -> None:
        self._stream, self._name = stream, archive.name
        self._left = max(LEAST_LIMIT, RATIO * archive.stat().st_size)

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"{self._name} unpacks to far more than it weighs.")
        return data


def _read_archive(archive: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return some files of an archive; nothing of it is written anywhere."""
    found: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as stream:
            unpacked = _Unpacked(stream, archive)
            with tarfile.open(fileobj=unpacked, mode="r|") as tar:  # type: ignore[call-overload]
                for member in tar:
                    path = member.name[2:] if member.name.startswith("./") else member.name
                    if path not in names:
                        continue
                    if not member.isreg() or path in found or member.size > LARGEST:
                        raise Refused(
                            f"{path} in {archive.name} must be there once, as a file of up to "
                            f"{LARGEST} bytes."
                        )
                    found[path] = tar.extractfile(member).read()
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise Refused(f"{archive.name} is broken, or no .tar.gz: {error}") from error
    return found


def requests(fields: Mapping[str, str], values: Values, types: Sequence[str]) -> dict[str, bytes]:
    """Return example requests by file name."""
    held = {name: values.of_field(name, kind) for name, kind in fields.items()}
    made: dict[str, bytes] = {}
    for number, content_type in enumerate(types):
        name = f"payload_{content_type.replace('/', '_')}_{number}.{SUFFIXES[content_type]}"
        if content_type == "text/csv":
            row = io.StringIO()
            csv.writer(row, lineterminator="\n").writerow(held.values())
            made[name] = row.getvalue().encode()
        else:
            made[name] = (json.dumps(held, ensure_ascii=False) + "\n").encode()
    return made


def custom_requests(folder: Path) -> dict[str, bytes]:
    """Return payload files of one's own by name. Raises Refused."""
    made: dict[str, bytes] = {}
    for file in sorted(folder.iterdir()):
        if file.is_symlink() or not file.is_file():
            raise Refused(f"{file.name!r} of the custom payload is no file; the archive is flat.")
        made[file.name] = _limited(file.name, file)
    return made


def pack(files: Mapping[str, bytes], archive: Path) -> None:
    """Write files to a .tar.gz; the same files make the same bytes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            tar.addfile(member, io.BytesIO(files[name]))


def run(environment: Mapping[str, str]) -> list[str]:
    """Write `OUTPUT`; return the names in the archive."""
    types = [part.strip() for part in environment.get("CONTENT_TYPES", "").split(",") if part]
    if not types or not set(types) <= set(SUFFIXES):
        raise CalledWrongly(
            f"CONTENT_TYPES is {environment.get('CONTENT_TYPES', '')!r}; "
            f"it must list {' or '.join(SUFFIXES)}, with commas between."
        )
    values = Values.of(environment)
    config = _object(CONFIG.name, CONFIG.read_text("utf-8")) if CONFIG.is_file() else {}
    if CUSTOM.is_dir() and any(CUSTOM.iterdir()):
        made = custom_requests(CUSTOM)
    else:
        made = requests(fields_of(config.get("input_variables") or {}, MODEL), values, types)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    pack(made, OUTPUT / PAYLOAD)
    if load_test := config.get("load_test"):
        (OUTPUT / LOAD_TEST).write_text(json.dumps(load_test, indent=2) + "\n", "utf-8")
    return sorted(made)


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Refused(f"{name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refused(f"{name} must hold one JSON object.")
    return value


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{name} of the model is no text in UTF-8.") from None


def _number(value: object) -> float | None:
    """A finite number, if it is one."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def main() -> int:
    """Run the script; return its exit code."""
    try:
        names = run(os.environ)
    except CalledWrongly as error:
        print(f"payload: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except (Refused, OSError) as error:
        print(f"payload: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{PAYLOAD}: {', '.join(names)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
