"""MLflow's database in a home: how it is named, and whether there is anything in it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from muniment.errors import ConfigurationError
from muniment.server.tracking.database import DATABASE, alone, holds_anything, store_uri

from .conftest import Tracked

HOLD = """
import sys
from pathlib import Path
from muniment.server.tracking.database import alone
with alone(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("name", ["home", "with space", "100%", "ü", "a#b"])
def test_a_home_of_any_name_can_be_named(tmp_path: Path, name: str) -> None:
    from sqlalchemy import create_engine

    home = tmp_path / name
    home.mkdir()
    engine = create_engine(store_uri(home))
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("CREATE TABLE runs (id INTEGER)")
    engine.dispose()
    assert (home / DATABASE).stat().st_size
    assert not holds_anything(home)


def test_a_home_that_no_uri_can_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MUNIMENT_MLFLOW_TRACKING"):
        store_uri(tmp_path / "what?")


def test_nothing_is_in_it_until_something_is_logged(tmp_path: Path) -> None:
    assert not holds_anything(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        for table in ("runs", "logged_models", "trace_info"):
            assert not holds_anything(tmp_path)
            database.execute(f"CREATE TABLE {table} (id INTEGER)")
        assert not holds_anything(tmp_path)
        database.execute("INSERT INTO logged_models VALUES (1)")
        database.commit()
    assert holds_anything(tmp_path)


def test_a_run_is_seen_by_every_process(tracked: Tracked, tracker: httpx.Client) -> None:
    tracker.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    assert holds_anything(tracked.home)


def test_one_process_at_a_time_makes_the_tables(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        with alone(tmp_path):
            assert other.poll() is None
            other.stdin.write("\n")
            other.stdin.flush()
        assert other.stdout.readline() == "in\n"
        assert other.wait(timeout=60) == 0
