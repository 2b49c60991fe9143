"""A real PostgreSQL, and databases of one's own in it.

`MUNIMENT_TEST_POSTGRES_URL` names a server to use, by a role that may create databases. Else one
is started on a free port of the loopback, by the newest `initdb` and `postgres` that are found; it
doesn't wait for the disk. A database is a copy of a template that has its tables already.

Run as a module, this is the server's keeper: see `shared`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.parts.shared import keep, shared

TEMPLATE: Final = "muniment_template"
MISSING: Final = (
    "PostgreSQL 14 or newer is not installed (Debian: apt-get install postgresql; any other: put"
    " initdb and postgres on the PATH, or set MUNIMENT_TEST_POSTGRES_URL)"
)
_LOCK: Final = 5_432_001
"""Of whoever makes the template."""
_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


# -- the server ----------------------------------------------------------------------------------


def server_url() -> str:
    """Return the URL of the server's database `postgres`; skip the test if there is no server."""
    given = os.environ.get("MUNIMENT_TEST_POSTGRES_URL")
    if given:
        return given
    if _programs() is None:
        pytest.skip(MISSING)
    return shared("postgres", ["tests.parts.postgres"])


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: int(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def start(
    data: Path, settings: Mapping[str, str] = _SETTINGS
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server with its data in the new folder `data`; return it and its URL.

    Raises:
        LookupError: PostgreSQL is not installed.
    """
    import psycopg

    programs = _programs()
    if programs is None:
        raise LookupError(MISSING)
    data.mkdir(mode=0o700)
    user = _user()
    if user is not None:
        shutil.chown(data, user)
    initdb = f"{programs}/initdb -U postgres -A trust -E UTF8 --locale=C --no-sync -D".split()
    quiet = subprocess.DEVNULL
    subprocess.run([*initdb, data], user=user, check=True, cwd="/", stdout=quiet)
    port = _free_port()
    options = [f"--{name}={value}" for name, value in {**settings, "port": str(port)}.items()]
    server = subprocess.Popen([programs / "postgres", "-D", data, *options], user=user, cwd="/")
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    while True:
        try:
            psycopg.connect(url).close()
            return server, url
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise
            time.sleep(0.02)


def _user() -> str | None:
    """Return whom to start the server as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- databases -----------------------------------------------------------------------------------


def create_database(name: str = "", *, template: str | None = TEMPLATE) -> str:
    """Make a database, empty or (by the template) with its tables; return its URL."""
    import psycopg

    name = name or f"t_{uuid4().hex[:20]}"
    server = server_url()
    if template is not None:
        _make_template(server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}".encode())
    return _url_of(name, server)


def drop_database(url: str) -> None:
    """Remove a database, whoever is connected to it."""
    import psycopg

    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def database_at(path: Path) -> str:
    """Return the URL of the database that stands for `path`, made if need be.

    Other processes are told by a file at that path. The fixtures below drop it.
    """
    if not path.exists():
        url = create_database("p_" + hashlib.sha256(str(path).encode()).hexdigest()[:20])
        path.write_text(url)
        _made.append(url)
    return path.read_text()


_made: list[str] = []


def _make_template(server: str) -> None:
    """Make the template unless it is there; whoever else wants to waits."""
    import psycopg

    from muniment.storage.sql.postgres import open_postgres

    global _template_of
    if _template_of == server:
        return
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        made = "SELECT 1 FROM pg_database WHERE datname = %s AND NOT datallowconn"
        if connection.execute(made, [TEMPLATE]).fetchone() is None:
            connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0".encode())
            open_postgres(_url_of(TEMPLATE, server)).close()
            connection.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false".encode())
    _template_of = server


_template_of = ""


def _url_of(name: str, server: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of the server's own database."""
    yield server_url()
    _drop_since(0)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """Yield the same URL; the databases that `database_at` makes in the test go when it ends."""
    before = len(_made)
    yield postgres_server
    _drop_since(before)


def _drop_since(count: int) -> None:
    while len(_made) > count:
        drop_database(_made.pop())


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Yield the URL of a new database that has all tables and no rows."""
    url = create_database()
    yield url
    drop_database(url)


@pytest.fixture
def empty_postgres_url() -> Iterator[str]:
    """Yield the URL of a new database without any table."""
    url = create_database(template=None)
    yield url
    drop_database(url)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), start, end_by=signal.SIGQUIT)
