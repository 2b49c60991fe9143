"""Asking a server as MLflow would: with the same credentials, and the same trust in certificates.

over http(s)://           MLFLOW_TRACKING_TOKEN, or …_USERNAME and …_PASSWORD, else
                          ~/.mlflow/credentials
over muniment+http(s)://  MUNIMENT_TOKEN, or …_USERNAME and …_PASSWORD, else the same
"""

from __future__ import annotations

import configparser
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from muniment._version import __version__
from muniment.client.credentials import Credentials, credentials_for
from muniment.errors import ConfigurationError

_TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0)  # the first look at runs opens their database
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Sign:
    """What shows who calls, and what it was taken from."""

    credentials: Credentials | None
    source: str


NOBODY: Final = Sign(None, "")


def sign_for(url: str, *, with_plugin: bool) -> Sign:
    """Return what MLflow would send to `url`."""
    own = credentials_for(url) if with_plugin else None
    if own is not None:
        return Sign(own, "MUNIMENT_TOKEN, or MUNIMENT_USERNAME and MUNIMENT_PASSWORD")
    name, password, source = _name_and_password()
    if name and password:  # they count before a token in MLflow's client
        return Sign(Credentials.of_password(name, password), source)
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return Sign(Credentials.of_token(token), "MLFLOW_TRACKING_TOKEN")
    return NOBODY


def client_for(url: str, sign: Sign) -> httpx.Client:
    """Return a client of the server; redirects are not followed, so that they show."""
    headers = {"User-Agent": f"muniment-doctor/{__version__}"}
    if sign.credentials is not None:
        headers["Authorization"] = sign.credentials.header
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=_TIMEOUT,
        verify=_trust(),
        trust_env=urlsplit(url).hostname not in _LOOPBACK,
    )


def _name_and_password() -> tuple[str, str, str]:
    name = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if name and password:
        return name, password, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    kept = configparser.ConfigParser(interpolation=None)
    kept.read(Path("~/.mlflow/credentials").expanduser())
    name = name or kept.get("mlflow", "mlflow_tracking_username", fallback="")
    password = password or kept.get("mlflow", "mlflow_tracking_password", fallback="")
    return name, password, "~/.mlflow/credentials"


def _trust() -> ssl.SSLContext | bool:
    """Return whose certificates are believed, as MLflow's variables say."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    if bundle := os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"):
        try:
            return ssl.create_default_context(cafile=bundle)
        except OSError as error:
            raise ConfigurationError(
                f"MLFLOW_TRACKING_SERVER_CERT_PATH: {bundle!r:.200} can't be read: {error}."
            ) from error
    return True
