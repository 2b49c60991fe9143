"""Payload: which fields a request has, and what they hold."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from muniment.pipelines.scripts.payload import (
    Refused,
    Values,
    fields_of,
    read_model,
    requests,
)
from tests.pipelines.archives import bomb, names_in, of_members, read_from, tar_gz
from tests.pipelines.scripts.running import Container

GIVEN = {
    "CONTENT_TYPES": "text/csv,application/json",
    "DEFAULT_NUMERIC_VALUE": "0.0",
    "DEFAULT_TEXT_VALUE": "DEFAULT_TEXT",
}
HYPERPARAMETERS = {
    "tab_field_list": ["amount", "age", "is_fraud"],
    "cat_field_list": ["country", "order_id"],
    "label_name": "is_fraud",
    "id_name": "order_id",
}


def put_model(container: Container, **more: bytes) -> None:
    files = {"hyperparameters.json": json.dumps(HYPERPARAMETERS).encode(), **more}
    tar_gz(container.folder("processing/input/model") / "model.tar.gz", files)


def put_config(container: Container, document: object) -> None:
    (container.folder("processing/config/config") / "config.json").write_text(json.dumps(document))


def made(container: Container, name: str) -> bytes:
    return read_from(container.opt_ml / "processing/output/payload.tar.gz", name)


def test_fields_come_from_the_model_less_label_and_id(container: Container) -> None:
    put_model(container)
    done = container.run("payload.py", **GIVEN)
    assert (done.returncode, done.stderr) == (0, "")
    archive = container.opt_ml / "processing/output/payload.tar.gz"
    assert names_in(archive) == ["payload_application_json_1.json", "payload_text_csv_0.csv"]
    assert made(container, "payload_text_csv_0.csv") == b"0.0,0.0,DEFAULT_TEXT\n"
    assert json.loads(made(container, "payload_application_json_1.json")) == {
        "amount": 0.0,
        "age": 0.0,
        "country": "DEFAULT_TEXT",
    }


def test_configured_variables_come_before_those_of_the_model(container: Container) -> None:
    put_model(container)
    load_test = {"expected_tps": 2, "max_acceptable_error_rate": 0.2}
    put_config(
        container, {"input_variables": {"b": "TEXT", "a": "NUMERIC"}, "load_test": load_test}
    )
    assert container.run("payload.py", **GIVEN).returncode == 0
    assert made(container, "payload_text_csv_0.csv") == b"DEFAULT_TEXT,0.0\n"
    output = container.opt_ml / "processing/output"
    assert json.loads((output / "load_test.json").read_text()) == load_test


def test_a_row_follows_the_models_columns(container: Container) -> None:
    put_model(container, **{"feature_columns.txt": b"country\nage\namount\n"})
    values = {"FIELD_DEFAULTS": '{"age": 7, "amount": "1.5"}'}
    assert container.run("payload.py", **GIVEN, **values).returncode == 0
    assert made(container, "payload_text_csv_0.csv") == b"DEFAULT_TEXT,7.0,1.5\n"


def test_special_fields_win_and_know_the_time(container: Container) -> None:
    put_model(container)
    done = container.run(
        "payload.py",
        **GIVEN,
        FIELD_DEFAULTS='{"country": "DE", "age": 3}',
        SPECIAL_FIELD_country="at {timestamp}",
        SPECIAL_FIELD_age="42",
    )
    assert done.returncode == 0
    found = json.loads(made(container, "payload_application_json_1.json"))
    assert found["age"] == 42.0
    assert found["country"][:5] == "at 20"
    assert found["country"].endswith("Z")


def test_a_custom_payload_is_taken_as_it_is(container: Container) -> None:
    (container.folder("processing/input/custom_payload") / "mine.csv").write_bytes(b"1,2\n")
    assert container.run("payload.py", **GIVEN).returncode == 0
    assert made(container, "mine.csv") == b"1,2\n"


def test_a_custom_payload_must_be_flat(container: Container) -> None:
    container.folder("processing/input/custom_payload/folder")
    done = container.run("payload.py", **GIVEN)
    assert done.returncode == 1
    assert "is flat" in done.stderr


def test_the_same_inputs_make_the_same_bytes(container: Container) -> None:
    put_model(container)
    archive = container.opt_ml / "processing/output/payload.tar.gz"
    found = []
    for _ in range(2):
        assert container.run("payload.py", **GIVEN).returncode == 0
        found.append(archive.read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTENT_TYPES", "text/html"),
        ("CONTENT_TYPES", ""),
        ("DEFAULT_NUMERIC_VALUE", "much"),
        ("DEFAULT_NUMERIC_VALUE", "nan"),
        ("FIELD_DEFAULTS", "{"),
        ("FIELD_DEFAULTS", "[]"),
    ],
)
def test_variables_that_make_no_sense_are_named(
    name: str, value: str, container: Container
) -> None:
    put_model(container)
    done = container.run("payload.py", **{**GIVEN, name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert not (container.opt_ml / "processing/output").exists()


def test_a_numeric_field_holds_a_number() -> None:
    values = Values.of({"SPECIAL_FIELD_age": "at {timestamp}"})
    with pytest.raises(Refused, match="'age' is NUMERIC, but its value is 'at 20"):
        requests({"age": "NUMERIC"}, values, ["text/csv"])


def test_json_alone_is_number_zero() -> None:
    assert list(requests({"a": "TEXT"}, Values.of({}), ["application/json"])) == [
        "payload_application_json_0.json"
    ]


def test_a_csv_value_with_a_comma_is_quoted() -> None:
    values = Values.of({"FIELD_DEFAULTS": '{"a": "x, \\"y\\""}'})
    assert requests({"a": "TEXT"}, values, ["text/csv"]) == {
        "payload_text_csv_0.csv": b'"x, ""y"""\n'
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no hyperparameters.json"),
        ({"hyperparameters.json": b"{"}, "no JSON"),
        ({"hyperparameters.json": b"[]"}, "one JSON object"),
        ({"hyperparameters.json": b"\xff"}, "no text in UTF-8"),
        ({"hyperparameters.json": b"{}"}, "names no fields"),
        ({"hyperparameters.json": b'{"tab_field_list": "a"}'}, "list of names"),
        (
            {"hyperparameters.json": b'{"tab_field_list": ["a"]}', "feature_columns.txt": b"b\n"},
            "'b', which is no input variable",
        ),
    ],
)
def test_models_that_name_no_fields_are_refused(
    files: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(Refused, match=said):
        fields_of({}, tmp_path)


def test_a_type_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="'DATE'; it must be NUMERIC or TEXT"):
        fields_of({"a": "DATE"}, tmp_path)


def test_broken_and_hostile_archives_are_refused(tmp_path: Path) -> None:
    wanted = ("hyperparameters.json",)
    archive = tmp_path / "model" / "model.tar.gz"
    tar_gz(archive, {"hyperparameters.json": os.urandom(50_000)})
    archive.write_bytes(archive.read_bytes()[:-20_000])
    with pytest.raises(Refused, match="is broken"):
        read_model(archive.parent, wanted)
    of_members(archive, ("hyperparameters.json", tarfile.SYMTYPE, b""))
    with pytest.raises(Refused, match="once, as a file"):
        read_model(archive.parent, wanted)
    file = ("hyperparameters.json", tarfile.REGTYPE, b"{}")
    of_members(archive, file, file)
    with pytest.raises(Refused, match="once, as a file"):
        read_model(archive.parent, wanted)
    bomb(archive, 200 * 1024**2)
    with pytest.raises(Refused, match="far more than it weighs"):
        read_model(archive.parent, wanted)
