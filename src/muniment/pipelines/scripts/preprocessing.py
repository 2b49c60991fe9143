"""Tabular preprocessing: split one table into what to train, to validate and to test with.

    input/data/TABLE                     one .csv or .parquet file
    output/train/train.csv               TRAIN_RATIO of the rows
    output/validation/validation.csv     what the others leave
    output/test/test.csv                 TEST_VAL_RATIO of the rest
    output/dataset.json                  {"file", "size", "digest", "rows", "columns", "label"}

Rows are drawn by RANDOM_SEED, so that the same table is split the same way again. A label of few
values (a class) keeps its shares in each part. The values of a CSV file stay as they are written.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
DATA = OPT_ML / "processing/input/data"
OUTPUT = OPT_ML / "processing/output"
MOST_CLASSES = 20
PIECE = 1024 * 1024


class Refused(Exception):
    """What was given is not as it must be."""


class CalledWrongly(Exception):
    """A variable is missing, or makes no sense."""


def split(
    table: pd.DataFrame, label: str, train_ratio: float, test_val_ratio: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Return the parts `train`, `validation` and `test` of a table."""
    from sklearn.model_selection import train_test_split

    test_share = (1 - train_ratio) * test_val_ratio
    shares = (train_ratio, test_share, 1 - train_ratio - test_share)
    if len(table) * min(shares) < 1:
        raise Refused(
            f"The table has {len(table)} rows; at TRAIN_RATIO {train_ratio} and TEST_VAL_RATIO "
            f"{test_val_ratio} one of its parts would be empty."
        )

    def classes(rows: pd.DataFrame) -> pd.Series | None:
        counts = table[label].value_counts()
        few = len(counts) <= MOST_CLASSES and counts.min() * min(shares) >= 1
        return rows[label] if few else None

    train, rest = train_test_split(
        table, train_size=train_ratio, random_state=seed, stratify=classes(table)
    )
    test, validation = train_test_split(
        rest, train_size=test_val_ratio, random_state=seed, stratify=classes(rest)
    )
    return {"train": train, "validation": validation, "test": test}


def read(folder: Path, label: str) -> tuple[Path, pd.DataFrame]:
    """Return the one table in a folder, and its file."""
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []
    tables = [file for file in files if file.suffix.lower() in (".csv", ".parquet")]
    if len(tables) != 1:
        names = ", ".join(file.name for file in files[:5]) or "nothing"
        raise Refused(f"{folder} must hold one .csv or .parquet file; it holds {names}.")
    file = tables[0]
    table = _csv(file) if file.suffix.lower() == ".csv" else _parquet(file)
    if label not in table.columns:
        columns = ", ".join(map(str, table.columns[:20]))
        raise Refused(f"{file.name} has no column {label!r}, the label; its columns are {columns}.")
    missing = int((table[label].isna() | (table[label].astype(str).str.strip() == "")).sum())
    if missing:
        raise Refused(f"{missing} rows of {file.name} have no {label!r}; each must have a label.")
    return file, table


def _csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    with file.open(newline="", encoding="utf-8-sig") as stream:
        header = next(csv.reader(stream), [])
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise Refused(f"{file.name} has the column {twice[0]!r} more than once.")
    return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _parquet(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(file)
    except ImportError:
        raise Refused(f"{file.name}: reading Parquet needs pyarrow: pip install pyarrow.") from None


def run(label: str, train_ratio: float, test_val_ratio: float, seed: int) -> dict[str, int]:
    """Split the table in `DATA` into `OUTPUT`; return how many rows each part has."""
    file, table = read(DATA, label)
    parts = split(table, label, train_ratio, test_val_ratio, seed)
    for name, part in parts.items():
        (OUTPUT / name).mkdir(parents=True, exist_ok=True)
        part.to_csv(OUTPUT / name / f"{name}.csv", index=False)
    described = {
        "file": file.name,
        "size": file.stat().st_size,
        "digest": f"sha256:{_digest(file)}",
        "rows": len(table),
        "columns": len(table.columns),
        "label": label,
    }
    (OUTPUT / "dataset.json").write_text(json.dumps(described, indent=2) + "\n", "utf-8")
    return {name: len(part) for name, part in parts.items()}


def _digest(file: Path) -> str:
    seen = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            seen.update(piece)
    return seen.hexdigest()


def _ratio(name: str) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise CalledWrongly(f"{name} is {text!r}; it must be a number between 0 and 1.")
    return value


def _settings() -> tuple[str, float, float, int]:
    label, seed = os.environ.get("LABEL_FIELD", ""), os.environ.get("RANDOM_SEED", "42")
    if not label:
        raise CalledWrongly("LABEL_FIELD is missing; it must name the column of the label.")
    if not seed.isdigit() or int(seed) >= 2**32:
        raise CalledWrongly(f"RANDOM_SEED is {seed!r}; it must be an integer below 2**32.")
    return label, _ratio("TRAIN_RATIO"), _ratio("TEST_VAL_RATIO"), int(seed)


def main() -> int:
    """Run the script; return its exit code."""
    try:
        rows = run(*_settings())
    except CalledWrongly as error:
        print(f"preprocessing: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except (Refused, OSError, ValueError) as error:  # pandas' refusals are ValueErrors
        print(f"preprocessing: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(", ".join(f"{name}: {count} rows" for name, count in rows.items()))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
