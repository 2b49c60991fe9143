"""How PostgreSQL is connected to: the URL, what is set on every connection, and their pool.

    postgresql://role:password@host:port/name?pool_size=16&sslmode=verify-full&…

All of it but `pool_size` is for PostgreSQL's own library, which knows more: several hosts,
certificates, `passfile`, `service`, and `options=-c name=value` for any setting of a session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine

from muniment.errors import ConfigurationError
from muniment.storage.sql.postgres_text import adapters

WAIT_SECONDS: Final = 30.0
"""How long a lock, or a free connection, is waited for."""
POOL_SIZE: Final = 16
_STATEMENT_SECONDS: Final = 120.0
_OLDEST: Final = 140_000
_PREPARED: Final = 400  # statements that a connection keeps; ours, and some of searches
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "fallback_application_name": "muniment",
    # A server that is gone without a word is noticed in half a minute, not in hours.
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SESSION: Final = {
    "lock_timeout": f"{WAIT_SECONDS:.0f}s",
    "statement_timeout": f"{_STATEMENT_SECONDS:.0f}s",
    "jit": "off",  # our statements take less time than it does
    # Likewise a client: it may hold locks.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Which database, read from a URL."""

    conninfo: str
    where: str
    pool_size: int

    def __repr__(self) -> str:
        return f"Target({self.where})"  # the rest may hold a password


def target_of(url: str) -> Target:
    """Read a URL. Raises ConfigurationError, which doesn't repeat it: it may hold a password."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres") or not rest:
        raise _unreadable()
    try:
        parts = urlsplit(url)
        pool_size, kept = POOL_SIZE, []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name == "pool_size":
                pool_size = _size(value)
            else:
                kept.append((name, value))
        plain = parts._replace(query=urlencode(kept).replace("+", "%20")).geturl()
        known = {name: str(value) for name, value in conninfo_to_dict(plain).items()}
    except (ValueError, psycopg.ProgrammingError):
        raise _unreadable() from None
    ours = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    options = f"{ours} {known.pop('options', '')}".strip()
    name = known.get("dbname", known.get("user", "of the role's name"))
    conninfo = make_conninfo(
        "", **{**_DEFAULTS, **known, "options": options, "client_encoding": "UTF8"}
    )
    return Target(conninfo, f"{name:.100} on {_servers(known)}", pool_size)


def _servers(known: Mapping[str, str]) -> str:
    """Return the servers as host:port, …; what can't be one may be a piece of a password."""
    hosts = known.get("host", known.get("hostaddr", "the local socket")).split(",")
    ports = known.get("port", "").split(",")
    ports = [port or "5432" for port in (ports * len(hosts) if len(ports) == 1 else ports)]
    if len(ports) != len(hosts) or not all(map(str.isdecimal, ports)) or "@" in "".join(hosts):
        raise _unreadable()
    return ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))


def _size(value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise ConfigurationError(
            f"pool_size={value!r:.40} in the database's URL is no number of connections.",
            hint=f"Write a number from 1 to 9999, or leave it out ({POOL_SIZE}).",
        )
    return int(value)


def _unreadable() -> ConfigurationError:
    return ConfigurationError(
        "The database's URL can't be read as one of PostgreSQL.",
        hint="Write postgresql://role:password@host:port/name, with special characters in role"
        " and password as %XX.",
    )


def pool(target: Target) -> SqlEngine:
    """Return the pool of connections to a database; they are opened when they are needed."""
    ours = adapters()

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(target.conninfo, autocommit=True, context=ours)
        try:
            _check(connection, target.where)
        except ConfigurationError:
            connection.close()
            raise
        connection.prepare_threshold = 1  # what comes a second time, comes again
        connection.prepared_max = _PREPARED
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=target.pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        pool_use_lifo=True,
        pool_reset_on_return=None,  # whoever begins a transaction ends it
        isolation_level="AUTOCOMMIT",  # likewise
        use_native_hstore=False,
    )


def _check(connection: psycopg.Connection, where: str) -> None:
    version = connection.info.server_version
    if version < _OLDEST:
        raise ConfigurationError(
            f"The server of {where} is PostgreSQL {version // 10_000}; Muniment needs 14 or newer.",
            hint="Upgrade the server.",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database {where} has the encoding {encoding}; Muniment needs UTF8.",
            hint="Create it with: createdb --encoding=UTF8 --template=template0 NAME.",
        )
