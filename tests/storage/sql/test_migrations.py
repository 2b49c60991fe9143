"""The schema and its history; who may open what. More of it, on every database: `test_upgrades`."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from muniment.domain.values import to_millis
from muniment.errors import ConfigurationError
from muniment.storage.sql import migrations
from muniment.storage.sql.sqlite import _connect, _database, open_sqlite


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )


def test_an_older_database_learns_what_its_history_says(path: Path) -> None:
    at = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
    with sqlite3.connect(path) as database:
        old = _connect(_database(path))
        old.driver.execute("BEGIN IMMEDIATE")
        migrations.migrate(old.core, "0004")
        old.driver.execute("COMMIT")
        old.core.close()
        database.executescript(
            """
            INSERT INTO workspaces VALUES (7, 'w', 'default', 0);
            INSERT INTO models (id, uuid, workspace_id, name, slug, created_at, updated_at,
                created_by, description, tags, aliases, last_number, version_count,
                activity_count, activity_head, revision)
            VALUES (5, 'm', 7, 'm', 'm', 0, 0, 'ann', '', '{}', '{}', 3, 3, 3, 'x', 1);
            """
        )
        for number, stage in enumerate(["Production", "None", "Archived"], start=1):
            database.execute(
                "INSERT INTO versions (uuid, workspace_id, model_id, number, created_at,"
                " updated_at, created_by, status, status_message, stage, stage_key, description,"
                " tags, params, metrics, framework, source_uri, run_id, run_link, size,"
                " file_count, aliases, revision) VALUES (?, 7, 5, ?, 0, ?, 'ann', 'READY', '',"
                " ?, ?, '', '{}', '{}', '{}', '', '', '', '', 0, 0, '[]', 1)",
                (f"v{number}", number, to_millis(at[2]), stage, stage.lower()),
            )
        for sequence, (number, time) in enumerate([(1, at[0]), (1, at[1]), (2, at[1])], start=1):
            database.execute(
                "INSERT INTO activities (model_id, sequence, kind, actor, at, version, comment,"
                " details, previous, hash) VALUES (5, ?, 'stage.changed', 'ann', ?, ?, '', '{}',"
                " '', '')",
                (sequence, to_millis(time), number),
            )
    with closing(open_sqlite(path)) as store:
        versions = [store.version("default", "m", number) for number in (1, 2, 3)]
        since = [version and version.stage_since for version in versions]
        assert since == [at[1], None, at[2]]  # the last one has no history: since it was changed
        happened = store.happened("default", limit=10)
        assert [(h.model_id, h.activity.sequence) for h in happened] == [(5, 3), (5, 2), (5, 1)]


def test_the_revisions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    in_order = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    assert tuple(in_order) == migrations.REVISIONS
    assert scripts.get_current_head() == migrations.HEAD


def test_opening_makes_folders_and_does_not_load_alembic(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from muniment.storage.sql.sqlite import open_sqlite
        for _ in range(2):
            open_sqlite(Path(sys.argv[1])).close()
        print("alembic" in sys.modules)
    """
    process = run(code, str(tmp_path / "a" / "b" / "muniment.db"))
    assert process.communicate()[0] == "False\n"
    assert (tmp_path / "a" / "b" / "muniment.db").exists()


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE customers (id)")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"another program.*customers"):
        open_sqlite(path)
    assert path.read_bytes() == before


def test_processes_that_open_a_new_folder_at_once_all_succeed(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from muniment.domain.values import utcnow
        from muniment.storage.sql.sqlite import open_sqlite
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(10):
            store = open_sqlite(Path(sys.argv[1]) / str(n) / "muniment.db")
            print(store.ensure_workspace("default", utcnow()).id)
            store.close()
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate()
        assert process.returncode == 0
        assert out == "1\n" * 10
