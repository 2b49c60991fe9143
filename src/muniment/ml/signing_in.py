"""Who calls, for MLflow's requests and for ours: the same credentials for both.

    MUNIMENT_TOKEN, MUNIMENT_USERNAME and MUNIMENT_PASSWORD    if they are for this server
    MLFLOW_TRACKING_TOKEN, …_USERNAME and …_PASSWORD           else, as MLflow finds them

They are looked up for every call, so that a token which was renewed is used.
"""

from __future__ import annotations

import atexit
import base64
import os
from functools import lru_cache

from mlflow.tracking._model_registry.utils import get_default_host_creds
from mlflow.utils.rest_utils import MlflowHostCreds

from muniment.client.credentials import credentials_for
from muniment.client.registry import Registry
from muniment.connecting import connect
from muniment.domain.entities import DEFAULT_WORKSPACE


def host_credentials(server: str) -> MlflowHostCreds:
    """Return what MLflow sends to `server`: its address and the caller's credentials."""
    found = get_default_host_creds(server)
    if (own := credentials_for(server)) is not None:
        scheme, _, secret = own.header.partition(" ")
        found.username = found.password = found.token = None
        if scheme == "Bearer":
            found.token = secret
        else:
            name, _, password = base64.b64decode(secret).decode().partition(":")
            found.username, found.password = name, password
    return found


def registry_at(server: str) -> Registry:
    """Return the registry at `server`, signed in as MLflow is; one for all calls of a process."""
    found = host_credentials(server)
    name, password = found.username or None, found.password or None
    token = None if name and password else found.token or None
    return _connected(os.getpid(), server, workspace(), token, name, password)


def workspace() -> str:
    """Return the workspace that the environment names."""
    return os.environ.get("MUNIMENT_WORKSPACE") or DEFAULT_WORKSPACE


@lru_cache(maxsize=8)
def _connected(
    _process: int,  # sockets are not for forks
    server: str,
    place: str,
    token: str | None,
    username: str | None,
    password: str | None,
) -> Registry:
    registry = connect(server, workspace=place, token=token, username=username, password=password)
    atexit.register(registry.close)
    return registry
