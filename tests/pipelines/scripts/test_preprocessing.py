"""Preprocessing: a table is split, and its values are left as they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from muniment.pipelines.scripts.preprocessing import Refused, read, split
from tests.pipelines.scripts.running import Container

GIVEN = {"LABEL_FIELD": "y", "TRAIN_RATIO": "0.7", "TEST_VAL_RATIO": "0.5"}
ROWS = [f'{n},"0{n}",{n % 4 == 0:d}' for n in range(200)]
TABLE = "\n".join(["n,code,y", *ROWS]) + "\n"


def parts(container: Container) -> dict[str, pd.DataFrame]:
    output = container.opt_ml / "processing/output"
    return {
        name: pd.read_csv(output / name / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("train", "validation", "test")
    }


def test_each_row_goes_to_one_part_unchanged(container: Container) -> None:
    file = container.folder("processing/input/data") / "t.csv"
    file.write_text(TABLE)
    done = container.run("preprocessing.py", **GIVEN)
    assert (done.returncode, done.stderr) == (0, "")
    found = parts(container)
    assert {name: len(part) for name, part in found.items()} == {
        "train": 140,
        "validation": 30,
        "test": 30,
    }
    rows = pd.concat(found.values()).sort_values("n", key=lambda column: column.astype(int))
    assert rows["code"].tolist() == [f"0{n}" for n in range(200)]  # text, not a number
    for part in found.values():
        assert abs((part["y"] == "1").mean() - 0.25) < 0.03  # classes keep their shares
    described = json.loads((container.opt_ml / "processing/output/dataset.json").read_text())
    assert described == {
        "file": "t.csv",
        "size": len(TABLE),
        "digest": f"sha256:{hashlib.sha256(TABLE.encode()).hexdigest()}",
        "rows": 200,
        "columns": 3,
        "label": "y",
    }


def test_a_table_is_split_the_same_way_again() -> None:
    table = pd.DataFrame({"n": range(100), "y": [0, 1] * 50})
    first, again = (split(table, "y", 0.6, 0.5, seed=1) for _ in range(2))
    other = split(table, "y", 0.6, 0.5, seed=2)
    assert first["train"].equals(again["train"])
    assert not first["train"].equals(other["train"])


def test_labels_of_many_values_are_split_too() -> None:
    table = pd.DataFrame({"y": [n / 7 for n in range(100)]})
    assert [len(part) for part in split(table, "y", 0.8, 0.5, seed=1).values()] == [80, 10, 10]


def test_a_class_that_is_too_rare_for_each_part_is_no_obstacle() -> None:
    table = pd.DataFrame({"y": [1] + [0] * 99})
    assert len(split(table, "y", 0.7, 0.5, seed=1)["train"]) == 70


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    pd.DataFrame({"y": [0, 1]}).to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path, "y")[1]["y"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "it holds nothing"),
        ({"a.csv": "y\n1\n", "b.csv": "y\n1\n"}, "it holds a.csv, b.csv"),
        ({"a.txt": "y\n1\n"}, "it holds a.txt"),
        ({"a.csv": "x,z\n1,2\n"}, "no column 'y', the label; its columns are x, z"),
        ({"a.csv": "x,y,x\n1,2,3\n"}, "the column 'x' more than once"),
        ({"a.csv": "x,y\n1,\n2,1\n3, \n"}, "2 rows of a.csv have no 'y'"),
    ],
)
def test_tables_that_are_none_are_refused(files: dict[str, str], said: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Refused, match=said):
        read(tmp_path, "y")


def test_a_table_that_is_too_small_is_refused() -> None:
    with pytest.raises(Refused, match="one of its parts would be empty"):
        split(pd.DataFrame({"y": [0, 1, 0]}), "y", 0.7, 0.5, seed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LABEL_FIELD", ""),
        ("TRAIN_RATIO", "1"),
        ("TRAIN_RATIO", "most"),
        ("TEST_VAL_RATIO", "0"),
        ("RANDOM_SEED", "-1"),
    ],
)
def test_variables_that_make_no_sense_are_named(
    name: str, value: str, container: Container
) -> None:
    done = container.run("preprocessing.py", **{**GIVEN, name: value})
    assert done.returncode == 2
    assert name in done.stderr


@pytest.mark.parametrize("data", [b"", b"y\n\xff\n", b'y\n"1'])
def test_what_is_no_csv_is_said_in_one_line(data: bytes, container: Container) -> None:
    (container.folder("processing/input/data") / "t.csv").write_bytes(data)
    done = container.run("preprocessing.py", **GIVEN)
    assert done.returncode == 1
    assert done.stderr.startswith("preprocessing: ")
    assert "Traceback" not in done.stderr
