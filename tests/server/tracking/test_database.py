"""MLflow's database: where it is, how it is named, and whether there is anything in it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, text

from muniment.errors import ConfigurationError, Unavailable
from muniment.server.settings import Settings
from muniment.server.tracking import mount_of
from muniment.server.tracking.database import DATABASE, SqliteRuns, runs_database

from .conftest import Tracked

HOLD = """
import sys
from pathlib import Path
from muniment.server.tracking.database import SqliteRuns
with SqliteRuns(Path(sys.argv[1])).alone():
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("name", ["home", "with space", "100%", "ü", "a#b"])
def test_a_home_of_any_name_can_be_named(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    engine = create_engine(SqliteRuns(home / DATABASE).uri)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("CREATE TABLE runs (id INTEGER)")
    engine.dispose()
    assert (home / DATABASE).stat().st_size
    assert not SqliteRuns(home / DATABASE).holds_anything()


def test_a_home_that_no_uri_can_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MUNIMENT_MLFLOW_TRACKING"):
        SqliteRuns(tmp_path / "what?" / DATABASE)


def test_nothing_is_in_it_until_something_is_logged(tmp_path: Path) -> None:
    runs = SqliteRuns(tmp_path / DATABASE)
    assert not runs.holds_anything()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        for table in ("runs", "logged_models", "trace_info"):
            assert not runs.holds_anything()
            database.execute(f"CREATE TABLE {table} (id INTEGER)")
        assert not runs.holds_anything()
        database.execute("INSERT INTO logged_models VALUES (1)")
        database.commit()
    assert runs.holds_anything()


def test_a_run_is_seen_by_every_process(tracked: Tracked, tracker: httpx.Client) -> None:
    tracker.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    assert SqliteRuns(tracked.home / DATABASE).holds_anything()


def test_one_process_at_a_time_makes_the_tables(tmp_path: Path) -> None:
    runs = SqliteRuns(tmp_path / DATABASE)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / DATABASE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        with runs.alone():
            assert other.poll() is None
            other.stdin.write("\n")
            other.stdin.flush()
        assert other.stdout.readline() == "in\n"
        assert other.wait(timeout=60) == 0


def test_runs_lie_beside_the_models(tmp_path: Path) -> None:
    runs = runs_database(Settings(home=tmp_path))
    assert runs is not None
    assert runs.uri.startswith(f"sqlite:///{tmp_path / DATABASE}?")
    there = runs_database(Settings.model_validate({"database": f"sqlite:///{tmp_path}/a/b.db"}))
    assert there is not None
    assert there.shown == str(tmp_path / "a")


def test_mongodb_keeps_runs_only_elsewhere(tmp_path: Path) -> None:
    mongodb = {"database": "mongodb://db/models"}
    assert runs_database(Settings.model_validate(mongodb)) is None
    with pytest.raises(ConfigurationError, match="MUNIMENT_MLFLOW_DATABASE"):
        mount_of(Settings.model_validate({**mongodb, "mlflow_tracking": "on"}))
    elsewhere = {**mongodb, "mlflow_database": f"sqlite:///{tmp_path}/runs.db"}
    runs = runs_database(Settings.model_validate(elsewhere))
    assert runs is not None
    assert runs.shown == str(tmp_path)
    with pytest.raises(ValidationError, match="MLflow has no other way"):
        Settings.model_validate({"mlflow_database": "mongodb://db/runs"})


def test_in_postgresql_a_schema_keeps_runs_apart_from_models(postgres_url: str) -> None:
    asked = {"database": f"{postgres_url}?pool_size=4&application_name=a%20b"}
    runs = runs_database(Settings.model_validate(asked))
    assert runs is not None
    assert not runs.holds_anything()
    engine = create_engine(runs.uri)
    with runs.alone(), engine.begin() as connection:
        for table in ("runs", "logged_models", "trace_info"):
            connection.execute(text(f"CREATE TABLE {table} (id INTEGER)"))
        place = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'runs'"
        assert connection.execute(text(place)).scalars().all() == ["mlflow"]
        assert connection.execute(text("SHOW application_name")).scalar() == "a b"
    assert not runs.holds_anything()
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO trace_info VALUES (1)"))
    engine.dispose()
    assert runs.holds_anything()


def test_one_process_at_a_time_makes_the_tables_in_postgresql(postgres_url: str) -> None:
    runs = runs_database(Settings.model_validate({"database": postgres_url}))
    assert runs is not None
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with runs.alone():
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with runs.alone():
        inside.set()
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_a_database_for_runs_that_does_not_answer_is_named_without_its_password() -> None:
    told = {"mlflow_database": "postgresql://ada:hunter2@127.0.0.1:1/runs"}
    runs = runs_database(Settings.model_validate(told))
    assert runs is not None
    with pytest.raises(Unavailable) as refused:
        runs.holds_anything()
    assert "ada:***@127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in str(refused.value)
