"""How settings are shown: as the environment would hold them, and without their secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import SecretStr

from muniment.server.setting_values import SECONDS
from muniment.storage.places import shown_url

URLS: Final = frozenset({"database", "mlflow_database"})
"""Settings that hold a URL with, perhaps, a password in it; all but that is shown."""

SECRETS: Final = URLS | {"mlflow_ingest_token", "oidc_client_secret", "s3_secret_access_key"}
"""Settings that may also be given as the path of a file, by their variable's name and `_FILE`."""

MASK: Final = "********"
"""What is shown of a secret."""


def as_text(name: str, value: object) -> str:
    """Write a value as the environment would hold it."""
    if isinstance(value, int) and name.endswith("_bytes"):
        return _size_text(value)
    if isinstance(value, timedelta):
        return _duration_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, SecretStr):
        return masked(name, value.get_secret_value())
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else masked(name, value)


def masked(name: str, value: object) -> str:
    """Return what is shown of a value that somebody has set."""
    if name in SECRETS - URLS:
        return MASK
    return shown_url(value) if isinstance(value, str) else MASK if name in URLS else str(value)


def _duration_text(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit in "wdhm":
        if seconds and seconds % SECONDS[unit] == 0:
            return f"{seconds // SECONDS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


def _size_text(value: int) -> str:
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value % 1024**power == 0:
            return f"{value // 1024**power}{unit}"
    return str(value)
